"""The figures by which networks are compared: outcomes for each image, evaluations and intervals. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from dfs_core.checked import Cost, Count, Percent, build
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models, every_pass

Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution
DECIMALS = 4  # of stored percentages: finer than any set of images can resolve
MINORITY = 5.0  # a block decides by the image if at least so many percent do not take its most frequent option


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures of a network on one set of images. All percentages are from 0 to 100.

    Attributes:
        n: number of images.
        accuracy: percentage of images with the right label.
        accuracy_ci95: 95 % Wilson interval of ``accuracy``, (low, high).
        cp: mean computation percentage (method section 1).
        all_in: mean all-in cost in percent: bit operations relative to the plain full-precision network.
        policies: number of different decision vectors. The old name is kept so that existing cards, ``results/*.csv``,
            JSON output and links can still be read.
        shares: for each gated block, option name -> percentage of the images that took it. Each block sums to 100.
    """

    n: Count
    accuracy: Percent
    accuracy_ci95: tuple[Percent, Percent]
    cp: Cost
    all_in: Cost
    policies: Count
    shares: tuple[dict[str, Percent], ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data that ``from_dict`` reads back."""
        return asdict(self) | {"accuracy_ci95": list(self.accuracy_ci95), "shares": [dict(row) for row in self.shares]}

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> Self:
        """Read the result of ``to_dict``.

        Args:
            data: plain data by key.
            where: prefix for the keys that errors name, such as ``metrics.test``.

        Raises:
            UserError: a key is missing or unknown, or a value has the wrong type or range.
        """
        return build(cls, data, where)


def wilson_interval(correct: int, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of a share, in percent (Wilson 1927, without continuity correction).

    Unlike the normal approximation, it stays within 0 to 100 and has a positive width at 0 % and 100 %.

    >>> [round(bound, 2) for bound in wilson_interval(9350, 10000)]
    [93.0, 93.97]

    Raises:
        ValueError: unless 0 <= correct <= n and n > 0.
    """
    if not 0 <= correct <= n or n == 0:
        raise ValueError(f"{correct} of {n} is not a share")
    share, z2 = correct / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    # For 0 of n and n of n the exact bounds are 0 and 100, which rounding can miss slightly.
    return max(0.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What the passes of a cascade said for every image of a set.

    Attributes:
        passes: how many passes each image needed, uint8 (N,).
        answers: the most probable class after each pass, int64 (N, passes); ``NOT_RUN`` where a pass was not needed.
        confidence: its probability, float32 (N, passes); 0 where a pass was not needed.
    """

    passes: np.ndarray
    answers: np.ndarray
    confidence: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Looks]) -> Looks:
        """Several parts of a set as one, in their order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The predictions and decisions of a network for every image of a set, in the set's order.

    Attributes:
        labels: the true classes, int64 (N,).
        predictions: the most probable classes, int64 (N,).
        confidence: probability of the predicted class, 0 to 1, float32 (N,).
        decisions: index of the option taken, uint8 (N, gated blocks); of a cascade those of each image's last pass.
        looks: of a cascade, what each pass said.
    """

    labels: np.ndarray
    predictions: np.ndarray
    confidence: np.ndarray
    decisions: np.ndarray
    looks: Looks | None = None

    @property
    def correct(self) -> np.ndarray:
        """Whether each image got the right label, bool (N,)."""
        return self.predictions == self.labels

    @classmethod
    def joined(cls, parts: Sequence[Outcome]) -> Outcome:
        """Join the outcomes of consecutive parts of a set."""
        names = ("labels", "predictions", "confidence", "decisions")
        looks = [part.looks for part in parts if part.looks is not None]
        joined = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
        labels, predictions, confidence, decisions = joined
        return cls(labels, predictions, confidence, decisions, Looks.joined(looks) if looks else None)

    def every_pass(self, config: ModelConfig) -> np.ndarray:
        """The decisions that were paid for, as ``CostModel`` counts them."""
        return self.decisions if self.looks is None else every_pass(config, self.decisions, self.looks.passes)


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Difference of two accuracies on the same images, with its 95 % interval (normal approximation), in points.

    The variance is that of the difference for each image, which is -1, 0 or 1. As in McNemar's test, images that both
    networks get right, or both get wrong, carry no information.

    Args:
        first: whether the first network got each image right, bool (N,).
        second: the same for the second network.

    Returns:
        (difference, low, high), first minus second.
    """
    each = first.astype(float) - second.astype(float)
    mean, half = each.mean(), Z95 * each.std(ddof=min(1, len(each) - 1)) / len(each) ** 0.5
    return 100 * float(mean), 100 * float(mean - half), 100 * float(mean + half)


def different(decisions: np.ndarray) -> int:
    """Number of different decision vectors: decisions (N, gated blocks). Faster than ``np.unique`` along an axis."""
    return len({row.tobytes() for row in decisions})


def unusual_shares(decisions: np.ndarray) -> np.ndarray:
    """Percentage of the images that do not take a block's most frequent option, (gated blocks,).

    Args:
        decisions: option indices (N, gated blocks), N at least 1.
    """
    usual = [np.bincount(column).max() for column in decisions.T]
    return 100 * (1 - np.array(usual) / len(decisions))


def variation(cost: np.ndarray) -> float | None:
    """The coefficient of variation of the images' costs (N,): standard deviation / mean. None without a cost."""
    return float(cost.std() / cost.mean()) if len(cost) and cost.mean() else None


def summarise(outcome: Outcome, config: ModelConfig) -> Evaluation:
    """Reduce an outcome to the figures of a card. ``config`` is the configuration of the network."""
    correct, n = int(outcome.correct.sum()), len(outcome.labels)
    low, high = wilson_interval(correct, n)
    costs, paid = cost_models(config), outcome.every_pass(config)
    names = config.option_set.names
    shares = [100 * (outcome.decisions == index).mean(axis=0) for index in range(len(names))]
    return Evaluation(
        n=n,
        accuracy=round(100 * correct / n, DECIMALS),
        accuracy_ci95=(round(low, DECIMALS), round(high, DECIMALS)),
        cp=round(costs["cp"].total(paid), DECIMALS),
        all_in=round(costs["bitops"].total(paid), DECIMALS),
        policies=different(outcome.decisions),
        shares=tuple(
            {name: round(float(share[block]), DECIMALS) for name, share in zip(names, shares, strict=True)}
            for block in range(config.gated_blocks)
        ),
    )
