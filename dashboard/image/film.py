"""The gate film: what one image's gates decide at every budget, computed once, so that a slider only looks up.

A checkpoint for every budget is asked for budgets over its range. One that was trained for a single budget has a *dial*
instead: a price that is set against its gates after training moves them to cheaper or dearer options. Nobody trained
what the dial shows, and whatever shows it says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.answers.engine import Asked
from dfs_core.checkpoints.operating_point import round_to
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace

FRAMES = 40
CHUNK = 10  # frames in one call; between calls another user's question gets its turn
DIAL_WEAKEST, DIAL_STRONGEST = 0.01, 10.0  # nats for a block in full: from the closest ties to nearly every gate
SAME = 1e-3  # relative; links hold budgets in four digits


@dataclass(frozen=True, slots=True)
class Film:
    """One image at many budgets, cheapest first.

    Attributes:
        positions: budgets in percent, rising; or on a dial prices in nats for a block in full, falling.
        traces: what is decided at each.
        dial: whether the checkpoint was trained for one budget, which lies at price 0.
    """

    positions: tuple[float, ...]
    traces: tuple[DecisionTrace, ...]
    dial: bool

    def nearest(self, position: float) -> int:
        """Number of the frame nearest to a budget, by its ratio, or on a dial to a price."""
        scale = _dial_steps if self.dial else math.log
        return min(range(len(self.positions)), key=lambda i: abs(scale(self.positions[i]) - scale(position)))

    def fraction(self, position: float) -> float:
        """Where a position lies along the frames, from 0 for the first; between two frames as its ratio says."""
        scale = _dial_steps if self.dial else math.log
        steps = [scale(known) for known in self.positions]
        sign = -1 if self.dial else 1  # a dial's prices fall from frame to frame, and np.interp wants them rising
        return float(np.interp(sign * scale(position), [sign * step for step in steps], range(len(steps))))

    def at(self, position: float) -> DecisionTrace | None:
        """The trace at just this position; None if no frame stands there."""
        frame = self.nearest(position)
        found = math.isclose(self.positions[frame], position, rel_tol=SAME)
        return self.traces[frame] if found else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The prediction at each position."""
        return tuple(trace.label for trace in self.traces)


@dataclass(frozen=True, slots=True)
class Settled:
    """From where on the prediction is, and stays, what it should be.

    Attributes:
        label: the class that is asked for: the truth, or else what is predicted at the largest budget.
        known: whether that is the truth.
        frame: the first frame from which every prediction is ``label``; None if the dearest one is not.
        earlier: number of cheaper frames that have it as well, but lose it again.
    """

    label: str
    known: bool
    frame: int | None
    earlier: int


def positions(config: ModelConfig) -> tuple[float, ...]:
    """Where a film of this network has its frames; empty if its policy takes no notice of a price.

    Budgets have even ratios over the trained range, in three digits, so that they can stand in a link; prices on a dial
    have even ratios on both sides of 0.
    """
    if config.budget_range is not None:
        low, high = config.budget_range
        return tuple(sorted({min(max(round_to(budget, 3), low), high) for budget in np.geomspace(low, high, FRAMES)}))
    if config.policy == "constant":
        return ()
    prices = [round_to(price, 2) for price in np.geomspace(DIAL_WEAKEST, DIAL_STRONGEST, FRAMES // 2)]
    return (*prices[::-1], 0.0, *(-price for price in prices[:-1]))


def shoot(model: Asked, pixels: np.ndarray, config: ModelConfig) -> Film:
    """Ask for every frame of an image, uint8 (S, S, 3), a few frames at a time."""
    where = positions(config)
    prices = [config.price_for(budget) for budget in where] if config.every_budget else list(where)
    traces: list[DecisionTrace] = []
    for start in range(0, len(prices), CHUNK):
        part = prices[start : start + CHUNK]
        traces += model.predict([pixels] * len(part), price=part)
    return Film(where, tuple(traces), dial=not config.every_budget)


def settled(labels: Sequence[str], truth: str | None) -> Settled:
    """From which frame on the prediction stays right: right there and in every dearer frame.

    Args:
        labels: predictions, cheapest frame first; at least one.
        truth: the image's class where somebody knows it; else the dearest frame's prediction stands for it.

    >>> settled(["cat", "dog", "cat", "cat"], "cat")
    Settled(label='cat', known=True, frame=2, earlier=1)
    """
    label = labels[-1] if truth is None else truth
    first = len(labels)
    while first and labels[first - 1] == label:
        first -= 1
    earlier = sum(found == label for found in labels[:first])
    return Settled(label, truth is not None, first if first < len(labels) else None, earlier)


def _dial_steps(price: float) -> float:
    """A price in the dial's own steps: by ratio on either side of 0."""
    return math.copysign(math.log1p(abs(price) / DIAL_WEAKEST), price)
