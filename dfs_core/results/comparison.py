"""Does deciding per image beat a static network? Both on the same test images, at the same cost, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import Tell, read_all
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import Z95
from dfs_core.model.cost import cost_models
from dfs_core.results.collect import distinct_traces

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


@dataclass(frozen=True, slots=True)
class _Stored:
    """An operating point with its traces and their mean cp in percent."""

    point: OperatingPoint
    traces: Traces
    cp: float

    @property
    def accuracy(self) -> float:
        return 100 * float(self.traces.correct.mean())


def compare(root: Path, tell: Tell = None) -> list[Comparison]:
    """For every static point each dynamic method's of the same cost and backbone, where traces of both are stored.

    ``tell`` and errors are those of ``collect``.
    """
    cards = read_all(root, tell)
    methods = {card.name: card.method for card in cards}
    stored = {method: _stored(cards, root, method, tell) for method in (*DYNAMIC, *STATIC)}
    found = []
    for method in STATIC:
        for static in stored[method]:
            for rival in DYNAMIC:
                near = [dynamic for dynamic in stored[rival] if _comparable(dynamic, static, cards)]
                if near:
                    closest = min(near, key=lambda dynamic: abs(dynamic.cp - static.cp))
                    found.append(_comparison(closest, static))
    return sorted(found, key=lambda one: (DYNAMIC.index(methods[one.dynamic]), one.static_cp, one.static))


def _stored(cards: list[Card], root: Path, method: str, tell: Tell) -> list[_Stored]:
    return [
        _Stored(point, traces, cost_models(card.config)["cp"].total(traces.decisions))
        for card in cards
        if card.method == method
        for point, traces in distinct_traces(root / card.name, card, tell)
    ]


def _comparable(dynamic: _Stored, static: _Stored, cards: list[Card]) -> bool:
    """Whether both are of one backbone, one data set and one layout, and cost the same."""
    kin = [
        (one.point.card.backbone(cards), one.point.card.dataset, one.point.card.config.layout)
        for one in (dynamic, static)
    ]
    return kin[0] == kin[1] and static.cp > 0 and 1 / TOLERANCE < dynamic.cp / static.cp < TOLERANCE


def _comparison(dynamic: _Stored, static: _Stored) -> Comparison:
    difference, low, high = paired_difference(dynamic.traces.correct, static.traces.correct)
    return Comparison(
        dynamic=dynamic.point.card.name,
        budget=float(dynamic.point.budget or 0.0),
        static=static.point.card.name,
        static_budget=static.point.budget,
        dynamic_cp=round(dynamic.cp, 4),
        static_cp=round(static.cp, 4),
        dynamic_accuracy=round(dynamic.accuracy, 4),
        static_accuracy=round(static.accuracy, 4),
        difference=round(difference, 4),
        low=round(low, 4),
        high=round(high, 4),
        n=len(static.traces),
    )
