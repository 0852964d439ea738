"""The strip, the curve, the ledger and the training curve as views. No widgets, so that talks can use them too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from dashboard.answers import tables
from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import PUBLISHED_KEY, counted
from dashboard.answers.networks import Network
from dashboard.answers.operating import held_in_words
from dashboard.answers.tables import Shown, Table
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import LIGHT
from dashboard.export.view import View
from dashboard.ui.page import Opened
from dashboard.views import cached, ledger_entries
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve
from dashboard.views.ledger_chart import LEAST as LEDGER_LEAST
from dashboard.views.ledger_chart import ledger_chart
from dashboard.views.strip_chart import decision_strip, least_width
from dashboard.views.training_chart import training_curve

STRIP, CURVE, TRAINING, LEDGER = "strip", "curve", "training", "costs"
# Page parameters of the curve: the axes show only points that cost about as much as the one in use; only the front is
# drawn; key of the network beside the one in use.
CLOSE, FRONT, BESIDE = "close", "front", "beside"


def strip(page: Opened, shown: Sequence[Shown], focus: str | None) -> View:
    """The decision vectors of the images shown; ``focus`` is the key of the image in focus."""
    config, click_id = page.card.config, page.shared.click_id
    return View(
        key=STRIP,
        title=f"Decisions of {page.in_words}",
        draw=lambda colours: decision_strip(shown, config, focus, colours, click_id, page.shared.cost),
        tables={
            "images": lambda: tables.image_rows(shown, config),
            "decisions": lambda: tables.decision_rows(shown, config),
        },
        alt=f"Decisions for {counted(len(shown), 'image')} in each of {config.gated_blocks} gated blocks",
        finding=f"In use: {page.in_words}",
        stamp=page.stamp("the images shown"),
        notes="Each row is an image, each column a gated block. "
        + (
            "A lane is a pass, the first on top. Blank lanes were saved."
            if config.passes
            else "An empty cell with a line through it is a skip."
        ),
        least=least_width(config),
    )


def beside(page: Opened) -> Network | None:
    """The network that is shown beside the one in use; None if none is. It is one of the same data set."""
    wished = page.catalogue.network(page.shared.page.get(BESIDE, ""))
    return wished if wished in can_be_beside(page) else None


def can_be_beside(page: Opened) -> list[Network]:
    """The other networks of the data set in use."""
    used = Network.of(page.card)
    return [one for one in page.catalogue.networks if one.dataset == used.dataset and one != used]


def curve_state(page: Opened, shown: Sequence[Shown], focus: str | None) -> CurveState:
    """The curve's state on a page that shows these images; ``focus`` is the key of the image in focus."""
    shared, other = page.shared, beside(page)
    return CurveState(
        points=cached.points(page.catalogue, Network.of(page.card), shared.cost),
        beside=cached.points(page.catalogue, other, shared.cost) if other else (),
        only_front=FRONT in shared.page,
        images=tables.image_rows(shown, page.card.config),
        cost=shared.cost,
        scale=shared.scale,
        checkpoint=page.card.name,
        budget=page.budget,
        focus=focus,
        hidden=shared.hidden,
        close=CLOSE in shared.page,
        click_id=shared.click_id,
    )


def curve(page: Opened, state: CurveState) -> View:
    """Accuracy against cost of all checkpoints, with the costs of the images shown."""
    published = any(row["family"] == PUBLISHED_KEY for row in state.shown)
    measure, used, other = MEASURES[state.cost], Network.of(page.card), beside(page)
    both = used.in_words if other is None else f"{used.title} and {other.in_words}"
    stamp = page.stamp("measured and published" if published else "measured")
    return View(
        key=CURVE,
        title=f"Accuracy and {measure.name} of {both}",
        draw=lambda colours: accuracy_curve(state, colours),
        tables={"points": lambda: point_table(state)},
        alt=f"{'Accuracy' if state.has_live else 'Test accuracy'} against cost of {_count(state)} points",
        finding="; ".join(filter(None, (f"In use: {page.in_words}", outside_in_words(state)))),
        stamp=replace(stamp, network=both) if other else stamp,
        notes=measure.about,
    )


def point_table(state: CurveState) -> Table:
    """The points shown, what matters most in the first columns; ``front`` says which are on their network's front."""
    best = {id(point) for point in (*state.front, *state.front_beside)}
    rows = []
    for point in (*state.shown, *state.shown_beside):
        row = {key: value for key, value in point.items() if key not in ("family", "line")}
        row["front"] = "front" if id(point) in best else ""
        rows.append({key: row[key] for key in ("label", "accuracy", state.column, "front")} | row)
    return rows


def _count(state: CurveState) -> int:
    return len(state.shown) + len(state.shown_beside)


def outside_in_words(state: CurveState) -> str:
    """How many of the images shown lie outside the cost axis; empty if none."""
    count = state.outside
    return f"{count} {'image lies' if count == 1 else 'images lie'} outside this view" if count else ""


def ledger(page: Opened, shown: Sequence[Shown], in_focus: Shown | None) -> View:
    """Where the cost goes: the cost of every part of the network and of every decision, and their sum."""
    card, cost = page.card, page.shared.cost
    rows = ledger_entries.ledger_rows(list(shown), in_focus, card, cost, page.has_test_figures)
    name = MEASURES[cost].name
    return View(
        key=LEDGER,
        title=f"Where the {name} of {page.in_words} goes",
        draw=lambda colours: ledger_chart(rows, cost, colours),
        tables={
            "ledger": lambda: rows,
            "every decision": lambda: ledger_entries.decision_entries(in_focus, card.config, cost) if in_focus else [],
        },
        alt=f"{name} in percent by stage and by kind",
        finding=f"In total {rows[-1]['shown']:.2f} % for the images shown",
        stamp=page.stamp("the images shown"),
        notes=MEASURES[cost].about,
        least=LEDGER_LEAST,
    )


def training(page: Opened) -> View | None:
    """cp and its target during training; None if the checkpoint has no log of cp."""
    name = page.card.name
    log = cached.training_log(name)
    if training_curve(log, LIGHT) is None:
        return None
    return View(
        key=TRAINING,
        title=f"cp of {name} in training",
        draw=lambda colours: cast(Figure, training_curve(log, colours)),
        tables={"training": lambda: log},
        alt="cp of the training batches against its target",
        stamp=page.stamp("training batches", cost="cp"),
        notes=held_in_words([page.card]),
    )
