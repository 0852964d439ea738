"""How sure an answer is, and what several passes say together. Arithmetic only, without torch.

The networks measure sureness by the lead. The other measures are there to be compared with it (``cascade --sure``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy.optimize import minimize  # type: ignore[import-untyped]

Sure = Literal["lead", "top", "entropy", "head"]
Answer = Literal["last", "together"]
Measure = Callable[[np.ndarray], np.ndarray]
SURE: tuple[Sure, ...] = ("lead", "top", "entropy", "head")
ANSWERS: tuple[Answer, ...] = ("last", "together")
FADING = 0.5  # weight of what earlier passes said, beside the last one
SHRINK = 1.0  # weight of the head's squared coefficients against the log-likelihood of all images
MOST_CLASSES = 4  # the head sees so many of the largest probabilities


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the softmax (N, classes)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def lead(logits: np.ndarray) -> np.ndarray:
    """By how many nats the best class leads the second: logits (N, classes) -> (N,)."""
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    return first - second


def top(logits: np.ndarray) -> np.ndarray:
    """The probability of the best class."""
    return np.exp(log_probabilities(logits).max(axis=1))


def certainty(logits: np.ndarray) -> np.ndarray:
    """By how many nats the entropy of all classes is below that of a guess."""
    found = log_probabilities(logits)
    return np.log(logits.shape[1]) + (np.exp(found) * found).sum(axis=1)


def head(logits: np.ndarray, labels: np.ndarray) -> Measure:
    """A logistic regression that predicts whether an answer is right, fitted on these images.

    It sees the largest log-probabilities, the lead and its square root, and the entropy.

    Returns:
        The odds of being right, as log(1 + odds), for any logits: 0 or more.
    """

    def features(of: np.ndarray) -> np.ndarray:
        best = -np.sort(-log_probabilities(of), axis=1)[:, :MOST_CLASSES]
        ahead = lead(of)
        return np.column_stack([best, ahead, np.sqrt(ahead), certainty(of)])

    seen, right = features(logits), 2.0 * (logits.argmax(axis=1) == labels) - 1
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-9

    def standard(found: np.ndarray) -> np.ndarray:
        return np.column_stack([(found - mean) / spread, np.ones(len(found))])

    known = standard(seen)

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = right * (known @ weights)
        free = np.append(weights[:-1], 0.0)
        value = np.logaddexp(0, -margin).sum() + SHRINK / 2 * (free**2).sum()
        return float(value), -(right * np.exp(-np.logaddexp(0, margin))) @ known + SHRINK * free

    weights = minimize(objective, np.zeros(known.shape[1]), jac=True).x
    return lambda of: np.logaddexp(0, standard(features(of)) @ weights)


def measures(sure: Sure, passes: Sequence[np.ndarray], labels: np.ndarray) -> list[Measure]:
    """How sure each pass's answers are, by one measure; ``head`` is fitted to each pass on these images.

    Args:
        sure: name of the measure.
        passes: logits (N, classes) of each pass on validation images.
        labels: of those images (N,).
    """
    if sure == "head":
        return [head(logits.astype(np.float64), labels) for logits in passes]
    fixed: dict[str, Measure] = {"lead": lead, "top": top, "entropy": certainty}
    return [fixed[sure]] * len(passes)


def together(passes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What the passes so far say together, after each: log-probabilities added up, those of earlier passes fading."""
    said: list[np.ndarray] = []
    for logits in passes:
        own = log_probabilities(logits.astype(np.float64))
        said.append(own + FADING * said[-1] if said else own)
    return said
