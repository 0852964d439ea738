"""Charts of the lesson: the gates' probabilities, the cost of options, the cp at each budget."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.naming import counted
from dashboard.answers.tables import Rows, Scale, Shown
from dashboard.drawing.figure import Figure, table
from dashboard.drawing.palette import Palette
from dashboard.learn.lesson import TEST_SET, THIS_IMAGE
from dfs_core.checkpoints.words import option_label
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED

HEIGHT = 340
BLOCK_PARAM = "block"
GATES_SHARE = "gate's probability, %"


def gate_rows(item: Shown, config: ModelConfig) -> Rows:
    """One row for each block and option: ``block``, ``option``, ``probability`` in percent, ``chosen``.

    Without gates, the option that a block takes has probability 100 %.
    """
    decided, sure = item.trace.decisions, item.trace.probabilities
    static = not config.has_gates
    return [
        {
            "block": index + FIRST_GATED,
            "option": name,
            "probability": 100.0 * (name == decided[index]) if static else 100 * sure[index][place],
            "chosen": name == decided[index],
        }
        for index in range(config.gated_blocks)
        for place, name in enumerate(config.option_set.names)
    ]


def gates(rows: Rows, block: int, colours: Palette, click_id: int = 0, share: str = GATES_SHARE) -> Figure:
    """The gates' probabilities for every block, stacked, with one block highlighted; a click chooses a block.

    Args:
        rows: from ``gate_rows``.
        block: the highlighted one.
        colours: palette of the theme.
        click_id: see ``links.State``.
        share: what the heights are, on the axis.
    """
    order: dict[int, float] = {}
    drawn: Rows = []
    for row in rows:
        low = order.get(row["block"], 0.0)
        order[row["block"]] = low + row["probability"]
        fill = colours.option(row["option"])
        drawn.append(
            row
            | {
                "low": low,
                "high": low + row["probability"],
                "middle": low + row["probability"] / 2,
                "fill": fill,
                "ink": colours.text_on(fill),
                "edge": colours.accent if row["chosen"] else colours.faint,
                "width": 2.4 if row["chosen"] else 0.6,
                "text": row["option"] if row["probability"] > 11 else "",
                "click_id": click_id,
            }
        )
    # The chosen ones are drawn last, so that their edges are on top.
    drawn.sort(key=lambda row: row["chosen"])
    blocks = sorted(order)
    return Figure(_gates_template(blocks[0], blocks[-1], share, colours), {"gates": drawn, "block": [{"block": block}]})


@lru_cache(maxsize=16)
def _gates_template(first: int, last: int, share: str, colours: Palette) -> dict[str, Any]:
    scale = alt.Scale(domain=[first - 0.6, last + 0.6], nice=False)
    axis = alt.Axis(title="block", grid=False, values=list(range(first, last + 1)), format="d", tickSize=0)
    base, mark = table("gates"), table("block")
    y = alt.Y("low:Q", title=share, scale=alt.Scale(domain=[0, 100], nice=False))
    bounds: dict[str, Any] = {
        "x": alt.X("left:Q", scale=scale, axis=axis),
        "x2": "right:Q",
        "y": y,
        "y2": "high:Q",
    }
    boxes = base.transform_calculate(left="datum.block - 0.42", right="datum.block + 0.42")
    tooltip = [
        alt.Tooltip("block:Q"),
        alt.Tooltip("option:N"),
        alt.Tooltip("probability:Q", title=share, format=".1f"),
        alt.Tooltip("chosen:N", title="taken"),
    ]
    click = alt.selection_point(name=BLOCK_PARAM, fields=["block", "click_id"], on="click", empty=False)
    marks = [
        mark.transform_calculate(left="datum.block - 0.5", right="datum.block + 0.5")
        .mark_rect(color=colours.accent, opacity=0.22)
        .encode(
            x=alt.X("left:Q", scale=scale, axis=axis),
            x2="right:Q",
            y=alt.value(-8),
            y2=alt.value(alt.expr("height + 4")),
        ),
        boxes.mark_rect(strokeOpacity=1).encode(
            **bounds,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
        ),
        base.mark_text(fontSize=10.5, aria=False).encode(
            x=alt.X("block:Q", scale=scale, axis=axis),
            y="middle:Q",
            text="text:N",
            color=alt.Color("ink:N", scale=None),
        ),
        boxes.mark_rect(fillOpacity=0, cursor="pointer").encode(**bounds, tooltip=tooltip).add_params(click),
    ]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()


def option_rows(item: Shown, config: ModelConfig) -> Rows:
    """One row for each option: its cost in percent of a full block, and how many blocks of the image take it."""
    return [
        {
            "option": option.name,
            "cost": 100 * option.cost,
            "blocks": item.trace.decisions.count(option.name),
            "adds": 100 * option.cost * item.trace.decisions.count(option.name) / config.gated_blocks,
        }
        for option in config.option_set
    ]


def options(rows: Rows, colours: Palette) -> Figure:
    """The cost of each option, and how many blocks of the image take it."""
    drawn = [
        row
        | {
            "name": option_label(row["option"]),
            "fill": colours.option(row["option"]),
            "text": f"{row['cost']:.3g} %  ·  {counted(row['blocks'], 'block')} of this image, together cp"
            f" {row['adds']:.2f} %",
        }
        for row in rows
    ]
    return Figure(_options_template(tuple(row["name"] for row in drawn), colours), {"options": drawn})


@lru_cache(maxsize=16)
def _options_template(names: tuple[str, ...], colours: Palette) -> dict[str, Any]:
    base = table("options")
    y = alt.Y("name:N", title=None, sort=list(names), axis=alt.Axis(labelFontSize=13, ticks=False, domain=False))
    x = alt.X(
        "cost:Q",
        title="cost of a block, % of the full block",
        scale=alt.Scale(domain=[0, 100], nice=False),
        axis=alt.Axis(grid=False, tickCount=5),
    )
    ends = {"x": x, "y": y, "text": "text:N"}
    text: dict[str, Any] = {"fontSize": 12.5, "color": colours.ink}
    marks = [
        base.mark_bar(height={"band": 0.52}, stroke=colours.ink, strokeWidth=0.8).encode(
            x=x, y=y, fill=alt.Fill("fill:N", scale=None)
        ),
        base.transform_filter("datum.cost <= 50").mark_text(align="left", dx=8, **text).encode(**ends),
        base.transform_filter("datum.cost > 50")
        .mark_text(align="right", dx=-8, fontSize=12.5)
        .encode(**ends, color=alt.value(colours.text_on(colours.option("full")))),
    ]
    return alt.layer(*marks).properties(height=60 * len(names)).to_dict()


def bought(rows: Rows, scale: Scale, colours: Palette) -> Figure:
    """cp of one image and of the test set against the budget, with a dashed line where both are equal.

    Args:
        rows: from ``lesson.budget_rows``.
        scale: of both axes; logarithmic if budgets begin below 1 %. Then a cp of 0 is drawn at the lower end.
        colours: palette of the theme.
    """
    low, high = _ends([value for row in rows for value in (row["budget"], row["cp"])], scale)
    looks = {THIS_IMAGE: (colours.accent, "circle"), TEST_SET: (colours.families[0], "square")}
    drawn = [
        row | {"y": max(row["cp"], low), "ink": looks[row["what"]][0], "shape": looks[row["what"]][1]} for row in rows
    ]
    names = [
        {"what": what, "ink": looks[what][0], "shape": looks[what][1], "place": place}
        for place, what in enumerate(sorted({row["what"] for row in rows}, key=list(looks).index))
    ]
    data = {"points": drawn, "line": [{"budget": end, "y": end} for end in (low, high)], "names": names}
    return Figure(_bought_template(low, high, scale, colours), data)


def _ends(values: list[float], scale: Scale) -> tuple[float, float]:
    """Range of an axis with these values, with a margin."""
    if scale == "linear":
        return 0.0, round(max(values) * 1.08, 3)
    return float(f"{min(value for value in values if value > 0) / 1.2:.3g}"), float(f"{max(values) * 1.2:.3g}")


@lru_cache(maxsize=16)
def _bought_template(low: float, high: float, kind: Scale, colours: Palette) -> dict[str, Any]:
    scale = alt.Scale(type=kind, domain=[low, high], nice=False)
    ticks: dict[str, Any] = {"format": ".3~r", "tickCount": 8}
    x = alt.X("budget:Q", title="budget: the requested cp, %", scale=scale, axis=alt.Axis(grid=False, **ticks))
    y = alt.Y("y:Q", title="cp spent, %", scale=scale, axis=alt.Axis(**ticks))
    base, names = table("points"), table("names")
    ink, shape = alt.Color("ink:N", scale=None), alt.Shape("shape:N", scale=None)
    tooltip = [
        alt.Tooltip("what:N"),
        alt.Tooltip("budget:Q", title="budget %", format=".3g"),
        alt.Tooltip("cp:Q", title="cp %", format=".2f"),
        alt.Tooltip("checkpoint:N"),
    ]
    at = alt.value(alt.expr("16 + datum.place * 18"))
    marks = [
        table("line").mark_line(strokeDash=[5, 4], color=colours.muted).encode(x=x, y=y),
        base.mark_line(strokeWidth=1.3, opacity=0.6).encode(x=x, y=y, color=ink, detail="what:N"),
        base.transform_filter("datum.in_use")
        .mark_point(size=300, filled=False, strokeWidth=2, color=colours.ink)
        .encode(x=x, y=y),
        base.mark_point(filled=True, size=80, opacity=1).encode(x=x, y=y, color=ink, shape=shape, tooltip=tooltip),
        names.mark_point(filled=True, size=80, opacity=1).encode(x=alt.value(16), y=at, color=ink, shape=shape),
        names.mark_text(align="left", fontSize=12).encode(x=alt.value(28), y=at, text="what:N", color=ink),
    ]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()
