"""The parts that pages put together. Each draws one thing; charts and numbers come from figures, curves and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cached, curves, figures, legends, state, tables
from dashboard.catalogue import Catalogue, describe
from dashboard.palette import Palette
from dashboard.pictures import Picture
from dashboard.tables import Rows, Shown
from dfs_core.checkpoint import Card, pretrained_dir
from dfs_core.errors import UserError

STRIP, CURVE = "strip", "curve"
AHEAD = 12  # checkpoints that are asked in advance


def problems(catalogue: Catalogue) -> None:
    """What is wrong with checkpoints that cannot be used; the page goes on without them."""
    if catalogue.problems and catalogue.cards:
        count = len(catalogue.problems)
        title = "1 checkpoint cannot be used" if count == 1 else f"{count} checkpoints cannot be used"
        with st.expander(title, icon=":material/warning:"):
            for line in catalogue.problems:
                st.markdown(f"- {_plain(line)}")
            st.caption("The others work. Copy the folder again, or delete it, and reload the page.")


def nothing_here() -> None:
    """There is no checkpoint at all."""
    found = cached.catalogue().problems
    st.header("No checkpoints yet")
    st.markdown(
        f"A checkpoint is a folder with `card.json` and `weights.safetensors`. There is none in `{pretrained_dir()}`."
    )
    for line in found:
        st.error(_plain(line), icon=":material/error:")
    st.markdown(
        "- The project's own lie in `pretrained/` of the repository: unset `DFS_PRETRAINED_DIR`, or let it name a"
        " folder that holds checkpoints.\n"
        "- Or train one: `python -m dfs_core train CONFIG --data-dir DIR --out pretrained/NAME`."
    )


def decide(pictures: Sequence[Picture], card: Card) -> list[Shown]:
    """What the checkpoint decides for the pictures; if it cannot be loaded, a message and nothing."""
    engine = cached.engine()
    try:
        if engine.knows(pictures, card):
            traces = engine.predict(pictures, card)
        else:
            with st.spinner("Deciding"):
                traces = engine.predict(pictures, card)
    except UserError as error:
        st.error(f"{_plain(str(error))}. Choose another checkpoint above, or mend this one.", icon=":material/error:")
        return []
    return [Shown(picture, trace) for picture, trace in zip(pictures, traces, strict=True)]


def think_ahead(catalogue: Catalogue, card: Card, pictures: Sequence[Picture]) -> None:
    """Ask the other checkpoints in the background, the same family first: that is where the next click goes."""
    family = catalogue.family_of(card).cards
    others = [other for other in catalogue.cards if other.dataset == card.dataset and other not in family]
    cached.engine().look_ahead(pictures, [*family, *others][:AHEAD])


def ledger(shown: Sequence[Shown], card: Card) -> None:
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
        f"""<div class="dfs-ledger"><div><h2>{escape(describe(card))}</h2>
<p>in use: <code>{escape(card.name)}</code>, trained on {escape(card.dataset)}</p></div>
<table><thead><tr><td></td><th>images</th><th>accuracy, 95 % interval</th><th>cp</th><th>all-in</th></tr></thead>
<tbody>{"".join(rows)}</tbody></table></div>"""
    )


def strip(shown: Sequence[Shown], card: Card, in_focus: Shown | None, shared: state.State, colours: Palette) -> None:
    """The decisions of the images shown, with their legend and table; a click on a row puts that image in focus."""
    if not shown or in_focus is None:
        return
    config = card.config
    st.html(legends.options(card.config.option_set, colours))
    st.vega_lite_chart(
        figures.decision_strip(shown, config, in_focus.picture.key, colours, shared.turn).for_streamlit(),
        key=STRIP,
        on_select=_row_picked,
        selection_mode=list(figures.FOCUS_PARAMS),
        alt=f"What {describe(card)} decides for {len(shown)} images in each of {config.gated_blocks} gated blocks",
    )
    table(
        "Tables of images and decisions",
        {"images": lambda: tables.image_rows(shown), "decisions": lambda: tables.decision_rows(shown, config)},
    )


def curve(
    catalogue: Catalogue,
    card: Card,
    shown: Sequence[Shown],
    in_focus: Shown | None,
    shared: state.State,
    colours: Palette,
) -> None:
    """Accuracy against cost of all checkpoints and the images shown on one axis; a click chooses a checkpoint."""
    points = tables.point_rows(catalogue, card.dataset, cached.published(), shared.cost)
    with st.container(horizontal=True, vertical_alignment="center", key="curve_bar"):
        st.markdown("#### Accuracy and cost", width="stretch")
        _switch("Cost on the axis", "cost", ["cp", "all-in"], shared.cost)
        _switch("Scale of the axis", "scale", ["linear", "log"], shared.scale)
    st.html(legends.points(points, colours))
    focus = in_focus.picture.key if in_focus else None
    images = tables.image_rows(shown)
    st.vega_lite_chart(
        curves.accuracy_curve(
            points, images, card.name, focus, shared.cost, shared.scale, colours, shared.turn
        ).for_streamlit(),
        key=CURVE,
        on_select=_point_picked,
        selection_mode=curves.POINT_PARAM,
        alt=f"Test accuracy against cost of {len(points)} networks; in use: {describe(card)}",
    )
    missing = "" if shared.cost == "cp" else " Published points have no all-in cost."
    st.caption(f"Click a point to use it. Ticks at the foot: the images shown, each at its own cost.{missing}")
    table("Table of points", {"points": lambda: points})


def training(card: Card, colours: Palette) -> None:
    """cp against its target while the checkpoint was trained."""
    title = "How cp reached its target in training"
    with st.expander(title, icon=":material/show_chart:", key="training_panel", on_change="rerun") as panel:
        if not panel.open:
            return
        log = cached.training_log(card.name)
        chart = curves.training_curve(log, colours)
        if chart is None:
            st.caption(f"{card.name} has no training log with a cp in it.")
            return
        st.vega_lite_chart(
            chart.for_streamlit(), key="training", alt=f"cp of the training batches of {card.name} against its target"
        )
        st.caption("Line: training batches. Circles: validation. Dashed: target.")
        table("Table of the log", {"training": lambda: log})


def table(title: str, parts: Mapping[str, Callable[[], Rows]]) -> None:
    """The numbers behind a chart, to read and to take away; made only when somebody wants them."""
    first = next(iter(parts))
    panel = st.expander(title, icon=":material/table_rows:", key=f"{first}_table", on_change="rerun")
    if not panel.open:
        return
    for name, rows in parts.items():
        data = pd.DataFrame(rows()).drop(columns=["row", "key"], errors="ignore")
        panel.dataframe(data, hide_index=True, height=min(300, 40 + 35 * len(data)))
        panel.download_button(
            f"Download {name}.csv",
            data.to_csv(index=False),
            f"{name}.csv",
            "text/csv",
            key=f"{name}_csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _switch(label: str, field: str, values: list[str], value: str) -> None:
    control = state.Control.showing(field, value)
    st.segmented_control(
        label,
        values,
        default=value,
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


def _plain(text: str) -> str:
    """A message as it is: paths may hold characters that Markdown would take for its own."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#$~|:" else char for char in text)
