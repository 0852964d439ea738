"""The gate film: one image's decision vectors at many budgets, computed once, so that a slider only looks them up.

For an every-budget checkpoint the frames are budgets over its range. A checkpoint for a single budget has a *dial*
instead: a price, charged at evaluation, moves its gates to cheaper or more expensive options. It was not trained for
these prices, and the page says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.answers.shared_predictor import PointModel
from dfs_core.checkpoints.operating_point import round_to
from dfs_core.checkpoints.words import format_number
from dfs_core.model.config import PRICED, ModelConfig
from dfs_core.trace import DecisionTrace

FRAMES = 40
CHUNK = 10  # frames in one model call; other users' predictions run between calls
DIAL_WEAKEST, DIAL_STRONGEST = 0.01, 10.0  # nats for a full block: moves only the closest ties, or nearly every gate
SAME = 1e-3  # relative tolerance; links hold budgets with four digits


def price_text(price: float) -> str:
    """A dial's price with its sign.

    >>> price_text(0.25), price_text(-1e-5)
    ('+0.25', '−1e−5')
    """
    sign = "+" if price > 0 else ""
    return f"{sign}{format_number(price, 2)}".replace("-", "\N{MINUS SIGN}")


@dataclass(frozen=True, slots=True)
class Film:
    """One image at many budgets, cheapest first.

    Attributes:
        positions: budgets in percent, rising; on a dial, prices in nats for a full block, falling.
        traces: the trace at each position.
        dial: whether the positions are prices; the trained budget is at price 0.
    """

    positions: tuple[float, ...]
    traces: tuple[DecisionTrace, ...]
    dial: bool

    def nearest(self, position: float) -> int:
        """Index of the frame nearest to a budget, by ratio, or on a dial to a price."""
        scale = _dial_steps if self.dial else math.log
        return min(range(len(self.positions)), key=lambda i: abs(scale(self.positions[i]) - scale(position)))

    def fraction(self, position: float) -> float:
        """A budget in units of frames, 0 for the first, interpolated by ratio."""
        return float(np.interp(math.log(position), np.log(self.positions), range(len(self.positions))))

    def at(self, position: float) -> DecisionTrace | None:
        """The trace at exactly this position; None if there is no such frame."""
        frame = self.nearest(position)
        found = math.isclose(self.positions[frame], position, rel_tol=SAME)
        return self.traces[frame] if found else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The prediction at each position."""
        return tuple(trace.label for trace in self.traces)


@dataclass(frozen=True, slots=True)
class StaysRight:
    """The frame from which the prediction is right and stays right.

    Attributes:
        label: the right class: the true one or, if that is unknown, the prediction at the largest budget.
        known: whether ``label`` is the true class.
        frame: first frame from which every prediction is ``label``; None if the last prediction is not.
        earlier: number of frames before it that also predict ``label``.
    """

    label: str
    known: bool
    frame: int | None
    earlier: int


def positions(config: ModelConfig) -> tuple[float, ...]:
    """Positions of a film's frames for this network; empty if its policy ignores prices.

    Budgets are evenly spaced on a logarithmic scale and have three digits, to fit into links. Dial prices are evenly
    spaced on a logarithmic scale on both sides of 0.
    """
    if config.budget_range is not None:
        low, high = config.budget_range
        return tuple(sorted({min(max(round_to(budget, 3), low), high) for budget in np.geomspace(low, high, FRAMES)}))
    if config.policy == "constant" or config.policy in PRICED:  # the latter: its prices were not measured
        return ()
    prices = [round_to(price, 2) for price in np.geomspace(DIAL_WEAKEST, DIAL_STRONGEST, FRAMES // 2)]
    return (*prices[::-1], 0.0, *(-price for price in prices[:-1]))


def prices(config: ModelConfig) -> list[float]:
    """The price of each frame, in nats for a full block."""
    where = positions(config)
    return [config.price_for(budget) for budget in where] if config.every_budget else list(where)


def shoot(model: PointModel, pixels: np.ndarray, config: ModelConfig) -> Film:
    """Predict every frame of an image, uint8 (S, S, 3), in chunks."""
    charged = prices(config)
    traces: list[DecisionTrace] = []
    for start in range(0, len(charged), CHUNK):
        part = charged[start : start + CHUNK]
        traces += model.predict([pixels] * len(part), price=part)
    return Film(positions(config), tuple(traces), dial=not config.every_budget)


def stays_right(labels: Sequence[str], truth: str | None) -> StaysRight:
    """The frame from which the prediction stays right.

    Args:
        labels: predictions, cheapest frame first; at least one.
        truth: the true class; None if unknown, then the last prediction counts as right.

    >>> stays_right(["cat", "dog", "cat", "cat"], "cat")
    StaysRight(label='cat', known=True, frame=2, earlier=1)
    """
    label = labels[-1] if truth is None else truth
    first = len(labels)
    while first and labels[first - 1] == label:
        first -= 1
    earlier = sum(found == label for found in labels[:first])
    return StaysRight(label, truth is not None, first if first < len(labels) else None, earlier)


def _dial_steps(price: float) -> float:
    """A price on the dial's scale, which is logarithmic on both sides of 0."""
    return math.copysign(math.log1p(abs(price) / DIAL_WEAKEST), price)
