"""The panels of Compare: strips with their difference, changes, and the test set. The sides: ``sides_panel``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from dashboard.answers import agreement
from dashboard.answers.costs import MEASURES, Measure
from dashboard.answers.naming import plain, told_apart, unbroken
from dashboard.answers.tables import Table
from dashboard.compare import class_heatmap, differences, lanes
from dashboard.compare.differences import Pair, SideRow
from dashboard.drawing import legends
from dashboard.drawing.diverging import difference_keys, signed
from dashboard.export.view import View
from dashboard.ui import stored_traces
from dashboard.ui.page import Opened
from dashboard.ui.show import show
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError

LANES, CLASSES = "lanes", "class_blocks"


def strips(page: Opened, pairs: Sequence[Pair], title: str, left: OperatingPoint, right: OperatingPoint) -> None:
    """Both strips of each pair and their difference, with the table of what changes."""
    config, other = pairs[0][0].config, pairs[0][1].config
    st.html(legends.options(differences.options_of(config, other), page.colours))
    why = differences.why_not(config, other)
    if why:
        st.info(plain(why), icon=":material/layers_clear:")
    else:
        st.html(legends.legend(difference_keys(page.colours), "B \N{MINUS SIGN} A"))
    measure = MEASURES[page.shared.cost]
    view = View(
        key=LANES,
        title=title,
        draw=lambda colours: lanes.lane_chart(pairs, measure, colours),
        tables={
            **_table(pairs),
            "differences": lambda: differences.difference_rows(pairs),
        },
        alt=f"Decisions of A and of B for {len(pairs)} images, block by block, and where B computes more or less",
        stamp=page.stamp("the images shown", left.card, right.card),
        notes="First row A, second row B, third row the difference: orange and + where B computes more.",
    )
    show(view, page.colours)


def _table(pairs: Sequence[Pair]) -> dict[str, Callable[[], Table]]:
    """What is said of both sides below the strips, as a table."""
    if _two_images(pairs):
        return {"images": lambda: differences.side_rows(pairs[0])}
    return {"changes": lambda: differences.change_rows(pairs)}


def _two_images(pairs: Sequence[Pair]) -> bool:
    return len(pairs) == 1 and differences.are_two_images(pairs[0])


def changes(page: Opened, pairs: Sequence[Pair]) -> None:
    """What changes from A to B, a line an image; of two images, a line each."""
    measures = [MEASURES[cost] for cost in dict.fromkeys(("cp", "all-in", page.shared.cost))]
    if _two_images(pairs):
        st.markdown("### What is decided for A and for B")
        _images(differences.side_rows(pairs[0]), measures)
        return
    st.markdown("### What changes from A to B")
    lines = []
    rows: Table = differences.change_rows(pairs)
    for row in rows:
        cells = [escape(row["image"]), escape(row["truth"]), escape(row["a"]), escape(row["b"]), row["change"]]
        cells.append(f"{row['a_confidence']:.1f} → {row['b_confidence']:.1f} %")
        cells += [
            f"{row[f'a_{column}']:.2f} → {row[f'b_{column}']:.2f} % <small>{signed(row[column])}</small>"
            for column in (measure.column for measure in measures)
        ]
        lines.append(("changed" if row["a"] != row["b"] else "", cells))
    heads = ["image", "is", "A says", "B says", "", "confidence", *(measure.name for measure in measures)]
    st.html(_lines(heads, lines))


def _images(rows: Sequence[SideRow], measures: Sequence[Measure]) -> None:
    """A and B in a line each, and by how much B costs more."""
    lines = []
    for row in rows:
        cells = [row["side"], escape(row["image"]), escape(row["truth"]), escape(row["prediction"]), row["verdict"]]
        cells.append(f"{row['confidence']:.1f} %")
        lines.append(("", cells + [f"{row[measure.column]:.2f} %" for measure in measures]))
    a, b = rows
    more = [signed(b[measure.column] - a[measure.column]) for measure in measures]
    lines.append(("", ["B \N{MINUS SIGN} A", "", "", "", "", "", *more]))
    heads = ["", "image", "is", "prediction", "", "confidence", *(measure.name for measure in measures)]
    st.html(_lines(heads, lines))


def _lines(heads: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table in HTML; a line is its class and its cells."""
    body = "".join(f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for kind, cells in lines)
    head = "".join(f"<th>{head}</th>" for head in heads)
    return f'<div class="dfs-changes"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def test_set(page: Opened, left: OperatingPoint, right: OperatingPoint) -> None:
    """Both on the whole test set, from their traces."""
    st.markdown("### On the whole test set")
    found = [stored_traces.find(point) for point in (left, right)]
    for letter, card, one in zip("AB", (left.card, right.card), found, strict=True):
        if one.note:
            st.info(f"{letter}: {plain(one.note)}", icon=":material/alt_route:")
        if isinstance(one.traces, UserError):
            st.markdown(f"{letter} is {plain(card.name)}.")
            stored_traces.say_missing(card, one.traces)
    a, b = (one.traces for one in found)
    if not isinstance(a, Traces) or not isinstance(b, Traces):
        return
    left, right = (one.point for one in found)
    page = page.at(left)
    if left == right:
        advice = "choose another checkpoint for one of them" if left.budget is None else "choose budgets further apart"
        st.info(f"The same decisions are stored for A and B: {advice}.", icon=":material/block:")
        return
    why = agreement.why_not(a, b)
    if why:
        st.info(f"They cannot be set against each other image by image: {plain(why)}.", icon=":material/block:")
        return
    place, beside = st.columns([40, 60], gap="large")
    with place:
        _counts(page, a, b, left, right)
    with beside:
        _heatmap(page, a, b, left, right)


def _counts(page: Opened, a: Traces, b: Traces, left: OperatingPoint, right: OperatingPoint) -> None:
    """Who is right where, with the exact test, and what it costs."""
    found, configs = agreement.summary(a, b), (left.card.config, right.card.config)
    measure = MEASURES[page.shared.cost]
    cost = agreement.cost_change(a, b, configs, page.shared.cost)
    n = found.images
    split, p = found.a_only + found.b_only, agreement.p_in_words(found.p)
    origins = agreement.backbones_in_words(left.card, right.card, page.catalogue.cards)
    verdict = "more than chance would explain" if found.p < 0.05 else "which chance would explain"

    def cell(count: int) -> str:
        return f"<td>{count:,}<small>{100 * count / n:.2f} %</small></td>"

    said = unbroken(
        f"""<div class="dfs-cross"><table>
<thead><tr><td></td><th>B right</th><th>B wrong</th></tr></thead>
<tbody><tr><th scope="row">A right</th>{cell(found.both)}{cell(found.a_only)}</tr>
<tr><th scope="row">A wrong</th>{cell(found.b_only)}{cell(found.neither)}</tr></tbody></table>
<p><b>{signed(found.gain)} points</b> of accuracy from A to B (95 % interval {signed(found.low)} to
{signed(found.high)}). They disagree about being right on {split:,} images, of which B has {found.b_only:,} and A
{found.a_only:,}: {verdict} (McNemar's exact test, {p}). One seed each: the test knows nothing of another
training.{" " + escape(origins) if origins else ""}</p>
<p>The same prediction on {100 * found.agree / n:.2f} % of {n:,} images. Mean {measure.name}: {cost.a:.2f} %
at A, {cost.b:.2f} % at B. B costs less on {cost.less:,} images, as much on {cost.same:,}, more on
{cost.more:,}.</p></div>"""
    )
    st.html(said)


def _heatmap(page: Opened, a: Traces, b: Traces, left: OperatingPoint, right: OperatingPoint) -> None:
    configs = left.card.config, right.card.config
    if differences.why_not(*configs):
        return
    rows = agreement.class_block_rows(a, b, configs)
    names = " and ".join(told_apart(left, right))
    view = View(
        key=CLASSES,
        title=f"Where B computes more or less than A: {names}",
        draw=lambda colours: class_heatmap.class_heatmap(rows, configs[0], colours),
        tables={"classes": lambda: rows},
        alt="Mean difference in cost between A and B, for each class and block",
        stamp=page.stamp("measured", left.card, right.card),
        notes="Each row a class, each column a block: mean cost of B less that of A, in points of the full block.",
    )
    show(view, page.colours)
    st.caption("Mean cost of B less that of A in each block, in points of the full block, for the images of a class.")
