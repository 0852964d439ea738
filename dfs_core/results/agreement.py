"""Two operating points on the same test images, from their stored traces: who is right on which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr  # type: ignore[import-untyped]

from dfs_core.checkpoints.traces import Traces
from dfs_core.data.known import title_of
from dfs_core.evaluation.metrics import paired_difference


def why_not(left: Traces, right: Traces) -> str:
    """Why two sets of traces cannot be compared image by image; empty if they can."""
    same = left.dataset == right.dataset and left.classes == right.classes
    if same and np.array_equal(left.labels, right.labels):
        return ""
    ours, theirs = title_of(left.dataset), title_of(right.dataset)
    if left.dataset == right.dataset:
        return f"their stored decisions are of different images of {ours}"
    return f"A's stored decisions are of {ours}, B's of {theirs}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two operating points, A and B, on one test set.

    Attributes:
        images: number of images.
        both: images that both get right.
        a_only: images that only A gets right.
        b_only: images that only B gets right.
        neither: images that neither gets right.
        agree: images with the same prediction.
        gain: accuracy of B minus accuracy of A, in points.
        low: lower end of the gain's 95 % interval for paired samples.
        high: upper end.
        p: p-value of McNemar's exact test.
    """

    images: int
    both: int
    a_only: int
    b_only: int
    neither: int
    agree: int
    gain: float
    low: float
    high: float
    p: float

    @classmethod
    def of(cls, left: Traces, right: Traces) -> Agreement:
        """Count agreement on the shared test set, and test whether one operating point is right more often.

        McNemar's test counts only the images that exactly one of the two gets right. If both were equally good, each
        such image would be a fair coin toss. ``p`` is the two-sided binomial probability of a split at least this
        uneven.
        """
        here, there = left.correct, right.correct
        a_only, b_only = int((here & ~there).sum()), int((~here & there).sum())
        gain, low, high = paired_difference(there, here)
        split = a_only + b_only
        return cls(
            images=len(here),
            both=int((here & there).sum()),
            a_only=a_only,
            b_only=b_only,
            neither=int((~here & ~there).sum()),
            agree=int((left.predictions == right.predictions).sum()),
            gain=gain,
            low=low,
            high=high,
            p=min(1.0, 2.0 * float(bdtr(min(a_only, b_only), split, 0.5))),
        )


def chance_in_words(p: float) -> str:
    """What a p-value says of a difference: 5 % is the usual bound."""
    return "more than chance explains" if p < 0.05 else "which chance can explain"


def p_in_words(p: float) -> str:
    """A p-value as text.

    >>> p_in_words(0.03125), p_in_words(1e-9)
    ('p = 0.0312', 'p < 0.0001')
    """
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.4f}"
