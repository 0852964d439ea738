"""What the passes of a cascade said of each image, and what came of looking again. Arithmetic on stored traces."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypedDict

import numpy as np

from dashboard.answers import costs
from dashboard.answers.classes import Group
from dfs_core.checkpoints.traces import Traces
from dfs_core.evaluation.metrics import Looks
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace, PassTrace

Change = Literal["", "righted", "spoiled"]
CHANGES: dict[Change, str] = {"righted": "put right", "spoiled": "put wrong"}
# Bins of confidence, in percent. With equal widths nearly all images would be in the last one.
CONFIDENCE_EDGES = (0.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 99.0, 99.9, 100.0)
MOST_DIGITS = 5  # of odds
LONG = 10**6  # odds from which they are written as a power of ten
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def times(lead: float, digits: int = 2) -> str:
    """A lead in nats as how many times as probable the first class is as the next.

    >>> times(0.7), times(5.0), times(5.0, digits=4), times(23.2), times(23.2, digits=1)
    ('2.0', '150', '148.4', '1.2·10¹⁰', '10¹⁰')
    """
    if lead >= math.log(LONG):
        whole, part = divmod(lead / math.log(10), 1)
        mantissa, _, more = f"{10**part:.{digits - 1}e}".partition("e")
        power = f"10{str(int(whole) + int(more)).translate(_RAISED)}"
        return power if float(mantissa) == 1 else f"{mantissa}·{power}"
    odds = math.exp(lead)
    decimals = max(0, digits - 1 - math.floor(math.log10(odds)))
    return f"{float(f'{odds:.{digits}g}'):,.{decimals}f}"


def lead_and_limit(look: PassTrace) -> tuple[str, str]:
    """The lead and the limit of a pass as odds, with as many digits as tell them apart.

    The limit is empty for the last pass, which has none.
    """
    if look.limit is None:
        return times(look.lead), ""
    for digits in range(2, MOST_DIGITS + 1):
        lead, limit = times(look.lead, digits), times(look.limit, digits)
        if lead != limit:
            return lead, limit
    return times(look.lead), times(look.limit)


def in_passes(number: int) -> str:
    """A number of passes: ``1 pass``, ``3 passes``."""
    return "1 pass" if number == 1 else f"{number} passes"


def looks_of(traces: Traces) -> Looks:
    """What the passes said.

    Raises:
        ValueError: the traces are not a cascade's.
    """
    if traces.looks is None:
        raise ValueError("these traces are not a cascade's")
    return traces.looks


def first_right(traces: Traces) -> np.ndarray:
    """Whether the first pass alone would have been right, bool (N,)."""
    return looks_of(traces).answers[:, 0] == traces.labels


def changed(traces: Traces, change: Change) -> np.ndarray:
    """The images that looking again put right or put wrong, bool (N,); none without a cascade."""
    if traces.looks is None:
        return np.zeros(len(traces), bool)
    before = first_right(traces)
    return ~before & traces.correct if change == "righted" else before & ~traces.correct


def looked_again(trace: DecisionTrace) -> bool:
    """Whether a cascade made more than one pass."""
    return len(trace.passes) > 1


def missed(look: PassTrace) -> bool:
    """Whether a pass missed its limit, so that the network looked again."""
    return look.limit is not None and look.lead < look.limit


def against_limit(look: PassTrace) -> str:
    """A pass's lead beside its limit, as odds, such as ``4.0 < 12`` times; empty for the last pass, which has none."""
    if look.limit is None:
        return ""
    lead, limit = lead_and_limit(look)
    return f"{lead} {'<' if missed(look) else '≥'} {limit}\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking again at some images.

    Attributes:
        images: number of images.
        needed: number of images that made exactly 1, 2, ... passes.
        first: number that the first pass had right.
        right: number that the last pass has right.
        righted: number that looking again put right.
        spoiled: number that it put wrong.
        stayed: number that were looked at again and right both times.
        costs: column of a measure -> mean cost, in percent.
    """

    images: int
    needed: tuple[int, ...]
    first: int
    right: int
    righted: int
    spoiled: int
    stayed: int
    costs: costs.Costs

    @property
    def again(self) -> int:
        """Number of images that were looked at again."""
        return self.images - self.needed[0]

    @property
    def share(self) -> float:
        """Their share, in percent."""
        return 100 * self.again / self.images

    @property
    def accuracy(self) -> float:
        """In percent."""
        return 100 * self.right / self.images

    @property
    def passes(self) -> float:
        """Mean number of passes of an image."""
        return sum(number * count for number, count in enumerate(self.needed, start=1)) / self.images


def looked(traces: Traces, config: ModelConfig, chosen: np.ndarray | None = None) -> Looked:
    """What came of looking again at the images with the indices ``chosen``, by default at all; at least one."""
    chosen = np.arange(len(traces)) if chosen is None else chosen
    passes, paid = looks_of(traces).passes[chosen], traces.every_pass(config)[chosen]
    means = {column: float(model.per_image(paid).mean()) for column, model in costs.models(config).items()}
    return Looked(
        images=len(chosen),
        needed=tuple(int((passes == number).sum()) for number in range(1, len(config.passes) + 1)),
        first=int(first_right(traces)[chosen].sum()),
        right=int(traces.correct[chosen].sum()),
        righted=int(changed(traces, "righted")[chosen].sum()),
        spoiled=int(changed(traces, "spoiled")[chosen].sum()),
        stayed=int((first_right(traces) & traces.correct)[chosen][passes > 1].sum()),
        costs=costs.Costs(cp=means["cp"], all_in=means["all_in"], macs=means["macs"], energy=means["energy"]),
    )


class ChangeRow(TypedDict):
    """Images that were looked at again and had the same outcome.

    Attributes:
        outcome: ``stayed right``, ``put right``, ``put wrong`` or ``stayed wrong``.
        images: number of images.
        share: their share of those looked at again, in percent.
    """

    outcome: str
    images: int
    share: float


def change_rows(found: Looked) -> list[ChangeRow]:
    """One row for each outcome; none if no image was looked at again."""
    counts = {"stayed right": found.stayed, "put right": found.righted, "put wrong": found.spoiled}
    counts["stayed wrong"] = found.again - sum(counts.values())
    most = found.again
    return [{"outcome": name, "images": count, "share": 100 * count / most} for name, count in counts.items() if most]


class PassRow(TypedDict):
    """The images of a group that made a number of passes.

    Attributes:
        group: name of the group.
        place: of the group, from 0.
        passes: number of passes.
        option: the option of the last of them.
        images: number of images of the group that made so many passes.
        share: their share of the group, in percent.
        start: lower end of the segment in the stacked bar, in percent.
        end: upper end.
        again: share of the group that was looked at again, in percent.
        of: number of images of the group.
    """

    group: str
    place: int
    passes: int
    option: str
    images: int
    share: float
    start: float
    end: float
    again: float
    of: int


def class_rows(traces: Traces, config: ModelConfig, chosen: np.ndarray, shown: Sequence[Group]) -> list[PassRow]:
    """Images by number of passes for each group of true classes, from ``classes.groups``.

    The group that is looked at again most often comes first.
    """
    groups = [(group.name, chosen[group.among(traces.labels[chosen])]) for group in shown]
    passes = looks_of(traces).passes
    groups.sort(key=lambda group: -float((passes[group[1]] > 1).mean()) if len(group[1]) else 1.0)
    return _rows(groups, traces, config)


def confidence_rows(traces: Traces, config: ModelConfig, chosen: np.ndarray) -> list[PassRow]:
    """Images by number of passes for each bin of the first pass's confidence, the least sure first."""
    sure = 100 * looks_of(traces).confidence[chosen, 0]
    return _rows([(name, chosen[members]) for name, members in confidence_bins(sure)], traces, config)


def confidence_bins(sure: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name of each bin of confidence, the lowest first, and whether each image is in it.

    Args:
        sure: confidences in percent (N,).
    """
    places = np.digitize(sure, CONFIDENCE_EDGES[1:-1])
    return [(f"{low:g} to {high:g} %", places == at) for at, (low, high) in enumerate(pairwise(CONFIDENCE_EDGES))]


def _rows(groups: Iterable[tuple[str, np.ndarray]], traces: Traces, config: ModelConfig) -> list[PassRow]:
    rows: list[PassRow] = []
    for place, (name, members) in enumerate((name, members) for name, members in groups if len(members)):
        passes, end = looks_of(traces).passes[members], 0.0
        for number, option in enumerate(config.passes, start=1):
            images = int((passes == number).sum())
            share = 100 * images / len(members)
            start, end = end, end + share
            rows.append(
                {
                    "group": name,
                    "place": place,
                    "passes": number,
                    "option": option,
                    "images": images,
                    "share": share,
                    "start": start,
                    "end": end,
                    "again": 100 * float((passes > 1).mean()),
                    "of": len(members),
                }
            )
    return rows


class BudgetRow(TypedDict):
    """What a cascade does to the test set at one budget; shares and costs in percent.

    Attributes:
        budget: the cp that is asked for.
        limit: the lead that the first pass must have, in nats.
        again: share of the images that are looked at again.
        passes: mean number of passes.
        accuracy: of the last pass.
        cp: mean cost by this measure, every pass counted.
        all_in: likewise.
        righted: number of images that looking again puts right.
        spoiled: number that it puts wrong.
        images: number of images.
    """

    budget: float
    limit: float
    again: float
    passes: float
    accuracy: float
    cp: float
    all_in: float
    righted: int
    spoiled: int
    images: int


def budget_rows(stored: Sequence[tuple[float, Traces]], config: ModelConfig) -> list[BudgetRow]:
    """One row for each budget in percent with stored traces, lowest first."""
    rows: list[BudgetRow] = []
    for budget, traces in sorted(stored, key=lambda one: one[0]):
        found = looked(traces, config)
        rows.append(
            {
                "budget": budget,
                "limit": config.limits_for(config.price_for(budget))[0],
                "again": found.share,
                "passes": found.passes,
                "accuracy": found.accuracy,
                "cp": found.costs["cp"],
                "all_in": found.costs["all_in"],
                "righted": found.righted,
                "spoiled": found.spoiled,
                "images": found.images,
            }
        )
    return rows
