"""The charts of how many passes a cascade made, for each group of images, and of what looking again changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.looks import ChangeRow, PassRow, in_passes
from dashboard.drawing.figure import Figure, Key, padded, room_for, table
from dashboard.drawing.palette import Palette
from dfs_core.checkpoints.words import option_label
from dfs_core.model.config import ModelConfig

PASS_PARAM = "passes_pick"
_ROW, _TOP, _FOOT, _LEFT, _RIGHT = 26, 22, 60, 100, 62  # pixels
_NAMED_FROM = 6.0  # percent from which a segment has room for its number


def passes_chart(
    rows: Sequence[PassRow],
    config: ModelConfig,
    colours: Palette,
    picked: tuple[str, int] | None = None,
    click_id: int = 0,
    clicks: bool = True,
) -> Figure:
    """A bar for each group, with a segment for each number of passes, and on its right the share looked at again.

    A segment has the colour of the last pass's option. A click puts ``group`` and ``passes`` into the selection
    ``PASS_PARAM``.

    Args:
        rows: from ``looks.class_rows`` or ``looks.confidence_rows``.
        config: of the cascade.
        colours: palette of the theme.
        picked: group and number of passes of the filter, which are outlined.
        click_id: see ``links.State``.
        clicks: whether segments can be clicked.
    """
    drawn = [
        row
        | {
            "fill": colours.option(row["option"]),
            "edge": colours.accent if (row["group"], row["passes"]) == picked else colours.background,
            "ink": colours.text_on(colours.option(row["option"])),
            "middle": (row["start"] + row["end"]) / 2,
            "name": f"{row['share']:.0f}" if row["share"] >= _NAMED_FROM else "",
            "about": f"{row['group']}: {row['share']:.1f} % of {row['of']:,} images made {in_passes(row['passes'])}",
            "click_id": click_id,
        }
        for row in rows
        if row["images"]
    ]
    groups = [{key: row[key] for key in ("group", "place", "again", "of")} for row in rows if row["passes"] == 1]
    spec = _template(tuple(group["group"] for group in groups), clicks, colours)
    return Figure(spec, {"segments": drawn, "groups": groups}, pass_keys(config, colours))


def pass_keys(config: ModelConfig, colours: Palette) -> tuple[Key, ...]:
    """The legend: each number of passes with the option of its last pass."""
    return tuple(
        Key(f"{in_passes(number)}, {'up to ' if number > 1 else ''}{option_label(name)}", colours.option(name), "cell")
        for number, name in enumerate(config.passes, start=1)
    )


@lru_cache(maxsize=32)
def _template(groups: tuple[str, ...], clicks: bool, colours: Palette) -> dict[str, Any]:
    base, named = table("segments"), table("groups")
    left = room_for(groups, _LEFT)
    axis = alt.Axis(domain=False, ticks=False, labelFontSize=12, labelLimit=left - 8)
    y = alt.Y("group:N", sort=list(groups), title=None, axis=axis)
    x = alt.X(
        "start:Q",
        title="share of images by number of passes, %",
        scale=alt.Scale(domain=[0, 100], nice=False),
        axis=alt.Axis(grid=False, tickCount=5),
    )
    tooltip = [
        alt.Tooltip("group:N", title="images"),
        alt.Tooltip("passes:Q"),
        alt.Tooltip("share:Q", title="share %", format=".2f"),
        alt.Tooltip("images:Q", title="number", format=","),
        alt.Tooltip("of:Q", title="of", format=","),
    ]
    touch = base.mark_bar(height=_ROW - 6, opacity=0.001, cursor="pointer" if clicks else "default").encode(
        x=x, x2="end:Q", y=y, tooltip=tooltip, description="about:N"
    )
    if clicks:
        fields = ["group", "passes", "click_id"]
        touch = touch.add_params(alt.selection_point(name=PASS_PARAM, fields=fields, on="click", empty=False))
    beside: Any = {"aria": False, "align": "right", "fontSize": 11, "color": colours.cascade}
    at = alt.value(alt.expr(f"width + {_RIGHT - 6}"))
    marks = [
        base.mark_bar(aria=False, height=_ROW - 8, strokeWidth=1.5).encode(
            x=x, x2="end:Q", y=y, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None)
        ),
        base.mark_text(aria=False, fontSize=10.5).encode(
            x=alt.X("middle:Q"), y=y, text="name:N", color=alt.Color("ink:N", scale=None)
        ),
        touch,
        named.mark_text(**beside).encode(x=at, y=y, text=alt.Text("again:Q", format=".1f")),
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(text="again, %", baseline="bottom", **beside)
        .encode(x=at, y=alt.value(-4)),
    ]
    return padded(alt.layer(*marks), left, _RIGHT, _TOP, _FOOT, _ROW * max(len(groups), 1) + _TOP + _FOOT)


def change_chart(rows: Sequence[ChangeRow], colours: Palette) -> Figure:
    """A bar for each outcome of looking again, with its number; what it changed is in colour.

    Args:
        rows: from ``looks.change_rows``.
        colours: palette of the theme.
    """
    inks = {"put right": colours.families[0], "put wrong": colours.wrong}
    drawn = [
        row | {"ink": inks.get(row["outcome"], colours.muted), "name": f"{row['images']:,} · {row['share']:.1f} %"}
        for row in rows
    ]
    return Figure(_change_template(tuple(row["outcome"] for row in rows)), {"outcomes": drawn})


@lru_cache(maxsize=8)
def _change_template(outcomes: tuple[str, ...]) -> dict[str, Any]:
    base = table("outcomes")
    axis = alt.Axis(domain=False, ticks=False, labelFontSize=12)
    y = alt.Y("outcome:N", sort=list(outcomes), title=None, axis=axis)
    x = alt.X("images:Q", title="images that were looked at again", axis=alt.Axis(grid=False, tickCount=5, format=",d"))
    ink = alt.Color("ink:N", scale=None)
    tooltip = [
        alt.Tooltip("outcome:N"),
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("share:Q", title="share of those looked at again %", format=".2f"),
    ]
    marks = [
        base.mark_bar(height=_ROW - 8).encode(x=x, y=y, color=ink, tooltip=tooltip),
        base.mark_text(aria=False, align="left", dx=6, fontSize=11.5).encode(x=x, y=y, text="name:N", color=ink),
    ]
    height = _ROW * max(len(outcomes), 1) + _TOP + _FOOT
    return padded(alt.layer(*marks), _LEFT, _RIGHT + 40, _TOP, _FOOT, height)
