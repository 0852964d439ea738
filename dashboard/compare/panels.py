"""The panels of Compare below the controls: strips with their difference, changes, and the test set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from dashboard.answers import two_points
from dashboard.answers.classes import left_out, word
from dashboard.answers.costs import MEASURES, Measure, measures_shown
from dashboard.answers.naming import class_name, counted, listed, plain, told_apart, unbroken
from dashboard.answers.tables import Table
from dashboard.answers.times import alone
from dashboard.compare import class_heatmap, differences, lanes
from dashboard.compare.differences import Pair, SideRow
from dashboard.drawing import legends
from dashboard.drawing.diverging import difference_keys, signed
from dashboard.export.view import View
from dashboard.ui import cached, class_groups, html_tables, stored_traces
from dashboard.ui.page import Opened
from dashboard.ui.show import show
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError
from dfs_core.results.agreement import Agreement, chance_in_words, p_in_words, why_not
from dfs_core.timing.calibration import Calibration

LANES, CLASSES = "lanes", "class_blocks"


def strips(page: Opened, pairs: Sequence[Pair], title: str, left: OperatingPoint, right: OperatingPoint) -> None:
    """Both strips of each pair and their difference, with the table of what changes."""
    config, other = pairs[0][0].config, pairs[0][1].config
    st.html(legends.options(differences.options_of(config, other), page.colours))
    why = differences.why_not(config, other)
    if why:
        st.info(plain(why), icon=":material/layers_clear:")
    else:
        st.html(legends.legend(difference_keys(page.colours), page.colours, "B \N{MINUS SIGN} A"))
    measure = MEASURES[page.shared.cost]
    view = View(
        key=LANES,
        title=title,
        draw=lambda colours: lanes.lane_chart(pairs, measure, colours),
        tables={
            **_table(pairs),
            "differences": lambda: differences.difference_rows(pairs),
        },
        alt=f"Decisions of A and B for {counted(len(pairs), 'image')}"
        + ("" if why else ", and the difference in cost, block by block"),
        stamp=page.stamp("the images shown", left.card, right.card),
        notes="First row A, second row B"
        + ("." if why else ", third row the difference: orange and + where B computes more."),
    )
    show(view, page.colours)
    if config.passes or other.passes:
        st.caption("Of a cascade, the strips show the last pass. Differences and costs count every pass.")


def _table(pairs: Sequence[Pair]) -> dict[str, Callable[[], Table]]:
    """The table of what the page shows below the strips."""
    if _two_images(pairs):
        return {"images": lambda: differences.side_rows(pairs[0])}
    return {"changes": lambda: differences.change_rows(pairs)}


def _two_images(pairs: Sequence[Pair]) -> bool:
    return len(pairs) == 1 and differences.are_two_images(pairs[0])


def changes(page: Opened, pairs: Sequence[Pair]) -> None:
    """What changes from A to B, a line for each image; for two different images, a line for each side."""
    measures = measures_shown(page.shared.cost)
    if _two_images(pairs):
        st.markdown("### The predictions for A and B")
        _images(differences.side_rows(pairs[0]), measures)
        return
    st.markdown("### What changes from A to B")
    lines, clocks = [], [clock for side in pairs[0] if (clock := cached.calibration(side.config)) is not None]
    timed = len(clocks) == len(pairs[0])
    rows: Table = differences.change_rows(pairs)
    for row, pair in zip(rows, pairs, strict=True):
        cells = [escape(row["image"]), *(escape(class_name(row[key])) for key in ("truth", "a", "b")), row["change"]]
        cells.append(f"{row['a_confidence']:.1f} → {row['b_confidence']:.1f} %")
        cells += [
            f"{row[f'a_{column}']:.2f} → {row[f'b_{column}']:.2f} % <small>{signed(row[column])}</small>"
            for column in (measure.column for measure in measures)
        ]
        if timed:
            cells.append(_times(pair, clocks))
        lines.append(("changed" if row["a"] != row["b"] else "", cells))
    heads = ["image", "is", "A says", "B says", "", "confidence", *(measure.name for measure in measures)]
    st.html(html_tables.changes([*heads, "measured here"] if timed else heads, lines))
    if timed:
        machines = listed(dict.fromkeys(clock.in_words for clock in clocks))
        st.caption(plain(f"Measured: milliseconds of one image alone, on {machines}."))


def _times(pair: Pair, clocks: Sequence[Calibration]) -> str:
    """Milliseconds of A and B on this machine, and the difference."""
    a, b = (alone(side.shown.trace, side.config, clock) for side, clock in zip(pair, clocks, strict=True))
    return f"{a:.2f} → {b:.2f} ms <small>{signed(b - a)}</small>"


def _images(rows: Sequence[SideRow], measures: Sequence[Measure]) -> None:
    """A line for A, one for B, and one for the difference in cost."""
    lines = []
    for row in rows:
        cells = [
            row["side"],
            escape(row["image"]),
            *(escape(class_name(row[key])) for key in ("truth", "prediction")),
            row["verdict"],
        ]
        cells.append(f"{row['confidence']:.1f} %")
        lines.append(("", cells + [f"{row[measure.column]:.2f} %" for measure in measures]))
    a, b = rows
    more = [signed(b[measure.column] - a[measure.column]) for measure in measures]
    lines.append(("", ["B \N{MINUS SIGN} A", "", "", "", "", "", *more]))
    heads = ["", "image", "is", "prediction", "", "confidence", *(measure.name for measure in measures)]
    st.html(html_tables.changes(heads, lines))


def test_set(page: Opened, left: OperatingPoint, right: OperatingPoint) -> None:
    """Both operating points on the whole test set, from their stored traces."""
    st.markdown("### On the whole test set")
    found = [stored_traces.find(point) for point in (left, right)]
    for letter, card, one in zip("AB", (left.card, right.card), found, strict=True):
        if one.note:
            st.info(f"{letter}: {plain(one.note)}", icon=":material/alt_route:")
        if isinstance(one.traces, UserError):
            st.markdown(f"{letter} is {plain(card.name)}.")
            stored_traces.say_missing(one.point, one.traces, "This comparison", letter)
    a, b = (one.traces for one in found)
    if not isinstance(a, Traces) or not isinstance(b, Traces):
        return
    left, right = (one.point for one in found)
    page = page.at(left)
    if left == right:
        advice = "choose another checkpoint for one of them" if left.budget is None else "choose budgets further apart"
        st.info(f"A and B have the same stored decisions: {advice}.", icon=":material/block:")
        return
    why = why_not(a, b)
    if why:
        st.info(f"A and B cannot be compared image by image: {plain(why)}.", icon=":material/block:")
        return
    first, second = st.columns([40, 60], gap="large")
    with first:
        _counts(page, a, b, left, right)
    with second:
        _heatmap(page, a, b, left, right)


def _counts(page: Opened, a: Traces, b: Traces, left: OperatingPoint, right: OperatingPoint) -> None:
    """How many images A and B get right, the exact test of the difference, and the costs."""
    found, configs = Agreement.of(a, b), (left.card.config, right.card.config)
    measure = MEASURES[page.shared.cost]
    cost = two_points.cost_change(a, b, configs, page.shared.cost)
    n = found.images
    split, p = found.a_only + found.b_only, p_in_words(found.p)
    origins = two_points.backbones_in_words(left.card, right.card, page.catalogue.cards)
    verdict = chance_in_words(found.p)

    def cell(count: int) -> str:
        return f"<td>{count:,}<small>{100 * count / n:.2f} %</small></td>"

    said = unbroken(
        f"""<div class="dfs-cross"><table>
<thead><tr><td></td><th>B right</th><th>B wrong</th></tr></thead>
<tbody><tr><th scope="row">A right</th>{cell(found.both)}{cell(found.a_only)}</tr>
<tr><th scope="row">A wrong</th>{cell(found.b_only)}{cell(found.neither)}</tr></tbody></table>
<p><b>{signed(found.gain)} points</b> of accuracy from A to B (95 % interval {signed(found.low)} to
{signed(found.high)}). Only one of the two is right on {counted(split, "image")}: B on {found.b_only:,}, A on
{found.a_only:,}, {verdict} (McNemar's exact test, {p}). The test compares these two networks; another training seed
may give another result.{" " + escape(origins) if origins else ""}</p>
<p>The prediction is the same for {100 * found.agree / n:.2f} % of {counted(n, "image")}. Mean {measure.name}:
{cost.a:.2f} % at A, {cost.b:.2f} % at B. B costs less on {counted(cost.less, "image")}, the same on
{cost.same:,}, more on {cost.more:,}.</p></div>"""
    )
    st.html(said)


def _heatmap(page: Opened, a: Traces, b: Traces, left: OperatingPoint, right: OperatingPoint) -> None:
    configs = left.card.config, right.card.config
    if differences.why_not(*configs):
        return
    shown = class_groups.choose(a.classes, page.shared)
    rows, one = two_points.class_block_rows(a, b, configs, shown), word(shown)
    names = " and ".join(told_apart(left, right))
    view = View(
        key=CLASSES,
        title=f"Where B computes more or less than A: {names}",
        draw=lambda colours: class_heatmap.class_heatmap(rows, configs[0], colours),
        tables={"classes": lambda: rows},
        alt=f"Mean difference in cost between A and B, for each {one} and block",
        stamp=page.stamp("measured", left.card, right.card, cost="cp"),
        notes=f"Each row is a {one}, each column a block: mean cost of B minus A, in points of the full block.",
    )
    show(view, page.colours)
    rest = left_out(len({row["class"] for row in rows}), "those that differ most")
    st.caption(
        f"Mean cost of B minus A in each block, for the images of each {one}, in points of the full block.{rest}"
    )
