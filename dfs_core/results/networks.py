"""The same methods on every network: one row for each method, one column for each network.

Figures are to be compared within a column: another network has other weights, and perhaps other images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dfs_core.model.options import Option
from dfs_core.results.measurement import DIAL, Measurement


class Kind(NamedTuple):
    """A method at a cost.

    Attributes:
        title: the row's title.
        name: name of the checkpoint, with ``{network}`` for the name of its backbone.
        budget: the budget in percent that it is asked for; None if it takes none.
    """

    title: str
    name: str
    budget: float | None = None


KINDS = (
    Kind("backbone", "{network}"),
    *(Kind(f"DFS at {budget} %", f"dfs-{{network}}-b{budget}", budget) for budget in (40, 30, 20, 10)),
    Kind("SkipNet at 70 %", "skipnet-{network}", 70.0),
    *(
        Kind(f"static {bits} bits, {100 * Option(bits).cost:.2f} %", f"static{bits}-{{network}}")
        for bits in (8, 4, 3, 2)
    ),
    *(
        Kind(f"{method} at {budget:g} %", f"{recipe}-{{network}}", budget)
        for method, recipe in (("Static mixed", "mixed"), ("DFS every budget", "lowbit"), ("Cascade", "cascade"))
        for budget in (1.0, 1.56)
    ),
)


class Row(NamedTuple):
    """A method's points, in the order of the networks; None where a network was not trained so."""

    title: str
    points: tuple[Measurement | None, ...]


def networks_of(points: Sequence[Measurement]) -> list[str]:
    """Names of the backbones in the order of data set and depth."""
    known = {point.checkpoint: (point.dataset, point.depth) for point in points if point.checkpoint == point.backbone}
    return sorted(known, key=lambda name: known[name])


def side_by_side(points: Sequence[Measurement]) -> list[Row]:
    """``KINDS`` for every network. A method that no network was trained for is left out."""
    networks = networks_of(points)
    rows = [
        Row(kind.title, tuple(_at(points, kind.name.format(network=network), kind.budget) for network in networks))
        for kind in KINDS
    ]
    return [row for row in rows if any(row.points)]


def _at(points: Sequence[Measurement], name: str, budget: float | None) -> Measurement | None:
    """The point of a checkpoint at a budget. A budget that changes no decision has the point of the next lower one."""
    own = [point for point in points if point.checkpoint == name and point.family != DIAL]
    if budget is None:
        return own[0] if own else None
    served = sorted((point.budget, place) for place, point in enumerate(own) if point.budget is not None)
    lower = [place for served_at, place in served if served_at <= budget]
    return own[lower[-1]] if lower and served[-1][0] >= budget else None
