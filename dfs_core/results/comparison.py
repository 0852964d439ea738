"""Does deciding per image beat a static network? Both on the same test images, at the same cost, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import read_all
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import Z95
from dfs_core.model.cost import cost_models
from dfs_core.results.points import distinct_traces

DYNAMIC = ("every-budget", "blockdrop")
STATIC = ("static", "mixed")
TOLERANCE = 1.05  # costs that differ by a smaller factor are the same


@dataclass(frozen=True, slots=True)
class Comparison:
    """A network that decides per image, and a static one of the same cost.

    Attributes:
        dynamic: checkpoint that decides per image.
        budget: its budget in percent.
        static: checkpoint that decides the same for all.
        static_budget: its budget, where it has one.
        dynamic_cp: realised cp in percent.
        static_cp: that of the static network; the two are within 5 % of each other.
        dynamic_accuracy: in percent.
        static_accuracy: in percent.
        difference: dynamic minus static, in points.
        low: lower end of its 95 % interval, for pairs of answers to the same images.
        high: upper end.
        n: number of test images.
    """

    dynamic: str
    budget: float
    static: str
    static_budget: float | None
    dynamic_cp: float
    static_cp: float
    dynamic_accuracy: float
    static_accuracy: float
    difference: float
    low: float
    high: float
    n: int


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Difference of two shares of right answers to the same images, with its 95 % interval, in points.

    The variance is that of the images' own differences, which are -1, 0 or 1: images that both get right or both get
    wrong say nothing (as in McNemar's test).

    Args:
        first: which images the first got right, bool (N,).
        second: likewise.
    """
    each = first.astype(float) - second.astype(float)
    mean, half = each.mean(), Z95 * each.std(ddof=1) / len(each) ** 0.5
    return 100 * float(mean), 100 * float(mean - half), 100 * float(mean + half)


def compare(root: Path) -> list[Comparison]:
    """For every static point each dynamic method's of the same cost and backbone, where traces of both are stored."""
    cards = read_all(root)
    methods = {card.name: card.method for card in cards}
    points = {method: _points(cards, root, method) for method in (*DYNAMIC, *STATIC)}
    found = []
    for method in STATIC:
        for card, budget, traces, cp in points[method]:
            for rival in DYNAMIC:
                kin = [other for other in points[rival] if other[0].backbone(cards) == card.backbone(cards)]
                near = [other for other in kin if _comparable(other, card, cp)]
                if near:
                    closest = min(near, key=lambda other: abs(other[3] - cp))
                    found.append(_comparison(closest, (card, budget, traces, cp)))
    return sorted(found, key=lambda one: (DYNAMIC.index(methods[one.dynamic]), one.static_cp, one.static))


_Measured = tuple[Card, float | None, Traces, float]


def _points(cards: list[Card], root: Path, method: str) -> list[_Measured]:
    found: list[_Measured] = []
    for card in cards:
        if card.method != method:
            continue
        for budget, traces in distinct_traces(root / card.name, card):
            found.append((card, budget, traces, cost_models(card.config)["cp"].total(traces.decisions)))
    return found


def _comparable(dynamic: _Measured, card: Card, cp: float) -> bool:
    same = (dynamic[0].dataset, dynamic[0].config.depth) == (card.dataset, card.config.depth)
    return same and cp > 0 and 1 / TOLERANCE < dynamic[3] / cp < TOLERANCE


def _comparison(dynamic: _Measured, static: _Measured) -> Comparison:
    difference, low, high = paired_difference(dynamic[2].correct, static[2].correct)
    return Comparison(
        dynamic=dynamic[0].name,
        budget=float(dynamic[1] or 0.0),
        static=static[0].name,
        static_budget=static[1],
        dynamic_cp=round(dynamic[3], 4),
        static_cp=round(static[3], 4),
        dynamic_accuracy=round(100 * float(dynamic[2].correct.mean()), 4),
        static_accuracy=round(100 * float(static[2].correct.mean()), 4),
        difference=round(difference, 4),
        low=round(low, 4),
        high=round(high, 4),
        n=len(static[2]),
    )
