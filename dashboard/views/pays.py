"""Where deciding for each image pays, in words: what the measured points of several seeds say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboard.answers.networks import Network
from dfs_core.results.comparison import CASCADE
from dfs_core.results.equal_cost import at_equal_cost
from dfs_core.results.measurement import Measurement
from dfs_core.results.seeds import Interval, OverSeeds, over_seeds


def pays_words(points: Sequence[Measurement], others: Sequence[Measurement], network: Network) -> str:
    """Up to three sentences in Markdown; empty where no method was measured with several seeds.

    Args:
        points: of the published checkpoints.
        others: of the same runs with other seeds.
        network: the network that the sentences are about.
    """
    own, again = (
        [point for point in group if (point.dataset, point.network) == (network.dataset, network.title)]
        for group in (points, others)
    )
    gains = {row.cost: row.gain for row in at_equal_cost(own, again) if row.measure == "cp" and row.gain}
    before = over_seeds([*own, *again])
    said = [_again(gains, 1 + len({point.seed for point in again if point.family == CASCADE}))] if gains else []
    said += [_before(before)] if before else []
    return f"**Where deciding for each image pays**, at equal cp. {' '.join(said)}" if said else ""


def _again(gains: Mapping[float, Interval], seeds: int) -> str:
    """What looking again gains over the best static network at each cp in percent, rising."""
    sure = {cost: gain for cost, gain in gains.items() if gain.low > 0}
    if not sure:
        return "Looking again gains nothing over the best static network beyond chance."
    cost, best = max(sure.items(), key=lambda gain: gain[1].mean)
    end = next((at for at in gains if at > max(sure)), None)
    level = "" if end is None else f"; from {end:g} % on it gains nothing beyond chance"
    return (
        f"Looking again gains most at {cost:g} %: {best.mean:.2f} points over the best static network"
        f" (mean of {seeds} seeds; 95 % interval {best.low:.2f} to {best.high:.2f}){level}."
    )


def _before(rows: Sequence[OverSeeds]) -> str:
    """What gates gain that decide before there is an answer."""
    sure = [row for row in rows if row.low > 0]
    if not sure:
        costs = sorted({row.cost for row in rows})
        return (
            "Gates that decide before there is an answer gain nothing over the best static network beyond chance, from"
            f" {costs[0]:g} to {costs[-1]:g} %."
        )
    best = max(sure, key=lambda row: row.difference)
    return (
        f"Gates that decide before there is an answer gain {best.difference:.2f} points over the best static network at"
        f" {best.cost:g} % (95 % interval {best.low:.2f} to {best.high:.2f})."
    )
