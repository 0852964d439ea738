"""Where deciding for each image pays, in words: what the measured points of several seeds say."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.answers.networks import Network
from dfs_core.results.equal_cost import CASCADE
from dfs_core.results.measurement import Measurement
from dfs_core.results.seeds import OverSeeds, over_seeds, run_of


def pays_words(points: Sequence[Measurement], network: Network) -> str:
    """Up to three sentences in Markdown; empty where no method was measured with several seeds.

    Args:
        points: of all seeds.
        network: the network that they are about.
    """
    own = [point for point in points if (point.dataset, point.network) == (network.dataset, network.title)]
    cascades = {run_of(point) for point in own if point.family == CASCADE}
    rows = over_seeds(own)
    again = [row for row in rows if row.dynamic in cascades]
    before = [row for row in rows if row.dynamic not in cascades]
    said = [_again(again)] if again else []
    said += [_before(before)] if before else []
    return f"**Where deciding for each image pays**, at equal cp. {' '.join(said)}" if said else ""


def _again(rows: Sequence[OverSeeds]) -> str:
    """What looking again gains over the best static network."""
    best = max(rows, key=lambda row: row.difference)
    if best.low <= 0:
        return "Looking again gains nothing over the best static network beyond chance."
    dearer = [row for row in rows if row.dynamic == best.dynamic and row.cost > best.cost]
    sure = max((row.cost for row in dearer if row.low > 0), default=best.cost)
    end = next((row.cost for row in dearer if row.cost > sure), None)
    level = "" if end is None else f"; from {end:g} % on it gains nothing beyond chance"
    return (
        f"Looking again gains most at {best.cost:g} %: {best.difference:.2f} points over the best static network of the"
        f" same seed (mean of {len(best.differences)} seeds; 95 % interval {best.low:.2f} to {best.high:.2f}){level}."
    )


def _before(rows: Sequence[OverSeeds]) -> str:
    """What gates gain that decide before there is an answer."""
    sure = [row for row in rows if row.low > 0]
    if not sure:
        return "Gates that decide before there is an answer gain nothing beyond chance at any cost."
    best = max(sure, key=lambda row: row.difference)
    return (
        f"Gates that decide before there is an answer gain {best.difference:.2f} points over the best static network at"
        f" {best.cost:g} % (95 % interval {best.low:.2f} to {best.high:.2f})."
    )
