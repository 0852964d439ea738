"""Looking again compared with every other method at exactly equal cost, by cp and by all-in cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dfs_core.results.comparison import CASCADE, DYNAMIC, STATIC
from dfs_core.results.measurement import CPS, Measurement
from dfs_core.results.seeds import Interval, kind_of, reached, run_of

COSTS: dict[Literal["cp", "all_in"], tuple[float, ...]] = {
    "cp": CPS,
    "all_in": (0.8, 0.9, 1.0, 1.22, 1.5, 1.85, 2.5, 5.0),  # between static networks that compute at 8 bits throughout
}


@dataclass(frozen=True, slots=True)
class EqualCost:
    """A cascade, the best static and the best other dynamic network at one cost.

    Attributes:
        dataset: name of the data set.
        network: name of the networks, such as ``ResNet-38``.
        cascade: name of the cascade.
        measure: ``cp`` or ``all_in``.
        cost: of all, in percent.
        accuracy: of the cascade, in percent.
        all_in: all-in cost of the cascade, in percent.
        static_accuracy: of the best static network; None if none reaches this cost.
        dynamic_accuracy: of the best other network that decides for each image; None likewise.
        seeds: accuracy of the cascade's runs with other seeds, in percent; empty if one does not reach this cost.
    """

    dataset: str
    network: str
    cascade: str
    measure: str
    cost: float
    accuracy: float
    all_in: float
    static_accuracy: float | None
    dynamic_accuracy: float | None
    seeds: tuple[float, ...] = ()

    @property
    def gain(self) -> Interval | None:
        """How much the mean of all seeds is above the best static network, in points; None if either is not known."""
        if self.static_accuracy is None or not self.seeds:
            return None
        return Interval.of([accuracy - self.static_accuracy for accuracy in (self.accuracy, *self.seeds)])


def at_equal_cost(points: Sequence[Measurement], others: Sequence[Measurement] = ()) -> list[EqualCost]:
    """Compare each cascade at ``COSTS``. Methods are interpolated between their points, as over several seeds.

    Args:
        points: of the published checkpoints.
        others: of runs with other seeds.
    """
    found = []
    for name in dict.fromkeys(point.checkpoint for point in points if point.family == CASCADE):
        own = [point for point in points if point.checkpoint == name]
        kin = [point for point in points if kind_of(point) == kind_of(own[0])]
        static = [point for point in kin if point.family in STATIC]
        dynamic = [point for point in kin if point.family in DYNAMIC and point.family != CASCADE]
        again = [point for point in others if point.family == CASCADE and run_of(point) == name]
        by_seed = [[point for point in again if point.seed == seed] for seed in sorted({point.seed for point in again})]
        for measure, costs in COSTS.items():
            for cost in costs:
                best = reached(own, cost, measure)
                if best is None:
                    continue
                rivals = [reached(group, cost, measure) for group in (static, dynamic)]
                still, moving = (None if rival is None else rival.accuracy for rival in rivals)
                seeds = [reached(group, cost, measure) for group in by_seed]
                same = tuple(seed.accuracy for seed in seeds if seed is not None) if None not in seeds else ()
                kind = own[0].dataset, own[0].network
                found.append(EqualCost(*kind, name, measure, cost, *best, still, moving, same))
    return found
