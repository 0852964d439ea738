"""The strip, the curve, the ledger and the training curve as views. No widgets, so that talks can use them too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from dashboard.answers import tables
from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import PUBLISHED_KEY
from dashboard.answers.tables import Shown
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import LIGHT
from dashboard.export.view import View
from dashboard.ui.page import Opened
from dashboard.views import cached, ledger_entries
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve
from dashboard.views.ledger_chart import ledger_chart
from dashboard.views.points import PointRow
from dashboard.views.strip_chart import decision_strip
from dashboard.views.training_chart import training_curve

STRIP, CURVE, TRAINING, LEDGER = "strip", "curve", "training", "costs"
CLOSE = "close"  # page parameter: the axes show only points that cost about as much as the one in use


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
        alt=f"Decisions for {len(shown)} images in each of {config.gated_blocks} gated blocks",
        finding=f"In use: {page.in_words}",
        stamp=page.stamp("the images shown"),
        notes="Each row is an image, each column a gated block. "
        + (
            "A lane is a pass, the first on top. Blank lanes were saved."
            if config.passes
            else "An empty cell with a line through it is a skip."
        ),
    )


def points(page: Opened) -> list[PointRow]:
    """The points of the accuracy/cost curve, for all families."""
    return cached.points(page.catalogue, page.card.dataset, page.shared.cost)


def curve_state(page: Opened, shown: Sequence[Shown], focus: str | None) -> CurveState:
    """The curve's state on a page that shows these images; ``focus`` is the key of the image in focus."""
    shared = page.shared
    return CurveState(
        points=points(page),
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
    published = any(row["family"] == PUBLISHED_KEY for row in state.visible)
    measure = MEASURES[state.cost]
    return View(
        key=CURVE,
        title=f"Accuracy and {measure.name} on {page.card.dataset}",
        draw=lambda colours: accuracy_curve(state, colours),
        tables={"points": lambda: [{k: v for k, v in p.items() if k not in ("family", "line")} for p in state.visible]},
        alt=f"{'Accuracy' if state.has_live else 'Test accuracy'} against cost of {len(state.visible)} points",
        finding="; ".join(filter(None, (f"In use: {page.in_words}", outside_in_words(state)))),
        stamp=page.stamp("measured and published" if published else "measured"),
        notes=measure.about,
    )


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
        stamp=page.stamp("measured"),
    )
