"""Compare two methods over several seeds at equal cost.

At a cost between two of its points, a method is interpolated: if each image went to one of the two points at random,
accuracy and cost would both be weighted means of theirs. The best such mixture lies on the upper hull of the method's
points. So costs are exactly equal, even though static mixes change in steps.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev
from typing import Literal, NamedTuple, Self

from scipy.special import stdtrit  # type: ignore[import-untyped]

from dfs_core.results.comparison import CASCADE, DYNAMIC, STATIC
from dfs_core.results.measurement import CPS, Measurement


class Interval(NamedTuple):
    """A mean over seeds and its 95 % interval (Student's t): other seeds on the same images."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of two values or more."""
        mean, half = fmean(values), float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / len(values) ** 0.5
        return cls(mean, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """A dynamic method compared with the best static one at one cost, over several seeds.

    Attributes:
        dataset: name of the data set.
        network: name of the networks, such as ``ResNet-38``.
        dynamic: name of the dynamic method's runs, without the seed.
        cost: cp of both, in percent.
        dynamic_accuracy: accuracy of the dynamic method, mean over the seeds, in percent.
        static_accuracy: accuracy of the best static method, mean over the seeds, in percent.
        differences: dynamic minus static accuracy for each seed, in points.
        difference: mean of the differences.
        low: lower end of the 95 % interval of that mean.
        high: upper end of that interval.
        all_in: all-in cost of the dynamic minus that of the static method, mean over the seeds, in points.
    """

    dataset: str
    network: str
    dynamic: str
    cost: float
    dynamic_accuracy: float
    static_accuracy: float
    differences: tuple[float, ...]
    difference: float
    low: float
    high: float
    all_in: float


class Reached(NamedTuple):
    """Accuracy and all-in cost of a method at a cost, in percent."""

    accuracy: float
    all_in: float


def reached(points: Sequence[Measurement], cost: float, measure: Literal["cp", "all_in"] = "cp") -> Reached | None:
    """The most accurate point, or mixture of two points, at exactly this cost.

    Args:
        points: the points of a method.
        cost: in percent.
        measure: what the cost is.

    Returns:
        Its accuracy and all-in cost; None if all points cost more, or all cost less.
    """

    def paid(point: Measurement) -> float:
        return float(getattr(point, measure))

    found = [Reached(point.accuracy, point.all_in) for point in points if paid(point) == cost]
    for one, other in combinations(points, 2):
        low, high = sorted((one, other), key=paid)
        if paid(low) < cost < paid(high):
            share = (cost - paid(low)) / (paid(high) - paid(low))
            ends = ((low.accuracy, high.accuracy), (low.all_in, high.all_in))
            accuracy, all_in = (first + share * (last - first) for first, last in ends)
            found.append(Reached(accuracy, all_in))
    return max(found, default=None)


def over_seeds(points: Sequence[Measurement]) -> list[OverSeeds]:
    """Compare each dynamic method with the static ones at ``CPS``, if both were run with several seeds.

    A cascade is not among them. All its seeds start from one static network, so it has no pairs of runs with the same
    seed; ``equal_cost`` compares it with the best published static network.

    Only runs that exist for every seed are used, and only at the budgets at which every run was measured. So no seed
    and no method has more points to choose from than another.
    """
    kinds = sorted({kind_of(point) for point in points})
    return [
        row
        for kind in kinds
        for method in DYNAMIC
        if method != CASCADE
        for row in _against_static([point for point in points if kind_of(point) == kind], method)
    ]


def kind_of(point: Measurement) -> tuple[str, str, str]:
    """Points are compared only if they have this in common: their backbone too, whatever its seed."""
    return point.dataset, point.network, re.sub(r"-seed\d+$", "", point.backbone or "")


def _against_static(points: Sequence[Measurement], method: str) -> list[OverSeeds]:
    by_seed = _by_seed(points, (method,)), _by_seed(points, STATIC)
    seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
    if len(seeds) < 2:
        return []
    dynamic, static = (_shared([groups[seed] for seed in seeds]) for groups in by_seed)
    found = []
    for cost in CPS:
        ends = [[reached(group, cost) for group in seeded] for seeded in zip(dynamic, static, strict=True)]
        pairs = [(one, other) for one, other in ends if one and other]
        if len(pairs) == len(seeds):
            found.append(_summary(dynamic[0][0], cost, pairs))
    return found


def run_of(point: Measurement) -> str:
    """Name of a point's run, without the seed."""
    return point.checkpoint.removesuffix(f"-seed{point.seed}")


def _summary(point: Measurement, cost: float, pairs: list[tuple[Reached, Reached]]) -> OverSeeds:
    differences = [dynamic.accuracy - static.accuracy for dynamic, static in pairs]
    mean, low, high = Interval.of(differences)
    return OverSeeds(
        dataset=point.dataset,
        network=point.network,
        dynamic=run_of(point),
        cost=cost,
        dynamic_accuracy=round(fmean(dynamic.accuracy for dynamic, _ in pairs), 4),
        static_accuracy=round(fmean(static.accuracy for _, static in pairs), 4),
        differences=tuple(round(value, 4) for value in differences),
        difference=round(mean, 4),
        low=round(low, 4),
        high=round(high, 4),
        all_in=round(fmean(dynamic.all_in - static.all_in for dynamic, static in pairs), 4) + 0.0,  # never -0
    )


def _by_seed(points: Sequence[Measurement], methods: Sequence[str]) -> dict[int, list[Measurement]]:
    groups: dict[int, list[Measurement]] = defaultdict(list)
    for point in points:
        if point.family in methods:
            groups[point.seed].append(point)
    return groups


def _shared(groups: list[list[Measurement]]) -> list[list[Measurement]]:
    """The points of the runs and budgets that exist for every seed."""
    known = set.intersection(*({(run_of(point), point.budget) for point in group} for group in groups))
    return [[point for point in group if (run_of(point), point.budget) in known] for group in groups]
