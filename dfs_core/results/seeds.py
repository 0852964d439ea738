"""Is a difference between two methods more than the luck of one seed? The same runs with other seeds, at equal costs.

At a cost between two of its points a method reaches what a lottery between them does: each image is answered by one of
the two, drawn blindly, so that accuracy and cost are both the mean of theirs. The best such lottery lies on the upper
hull of the method's points. That makes costs exactly equal, also where static mixes come in steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev
from typing import NamedTuple

from scipy.special import stdtrit  # type: ignore[import-untyped]

from dfs_core.checkpoints.trace_files import BUDGETS
from dfs_core.results.comparison import DYNAMIC, STATIC
from dfs_core.results.measurement import Measurement

COSTS = (0.45, 0.65, 1.0, 1.56, 5.0)  # cp in percent; every seed has points on both sides of each


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """A method that decides per image against the best static ones at one cost, over several seeds.

    Attributes:
        dynamic: name of its runs, without their seed.
        cost: cp in percent, the same for both.
        dynamic_accuracy: mean over the seeds, in percent.
        static_accuracy: likewise.
        differences: dynamic minus static, in points, for each seed.
        difference: their mean.
        low: lower end of the mean's 95 % interval (Student's t): what other seeds would give on the same images.
        high: upper end.
        all_in: by how many percent the dynamic network costs more, all-in, at the same cp; mean over the seeds.
    """

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
    """What a method reaches at a cp, in percent."""

    accuracy: float
    all_in: float


def reached(points: Sequence[Measurement], cost: float) -> Reached | None:
    """Accuracy and all-in cost of the most accurate lottery between two points (or of one point) at a cp.

    Returns:
        Both in percent; None if all points cost more, or all cost less.
    """
    found = [Reached(point.accuracy, point.all_in) for point in points if point.cp == cost]
    for one, other in combinations(points, 2):
        low, high = sorted((one, other), key=lambda point: point.cp)
        if low.cp < cost < high.cp:
            share = (cost - low.cp) / (high.cp - low.cp)
            ends = ((low.accuracy, high.accuracy), (low.all_in, high.all_in))
            accuracy, all_in = (first + share * (last - first) for first, last in ends)
            found.append(Reached(accuracy, all_in))
    return max(found, default=None)


def over_seeds(points: Sequence[Measurement]) -> list[OverSeeds]:
    """Each dynamic method against the static ones at the ``COSTS``, where both were run with several seeds.

    Only runs that every seed has are used, and only at the budgets that every run is measured at, so that no seed and
    no method has more to choose from than another.
    """
    kinds = sorted({_kind(point) for point in points})
    return [
        row
        for kind in kinds
        for method in DYNAMIC
        for row in _against_static([point for point in points if _kind(point) == kind], method)
    ]


def _kind(point: Measurement) -> tuple[str, int, str]:
    """What two points have to have in common to be compared."""
    return point.dataset, point.depth, point.backbone or ""


def _against_static(points: Sequence[Measurement], method: str) -> list[OverSeeds]:
    by_seed = _by_seed(points, (method,)), _by_seed(points, STATIC)
    seeds = sorted(by_seed[0].keys() & by_seed[1].keys())
    if len(seeds) < 2:
        return []
    dynamic, static = (_shared([groups[seed] for seed in seeds]) for groups in by_seed)
    found = []
    for cost in COSTS:
        ends = [[reached(group, cost) for group in seeded] for seeded in zip(dynamic, static, strict=True)]
        pairs = [(one, other) for one, other in ends if one and other]
        if len(pairs) == len(seeds):
            found.append(_summary(run_of(dynamic[0][0]), cost, pairs))
    return found


def run_of(point: Measurement) -> str:
    """Name of a point's run without its seed."""
    return point.checkpoint.removesuffix(f"-seed{point.seed}")


def _summary(name: str, cost: float, pairs: list[tuple[Reached, Reached]]) -> OverSeeds:
    differences = [dynamic.accuracy - static.accuracy for dynamic, static in pairs]
    mean = fmean(differences)
    half = float(stdtrit(len(pairs) - 1, 0.975)) * stdev(differences) / len(pairs) ** 0.5
    return OverSeeds(
        dynamic=name,
        cost=cost,
        dynamic_accuracy=round(fmean(dynamic.accuracy for dynamic, _ in pairs), 4),
        static_accuracy=round(fmean(static.accuracy for _, static in pairs), 4),
        differences=tuple(round(value, 4) for value in differences),
        difference=round(mean, 4),
        low=round(mean - half, 4),
        high=round(mean + half, 4),
        all_in=round(fmean(dynamic.all_in - static.all_in for dynamic, static in pairs), 4) + 0.0,  # never -0
    )


def _by_seed(points: Sequence[Measurement], methods: Sequence[str]) -> dict[int, list[Measurement]]:
    groups: dict[int, list[Measurement]] = defaultdict(list)
    for point in points:
        if point.family in methods and (point.budget is None or point.budget in BUDGETS):
            groups[point.seed].append(point)
    return groups


def _shared(groups: list[list[Measurement]]) -> list[list[Measurement]]:
    """The points of the runs that every seed has."""
    runs = set.intersection(*({run_of(point) for point in group} for group in groups))
    return [[point for point in group if run_of(point) in runs] for group in groups]
