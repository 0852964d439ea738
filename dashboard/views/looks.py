"""What looking again does on the test set, as views: by class and by confidence. Test set and talks show them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dashboard.answers import looks
from dashboard.answers.classes import Group, ends, groups, left_out, word
from dashboard.answers.looks import Looked
from dashboard.answers.naming import counted
from dashboard.export.view import View
from dashboard.ui.page import Opened
from dashboard.views.passes_chart import change_chart, passes_chart
from dfs_core.checkpoints.traces import Traces

BY_CLASS, BY_CONFIDENCE, CHANGES = "passes_by_class", "passes_by_confidence", "looks_changes"


def all_of(traces: Traces) -> np.ndarray:
    """Indices of all images."""
    return np.arange(len(traces))


def by_class(
    page: Opened,
    traces: Traces,
    chosen: np.ndarray,
    picked: tuple[str, int] | None = None,
    shown: Sequence[Group] | None = None,
) -> View:
    """Share of the images of each class by number of passes.

    Args:
        page: the opened page.
        traces: of the test set.
        chosen: indices of the images.
        picked: the filter's group and number of passes.
        shown: the groups of classes; by default superclasses where there are any.
    """
    config, click_id = page.card.config, page.shared.click_id
    shown = groups(traces.classes) if shown is None else shown
    rows, one = looks.class_rows(traces, config, chosen, shown), word(shown)
    names = list(dict.fromkeys(row["group"] for row in rows))
    drawn = set(ends(names))
    inside = [row for row in rows if row["group"] in drawn]
    return View(
        key=BY_CLASS,
        title=f"Passes for each {one}, {page.in_words}",
        draw=lambda colours: passes_chart(inside, config, colours, picked, click_id),
        tables={"passes by class": lambda: rows},
        alt=f"Share of {counted(len(chosen), 'test image')} by number of passes, for each {one}",
        stamp=page.stamp("measured"),
        notes=f"Each bar is a {one}. The number on its right is the share of its images that were looked at again."
        + left_out(len(names), "those looked at again most and least often"),
    )


def by_confidence(page: Opened, traces: Traces, chosen: np.ndarray) -> View:
    """Share of the images by number of passes, for each bin of the first pass's confidence."""
    config = page.card.config
    rows = looks.confidence_rows(traces, config, chosen)
    return View(
        key=BY_CONFIDENCE,
        title=f"Passes by how sure the first one was, {page.in_words}",
        draw=lambda colours: passes_chart(rows, config, colours, clicks=False),
        tables={"passes by confidence": lambda: rows},
        alt=f"Share of {counted(len(chosen), 'test image')} by number of passes, for each confidence of the first pass",
        stamp=page.stamp("measured"),
        notes="Each bar has the images of which the first pass was so sure.",
    )


def changes(page: Opened, found: Looked) -> View:
    """How many of the images that were looked at again stayed right or wrong, and how many were changed."""
    rows = looks.change_rows(found)
    return View(
        key=CHANGES,
        title=f"What looking again changed, {page.in_words}",
        draw=lambda colours: change_chart(rows, colours),
        tables={"outcomes": lambda: rows},
        alt=f"What came of looking again at {counted(found.again, 'image')}",
        finding=in_words(found),
        stamp=page.stamp("measured"),
        notes="The first answer and the last one are compared, image by image.",
    )


def in_words(found: Looked) -> str:
    """What came of looking again, as sentences."""
    gain = found.righted - found.spoiled
    come = (
        "as many right as before"
        if not gain
        else f"{counted(abs(gain), 'image')} {'more' if gain > 0 else 'fewer'} right"
    )
    return (
        f"{found.share:.1f} % of the images were looked at again, {found.passes:.2f} passes an image on average."
        f" Looking again put {found.righted:,} right and {found.spoiled:,} wrong: {come}."
    )
