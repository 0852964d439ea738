"""Legends of the charts as HTML: they wrap where a page is narrow, and look the same for both charts."""

from __future__ import annotations

from html import escape

from dashboard.curves import point_legend
from dashboard.palette import Palette
from dashboard.tables import PUBLISHED_GROUP, Rows
from dfs_core.options import OptionSet


def options(option_set: OptionSet, colours: Palette) -> str:
    """What the cells of the strip mean, cheapest first: name, colour and share of the full block's cost."""
    names = {"skip": "skip, 0", "full": "full, 1"}
    chips = []
    for option in option_set:
        text = names.get(option.name) or f"{option.name} bits, {_share(option.cost)}"
        kind = "skip" if option.is_skip else ""
        chips.append(f'<span class="{kind}"><i style="background:{colours.option(option.name)}"></i>{text}</span>')
    return f'<div class="dfs-legend"><h4>Decisions</h4><div>{"".join(chips)}<em>of the full block</em></div></div>'


def points(rows: Rows, colours: Palette) -> str:
    """What the points of the accuracy/cost curve are."""
    chips = []
    for name, ink, shape in point_legend(rows, colours):
        text = "published, not measured here" if name == PUBLISHED_GROUP else escape(name)
        chips.append(f'<span><b class="dfs-{shape}" style="color:{ink}"></b>{text}</span>')
    return f'<div class="dfs-legend"><div>{"".join(chips)}</div></div>'


def _share(cost: float) -> str:
    """A cost as the fraction that the paper writes: 1/16."""
    return f"1/{1 / cost:g}" if (1 / cost).is_integer() else f"{cost:.3f}"
