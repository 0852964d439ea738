"""Compare networks that decide for each image with static ones at the same cost, on the same test images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import Tell, read_all
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import paired_difference
from dfs_core.model.cost import cost_models
from dfs_core.results.collect import distinct_traces

CASCADE = "cascade"
DYNAMIC = (CASCADE, "every-budget", "blockdrop")
STATIC = ("static", "mixed")
TOLERANCE = 1.05  # costs that differ by a smaller factor count as equal


@dataclass(frozen=True, slots=True)
class Comparison:
    """A network that decides for each image (dynamic), compared with a static one of the same cost.

    Attributes:
        dataset: name of the data set.
        network: name of both networks, such as ``ResNet-38``.
        dynamic: name of the dynamic checkpoint.
        budget: its budget in percent.
        static: name of the static checkpoint.
        static_budget: its budget in percent; None if it has none.
        dynamic_cp: measured cp of the dynamic network, in percent.
        static_cp: cp of the static network, in percent, within 5 % of ``dynamic_cp``.
        dynamic_accuracy: in percent.
        static_accuracy: in percent.
        difference: dynamic minus static accuracy, in points.
        low: lower end of the paired 95 % interval of the difference.
        high: upper end of that interval.
        n: number of test images.
    """

    dataset: str
    network: str
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
    """Compare every static point with the closest point of each dynamic method at the same cost and backbone.

    Both need stored traces. ``tell`` and errors are those of ``collect``.
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
        _Stored(point, traces, cost_models(card.config)["cp"].total(traces.every_pass(card.config)))
        for card in cards
        if card.method == method
        for point, traces in distinct_traces(root / card.name, card, tell)
    ]


def _comparable(dynamic: _Stored, static: _Stored, cards: list[Card]) -> bool:
    """Whether both have the same backbone, data set, layout and cost, and were measured on the same images."""
    kin = [
        (one.point.card.backbone(cards), one.point.card.dataset, one.point.card.config.layout)
        for one in (dynamic, static)
    ]
    same = kin[0] == kin[1] and np.array_equal(dynamic.traces.labels, static.traces.labels)
    return same and static.cp > 0 and 1 / TOLERANCE < dynamic.cp / static.cp < TOLERANCE


def _comparison(dynamic: _Stored, static: _Stored) -> Comparison:
    difference, low, high = paired_difference(dynamic.traces.correct, static.traces.correct)
    return Comparison(
        dataset=dynamic.point.card.dataset,
        network=dynamic.point.card.config.layout.title,
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
