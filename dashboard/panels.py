"""The parts that pages put together. Each draws one thing; charts and numbers come from figures, curves and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, cast

import streamlit as st

from dashboard import absent, cached, curves, figures, legends, operating, state, tables
from dashboard.catalogue import describe
from dashboard.costs import MEASURES
from dashboard.figure import Figure
from dashboard.opening import Opened
from dashboard.pictures import Picture
from dashboard.tables import Shown
from dashboard.view import View, show
from dfs_core.checkpoint import Card
from dfs_core.errors import UserError

STRIP, CURVE, TRAINING = "strip", "curve", "training"
AHEAD = 12  # operating points that are asked in advance


def decide(pictures: Sequence[Picture], card: Card, budget: float | None = None) -> list[Shown]:
    """What an operating point decides for the pictures; if it cannot be loaded, a message and nothing."""
    engine = cached.engine()
    try:
        if engine.knows(pictures, card, budget):
            traces = engine.predict(pictures, card, budget)
        else:
            with st.spinner("Deciding"):
                traces = engine.predict(pictures, card, budget)
    except UserError as error:
        absent.cannot_decide(error)
        return []
    return [Shown(picture, trace) for picture, trace in zip(pictures, traces, strict=True)]


def think_ahead(page: Opened, pictures: Sequence[Picture]) -> None:
    """Ask the other checkpoints in the background, the same family first: that is where the next click goes."""
    family = page.catalogue.family_of(page.card).cards
    others = [card for card in page.catalogue.cards if card.dataset == page.card.dataset and card not in family]
    points = [(card, operating.usual_budget(card)) for card in (*family, *others)]
    cached.engine().look_ahead(pictures, points[:AHEAD])


def ledger(shown: Sequence[Shown], card: Card, budget: float | None = None) -> None:
    """What is in use, in words, and its test figures above those of the images shown."""
    rows = []
    for row in tables.ledger_rows(shown, card):
        accuracy = "-"
        if row["low"] is not None:
            accuracy = f"{row['accuracy']:.2f} % <small>{row['low']:.2f} to {row['high']:.2f}</small>"
        elif row["known"]:
            accuracy = f"{row['right']} of {row['known']} right"
        costs = [row["cp"], row["all_in"]]
        cost = "".join("<td>-</td>" if value is None else f"<td>{value:.2f} %</td>" for value in costs)
        rows.append(f"<tr><th scope='row'>{row['what']}</th><td>{row['images']:,}</td><td>{accuracy}</td>{cost}</tr>")
    st.html(
        f"""<div class="dfs-ledger"><div><h2>{escape(describe(card, budget))}</h2>
<p>in use: <code>{escape(card.name)}</code>, trained on {escape(card.dataset)}</p></div>
<table><thead><tr><td></td><th>images</th><th>accuracy, 95 % interval</th><th>cp</th><th>all-in</th></tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>"""
    )


def strip(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> None:
    """The decisions of the images shown, with their legend and table; a click on a row puts that image in focus."""
    if not shown or in_focus is None:
        return
    config, focus, turn = page.card.config, in_focus.picture.key, page.shared.turn
    st.html(legends.options(config.option_set, page.colours))
    view = View(
        key=STRIP,
        title=f"Decisions of {page.in_words}",
        draw=lambda colours: figures.decision_strip(shown, config, focus, colours, turn),
        tables={
            "images": lambda: tables.image_rows(shown, config),
            "decisions": lambda: tables.decision_rows(shown, config),
        },
        alt=f"What {page.in_words} decides for {len(shown)} images in each of {config.gated_blocks} gated blocks",
        stamp=page.stamp("your images"),
        notes="Each row is an image, each column a gated block; an empty cell with a line through it is skipped.",
    )
    show(view, page.colours, _row_picked, figures.FOCUS_PARAMS)


def curve(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> None:
    """Accuracy against cost of all checkpoints and the images shown on one axis; a click chooses a checkpoint."""
    card, shared = page.card, page.shared
    points = tables.point_rows(page.catalogue, card.dataset, cached.published(), shared.cost)
    with st.container(horizontal=True, vertical_alignment="center", key="curve_bar"):
        st.markdown("#### Accuracy and cost", width="stretch")
        _switch("Cost on the axis", "cost", {key: measure.name for key, measure in MEASURES.items()}, shared.cost)
        _switch("Scale of the axis", "scale", {"linear": "linear", "log": "log"}, shared.scale)
    st.html(legends.points(points, page.colours))
    focus = in_focus.picture.key if in_focus else None
    images = tables.image_rows(shown, card.config)
    published = any(point["group"] == tables.PUBLISHED_GROUP for point in points)
    view = View(
        key=CURVE,
        title=f"Accuracy and {MEASURES[shared.cost].name} on {card.dataset}",
        draw=lambda colours: curves.accuracy_curve(
            points, images, card.name, focus, shared.cost, shared.scale, colours, shared.turn
        ),
        tables={"points": lambda: points},
        alt=f"Test accuracy against cost of {len(points)} networks; in use: {page.in_words}",
        stamp=page.stamp("measured and published" if published else "measured"),
        notes=MEASURES[shared.cost].about,
    )
    show(view, page.colours, _point_picked, curves.POINT_PARAM)
    missing = "" if shared.cost == "cp" else " Published points have cp alone."
    st.caption(f"Click a point to use it. Ticks at the foot: the images shown, each at its own cost.{missing}")


def training(page: Opened) -> None:
    """cp against its target while the checkpoint was trained."""
    title = "How cp reached its target in training"
    with st.expander(title, icon=":material/show_chart:", key="training_panel", on_change="rerun") as panel:
        if not panel.open:
            return
        name = page.card.name
        log = cached.training_log(name)
        if curves.training_curve(log, page.colours) is None:
            st.caption(f"{name} has no training log with a cp in it.")
            return
        view = View(
            key=TRAINING,
            title=f"cp of {name} in training",
            draw=lambda colours: cast(Figure, curves.training_curve(log, colours)),
            tables={"training": lambda: log},
            alt=f"cp of the training batches of {name} against its target",
            stamp=page.stamp("measured"),
        )
        show(view, page.colours)
        st.caption("Line: training batches. Circles: validation. Dashed: target.")


def _switch(label: str, field: str, names: Mapping[str, str], value: str) -> None:
    control = state.Control.showing(field, value)
    st.segmented_control(
        label,
        list(names),
        default=value,
        format_func=names.__getitem__,
        key=control.key,
        required=True,
        label_visibility="collapsed",
        on_change=control.choice(lambda chosen: state.change(**{field: chosen})),
    )


def _point_picked() -> None:
    picked = _latest(st.session_state[CURVE].selection, [curves.POINT_PARAM])
    if picked:
        state.change(checkpoint=picked["checkpoint"], note="")


def _row_picked() -> None:
    picked = _latest(st.session_state[STRIP].selection, figures.FOCUS_PARAMS)
    if picked:
        state.change(image=picked["key"])


def _latest(selection: Mapping[str, Any], params: Sequence[str]) -> dict[str, Any] | None:
    """Of what is selected in a chart, the newest: a selection stays until another one of the same kind replaces it."""
    found = [chosen[0] for chosen in map(selection.get, params) if chosen]
    return max(found, key=lambda datum: datum["turn"], default=None)
