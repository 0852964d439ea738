"""When a cascade looks again: limits for every price, chosen on validation images. Arithmetic only, without torch.

An image stops after a pass when its answer is as sure as the pass's limit says (``doubt.py``). For a price, the limits
are those of least mean loss + price x cost, found from the last pass to the first: at each, all images are sorted by
sureness, and the best place to cut is kept (method section 12). As the price falls, limits only rise, so that cost only
rises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from dfs_core.evaluation.doubt import Measure, lead, log_probabilities

PRICES = np.geomspace(1e-4, 20.0, 60)  # nats per block in full
CLOSE = 1.03  # neighbours whose cp differ by a smaller factor need no row between them
MOST_ROWS = 160
BEYOND = 1.001  # times the largest lead: a limit that no image reaches
DIGITS = 6
TEMPERATURES = np.linspace(0.5, 4.0, 71)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one pass says of every image of a set, were it made for all of them.

    Attributes:
        sureness: of the answer, 0 or more (N,), by a measure of ``doubt.py``.
        losses: cross-entropy of the label in nats (N,), of the softmax at the pass's own best temperature.
        cost: of this pass, in blocks in full (N,).
        correct: whether the most probable class is the label, bool (N,).
    """

    sureness: np.ndarray
    losses: np.ndarray
    cost: np.ndarray
    correct: np.ndarray

    @classmethod
    def of(cls, logits: np.ndarray, labels: np.ndarray, cost: np.ndarray, sure: Measure = lead) -> Look:
        """From what a pass answered: logits (N, classes), labels (N,), cost in blocks in full (N,)."""
        logits = logits.astype(np.float64)
        correct = logits.argmax(axis=1) == labels
        return cls(sure(logits), _best_losses(logits, labels), cost, correct)


class Row(NamedTuple):
    """The limits of a cascade at one price.

    Attributes:
        price: nats per block in full.
        cp: what it leads to on the images that it was measured on, in percent.
        limits: nats, of each pass but the last.
    """

    price: float
    cp: float
    limits: tuple[float, ...]


def _best_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Cross-entropies at the temperature that makes their mean least: without it the surest mistakes outweigh all."""
    rows = np.arange(len(labels))

    def losses(temperature: float) -> np.ndarray:
        return -log_probabilities(logits / temperature)[rows, labels]

    return min((losses(temperature) for temperature in TEMPERATURES), key=np.mean)


@dataclass(frozen=True, slots=True)
class Way:
    """How images go on from one pass to the next.

    Attributes:
        follow: (looks, limits) -> the number of each image's last pass, from 1 (N,).
        total: (costs of the passes (P, N), numbers of the last passes (N,)) -> cost of each image (N,).
        choose: (looks, price) -> the limits of least mean loss + price x cost.
        asked: looks -> those whose sureness each limit is compared with.
    """

    follow: Callable[[Sequence[Look], Sequence[float]], np.ndarray]
    total: Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]
    choose: Callable[[Sequence[Look], float], tuple[float, ...]]
    asked: Callable[[Sequence[Look]], Sequence[Look]]


def follow(looks: Sequence[Look], limits: Sequence[float]) -> np.ndarray:
    """How many passes each image needs (N,) under given limits, one pass after another."""
    passes = np.ones(len(looks[0].sureness), dtype=np.int64)
    for number, (look, limit) in enumerate(zip(looks, limits, strict=False), start=1):
        passes[(passes == number) & (look.sureness < limit)] += 1
    return passes


def _sum_of_passes(costs: Sequence[np.ndarray], passes: np.ndarray) -> np.ndarray:
    total: np.ndarray = np.cumsum(costs, axis=0)[passes - 1, np.arange(len(passes))]
    return total


def choose(looks: Sequence[Look], price: float) -> tuple[float, ...]:
    """The limits of least mean loss + price x cost."""
    ahead, limits = looks[-1].losses, []
    for look, dearer in zip(reversed(looks[:-1]), reversed(looks[1:]), strict=True):
        going_on = ahead + price * dearer.cost
        order = np.argsort(-look.sureness, kind="stable")  # the surest images first: so many of them stop here
        stopped = np.concatenate([[0.0], np.cumsum(look.losses[order])])
        went_on = going_on.sum() - np.concatenate([[0.0], np.cumsum(going_on[order])])
        stops = int((stopped + went_on).argmin())
        in_order = look.sureness[order]
        if stops in (0, len(order)):
            limits.append(0.0 if stops else float(in_order[0]) * BEYOND)
        else:  # halfway between the last image that stops and the first one that goes on
            limits.append(float(in_order[stops - 1 : stops + 1].mean()))
        ahead = np.where(look.sureness < limits[-1], going_on, look.losses)
    return tuple(reversed(limits))


def _follow_straight(looks: Sequence[Look], limits: Sequence[float]) -> np.ndarray:
    beyond: np.ndarray = looks[0].sureness[:, None] < np.asarray(limits)
    return 1 + beyond.sum(axis=1)


def _first_and_last(costs: Sequence[np.ndarray], passes: np.ndarray) -> np.ndarray:
    own: np.ndarray = np.stack(costs)[passes - 1, np.arange(len(passes))]
    return costs[0] + np.where(passes > 1, own, 0.0)


def _choose_straight(looks: Sequence[Look], price: float) -> tuple[float, ...]:
    """Sorted by the first pass's sureness, the images fall into one run for each pass; the best runs are found at once.

    Of all ways to split the first k images among the first p passes, only the best one is kept.
    """
    first, *later = looks
    order = np.argsort(-first.sureness, kind="stable")
    each = [first.losses, *(look.losses + price * look.cost for look in later)]
    sums = [np.concatenate([[0.0], np.cumsum(one[order])]) for one in each]
    best, begins = sums[0], []
    for total in sums[1:]:
        ahead = best - total  # what the images before a run cost, less what they would cost within it
        begin = np.maximum.accumulate(np.where(ahead == np.minimum.accumulate(ahead), np.arange(len(ahead)), 0))
        begins.append(begin)
        best = np.minimum.accumulate(ahead) + total
    end, cuts = len(order), []
    for begin in reversed(begins):
        end = int(begin[end])
        cuts.append(end)
    sureness = np.concatenate([[float(first.sureness.max()) * BEYOND**2], first.sureness[order]])
    return tuple(float(sureness[cut : cut + 2].mean()) if cut < len(order) else 0.0 for cut in reversed(cuts))


IN_TURN = Way(follow, _sum_of_passes, choose, lambda looks: looks[:-1])
# The first pass's doubt alone decides to which pass an image goes; it then skips those between.
STRAIGHT = Way(_follow_straight, _first_and_last, _choose_straight, lambda looks: [looks[0]] * (len(looks) - 1))


def rows_of(looks: Sequence[Look], blocks: int, way: Way = IN_TURN) -> list[Row]:
    """The limits for every cost between that of the first pass for all and that of every pass for all.

    Args:
        looks: of the passes on the same images, cheapest first.
        blocks: number of gated blocks, 100 % of cp.
        way: how images go on.

    Returns:
        Rows by rising price and falling cp.
    """

    def row(price: float, limits: np.ndarray) -> Row:
        kept = tuple(float(f"{limit:.{DIGITS}g}") for limit in limits)
        cp = 100 * way.total([look.cost for look in looks], way.follow(looks, kept)).mean() / blocks
        return Row(float(f"{price:.{DIGITS}g}"), float(cp), kept)

    chosen = np.array([way.choose(looks, price) for price in PRICES])
    chosen = np.maximum.accumulate(chosen[::-1])[::-1]
    everything = np.array([BEYOND * look.sureness.max() for look in way.asked(looks)])
    ends = [(PRICES[0] / 10, np.maximum(everything, chosen[0])), (PRICES[-1] * 2, np.zeros(len(everything)))]
    rows = [row(*ends[0]), *(row(price, limits) for price, limits in zip(PRICES, chosen, strict=True)), row(*ends[1])]
    return _falling(_filled(rows, row))


def _filled(rows: list[Row], row: Callable[[float, np.ndarray], Row]) -> list[Row]:
    """Rows between neighbours that differ much in cp, with limits halfway between theirs."""
    while len(rows) < MOST_ROWS:
        gaps = [
            (cheap.cp / dear.cp, index)
            for index, (cheap, dear) in enumerate(pairwise(rows))
            if cheap.cp > CLOSE * dear.cp and dear.price > cheap.price * 1.0002
        ]
        if not gaps:
            break
        _, index = max(gaps)
        cheap, dear = rows[index], rows[index + 1]
        middle = (np.array(cheap.limits) + np.array(dear.limits)) / 2
        rows.insert(index + 1, row((cheap.price * dear.price) ** 0.5, middle))
    return rows


def _falling(rows: list[Row]) -> list[Row]:
    """Those whose cp is below that of every row before; of several with one cp, the one of the highest price."""
    kept: list[Row] = []
    for row in rows:
        if kept and row.cp == kept[-1].cp and row.price > kept[-1].price:
            kept[-1] = row
        elif not kept or (row.cp < kept[-1].cp and row.price > kept[-1].price):
            kept.append(row)
    return kept
