"""The charts of Test set; a click on a chart filters the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard.answers.classes import Group, ends, left_out, word, words
from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import counted, unbroken
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.testset import confusions, cost_charts, shares_chart, statistics, vectors_chart
from dashboard.testset.filters import Filter
from dashboard.testset.head_panel import narrow
from dashboard.testset.statistics import VectorRow
from dashboard.ui import class_groups
from dashboard.ui.page import Opened
from dashboard.ui.show import picked, show
from dashboard.ui.toolbar import RowAction
from dfs_core.checkpoints.traces import Traces

SHARES, CLASSES, CONFIDENCE, GROUPS, VECTORS = "shares", "classes", "confidence", "cost_groups", "decision_vectors"
CONFUSIONS, ACCURACY = "confusion_matrix", "class_accuracy"
_VECTOR = "decision vector"  # what the table calls it


def share_view(page: Opened, traces: Traces, chosen: np.ndarray, wanted: Filter) -> None:
    """Share of images that take each option in each block; a click on a segment toggles a filter."""
    config, click_id = page.card.config, page.shared.click_id
    rows = statistics.share_rows(traces, config, chosen)
    st.html(legends.options(config.option_set, page.colours))
    view = View(
        key=SHARES,
        title=f"Decision shares of {page.in_words}, {counted(len(chosen), 'test image')}",
        draw=lambda colours: shares_chart.share_chart(rows, config, wanted.taken, colours, click_id),
        tables={"shares": lambda: rows},
        alt=f"Share of {counted(len(chosen), 'test image')} that take each option in each of {config.gated_blocks}"
        " gated blocks",
        stamp=page.stamp("measured"),
        notes="Each bar is a gated block, each segment the share of images that take that option there.",
    )

    def use(found: Mapping[str, Any]) -> None:
        narrow(page, wanted.toggled(int(found["block"]), found["option"]))

    _show(view, page, use, shares_chart.SHARE_PARAM, rows=True)
    st.caption("A click on a part of a bar filters; so does a row of the table.")


def class_view(page: Opened, traces: Traces, cost: np.ndarray, chosen: np.ndarray, wanted: Filter) -> None:
    """Cost per class, or accuracy if all cost the same; a click on a class filters, a second one removes the filter."""
    if np.ptp(cost[chosen]) > 0:
        _cost_per_class(page, traces, cost, chosen, wanted)
        return
    if wanted.verdict or wanted.change:  # accuracy is 0 or 100 %; the confusions follow the switch all the same
        class_groups.choose(traces.classes, page.shared)
    else:
        _accuracy_per_class(page, traces, chosen, wanted)
    name = MEASURES[page.shared.cost].name
    st.caption(unbroken(f"All these images cost the same: {cost[chosen[0]]:.2f} % ({name})."))


def _accuracy_per_class(page: Opened, traces: Traces, chosen: np.ndarray, wanted: Filter) -> None:
    shown = class_groups.of_page(traces.classes, page.shared)
    st.markdown(f"### Accuracy per {word(shown)}")
    class_groups.choose(traces.classes, page.shared)
    hits, wished = statistics.accuracy_rows(traces, chosen, shown), _wished(shown, wanted)
    view = View(
        key=ACCURACY,
        title=f"Accuracy per {word(shown)}, {page.in_words}",
        draw=lambda colours: cost_charts.accuracy_chart(ends(hits), wished, colours, page.shared.click_id),
        tables={"classes": lambda: hits},
        alt=f"Share of right predictions of the test images of each of {len(hits)} {words(shown)}, with intervals",
        stamp=page.stamp("measured", cost=""),
        notes="Point: share of right predictions with its 95 % interval. All images cost the same.",
    )
    _show(view, page, lambda found: _one_class(page, shown, wanted, found), cost_charts.CLASS_PARAM)
    rest = left_out(len(hits), "the hardest and the easiest")
    st.caption(unbroken(f"Point: share of right predictions with its 95 % interval. A click filters.{rest}"))


def _cost_per_class(page: Opened, traces: Traces, cost: np.ndarray, chosen: np.ndarray, wanted: Filter) -> None:
    measure, shown = MEASURES[page.shared.cost], class_groups.of_page(traces.classes, page.shared)
    one = word(shown)
    st.markdown(f"### Cost per {one}")
    class_groups.choose(traces.classes, page.shared)
    rows, wished = statistics.class_rows(traces, cost, chosen, shown), _wished(shown, wanted)
    meaning = f"Point: mean with its 95 % interval. Band: the middle 80 % of the {one}'s images."
    view = View(
        key=CLASSES,
        title=f"{measure.name} per {one}, {page.in_words}",
        draw=lambda colours: cost_charts.class_chart(ends(rows), measure.axis, wished, colours, page.shared.click_id),
        tables={"classes": lambda: rows},
        alt=f"Mean {measure.name} of the test images of each of {len(rows)} {words(shown)}, with intervals",
        stamp=page.stamp("measured"),
        notes=meaning,
    )
    _show(view, page, lambda found: _one_class(page, shown, wanted, found), cost_charts.CLASS_PARAM)
    rest = left_out(len(rows), "the cheapest and the dearest")
    st.caption(unbroken(f"{meaning} A click filters.{rest}"))


def _wished(shown: Sequence[Group], wanted: Filter) -> list[str]:
    """The names of the groups that the filter names, which are highlighted."""
    return [group.name for group in shown if set(group.classes) <= set(wanted.classes)]


def _one_class(page: Opened, shown: Sequence[Group], wanted: Filter, found: Mapping[str, Any]) -> None:
    """Filter by the class or superclass that was clicked; a second click removes the filter."""
    names = next(group.classes for group in shown if group.name == found["class"])
    narrow(page, replace(wanted, classes=() if set(wanted.classes) == set(names) else names))


def cost_views(page: Opened, traces: Traces, cost: np.ndarray, chosen: np.ndarray, wanted: Filter) -> None:
    """Cost against correctness and confidence, if the costs differ."""
    if np.ptp(cost[chosen]) == 0:
        name = MEASURES[page.shared.cost].name
        text = f"All these images cost the same, {cost[chosen[0]]:.2f} % ({name}), so cost is not shown by confidence."
        st.caption(unbroken(text))
        return
    if not (wanted.verdict or wanted.change):  # otherwise accuracy is 0 or 100 %
        group_view(page, traces, cost, chosen, wanted)
    confidence_view(page, traces, cost, chosen)


def confidence_view(page: Opened, traces: Traces, cost: np.ndarray, chosen: np.ndarray) -> None:
    """Cost against confidence, separately for right and wrong predictions."""
    measure = MEASURES[page.shared.cost]
    rows = statistics.confidence_rows(traces, cost, chosen)
    st.markdown("### Cost against confidence")
    view = View(
        key=CONFIDENCE,
        title=f"{measure.name} by confidence, {page.in_words}",
        draw=lambda colours: cost_charts.confidence_chart(rows, measure.name, colours),
        tables={"confidence": lambda: rows},
        alt=f"Mean {measure.name} by confidence of the prediction, for right and wrong ones, with 95 % intervals",
        stamp=page.stamp("measured"),
        notes="Do uncertain images cost more? Discs: right predictions. Crosses: wrong ones.",
    )
    show(view, page.colours)
    st.caption(
        unbroken("Labels are lower ends of confidence bins. ● right, ✚ wrong. Lines: 95 % intervals of the mean.")
    )


def group_view(page: Opened, traces: Traces, cost: np.ndarray, chosen: np.ndarray, wanted: Filter) -> None:
    """Accuracy by cost; a click on a group filters by its cost."""
    measure, click_id = MEASURES[page.shared.cost], page.shared.click_id
    rows = statistics.cost_rows(traces, cost, chosen)
    sizes = statistics.sizes_in_words([row["images"] for row in rows])
    st.markdown("### Accuracy by cost")
    view = View(
        key=GROUPS,
        title=f"Accuracy by {measure.name} of the image, {page.in_words}",
        draw=lambda colours: cost_charts.group_chart(rows, measure.axis, colours, click_id),
        tables={"groups": lambda: rows},
        alt=f"Share of right predictions in groups of test images by their {measure.name}",
        stamp=page.stamp("measured"),
        notes=f"The images are split by cost into {sizes}, cheapest first, with 95 % intervals.",
    )

    def use(found: Mapping[str, Any]) -> None:
        narrow(page, replace(wanted, low=float(found["from"]), high=float(found["to"])))

    _show(view, page, use, cost_charts.GROUP_PARAM)
    st.caption(unbroken(f"Cheapest first: {sizes}, with 95 % intervals. A click filters by cost."))


def confusion_view(page: Opened, traces: Traces, chosen: np.ndarray, wanted: Filter) -> None:
    """Which classes are taken for which; a click filters by a confusion, a second click removes the filter."""
    if wanted.verdict == "right":
        return
    st.markdown("### Confusions")
    shown = class_groups.of_page(traces.classes, page.shared)
    one = word(shown)
    rows = confusions.confusion_rows(traces, chosen, shown)
    if not rows:
        st.caption("All these predictions are right.")
        return
    click_id, members = page.shared.click_id, {group.name: group.classes for group in shown}
    drawn = confusions.drawn(rows, shown)
    within = "" if one == "class" else " On the diagonal, another class of the same superclass was predicted."
    named = {classes: name for name, classes in members.items()}
    cell = named.get(wanted.classes), named.get(wanted.answers)
    in_use = (cell[0], cell[1]) if cell[0] and cell[1] else None
    view = View(
        key=CONFUSIONS,
        title=f"Confusions of {page.in_words}",
        draw=lambda colours: confusions.confusion_chart(rows, drawn, in_use, colours, click_id),
        tables={"confusions": lambda: rows},
        alt=f"How many test images of each of {len(shown)} {words(shown)} were wrongly taken for each {one}",
        finding=f"Most often: {confusions.in_words(rows[0])}",
        stamp=page.stamp("measured"),
        notes="A row is what images show, a column what was predicted. Only wrong predictions are counted." + within,
        least=confusions.least_width(drawn),
    )

    def use(found: Mapping[str, Any]) -> None:
        truth, answer = members[found["truth"]], members[found["answer"]]
        again = (wanted.classes, wanted.answers) == (truth, answer)
        narrow(
            page,
            replace(
                wanted,
                classes=() if again else truth,
                answers=() if again else answer,
                verdict="" if again else "wrong",
            ),
        )

    _show(view, page, use, confusions.CONFUSION_PARAM, rows=True)
    wrong = sum(row["images"] for row in rows)
    st.caption(
        unbroken(
            f"{counted(wrong, 'wrong prediction')} of {len(chosen):,}. Rows: what the image shows. Columns: what was"
            f" predicted.{within} A click filters; so does a row of the table."
            f"{left_out(len(shown), 'those that are confused most often')}"
        )
    )


def vector_view(
    page: Opened,
    traces: Traces,
    costs: dict[str, np.ndarray],
    chosen: np.ndarray,
    wanted: Filter,
    count: int,
) -> None:
    """The most frequent of ``count`` decision vectors; a click filters by one, a second click removes the filter."""
    measure, config, click_id = MEASURES[page.shared.cost], page.card.config, page.shared.click_id
    rows = _vectors(traces, costs, chosen, wanted, vectors_chart.MOST)
    st.markdown("### Decision vectors by frequency")
    different = counted(count, "different decision vector")
    view = View(
        key=VECTORS,
        title=f"Most frequent decision vectors of {page.in_words}",
        draw=lambda colours: vectors_chart.vector_chart(rows, measure.column, config, wanted.vector, colours, click_id),
        tables={
            "decision vectors": lambda: [
                {_VECTOR if key == "vector" else key: value for key, value in row.items()}
                for row in _vectors(traces, costs, chosen, wanted)
            ]
        },
        alt="The most frequent decision vectors",
        finding=f"Number of different ones: {count:,}",
        stamp=page.stamp("measured"),
        notes=f"{different}; the most frequent has {rows[0]['share']:.1f} % of the images.",
    )

    def use(found: Mapping[str, Any]) -> None:
        vector = found["vector"] if "vector" in found else found[_VECTOR]
        narrow(page, replace(wanted, vector="" if wanted.vector == vector else vector))

    _show(view, page, use, vectors_chart.VECTOR_PARAM, rows=True)
    st.caption(
        unbroken(
            f"{len(rows)} of {different}, with {rows[-1]['cumulative']:.1f} % of the images."
            f" Cost: {measure.name}. A click filters; so does a row of the table, which has all of them."
        )
    )


def _show(view: View, page: Opened, use: RowAction, param: str, rows: bool = False) -> None:
    """Show a view; ``use`` gets a clicked mark of the selection ``param`` and, if ``rows``, a chosen row of a table."""

    def click() -> None:
        if found := picked(view.key, param):
            use(found)

    show(view, page.colours, click, param, on_row=use if rows else None)


def _vectors(
    traces: Traces, costs: dict[str, np.ndarray], chosen: np.ndarray, wanted: Filter, most: int | None = None
) -> list[VectorRow]:
    """The most frequent decision vectors; without accuracies if all images are right, or all wrong."""
    rows = statistics.vector_rows(traces, costs, chosen, most)
    if wanted.verdict or wanted.change:
        for row in rows:
            del row["accuracy"]
    return rows
