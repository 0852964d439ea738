"""How sure an answer is: a head that learns it, and what passes say together."""

from __future__ import annotations

import numpy as np
import pytest

from dfs_core.evaluation.doubt import SURE, lead, measures, together


def made_up(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, hard = rng.integers(0, 5, n), rng.random(n)
    logits = rng.normal(size=(n, 5))
    logits[np.arange(n), labels] += 3 * (1.2 - hard)
    return logits, labels


def pairs_in_order(sureness: np.ndarray, right: np.ndarray) -> float:
    """The share of pairs of a right and a wrong answer in which the right one is surer."""
    ranks = sureness.argsort().argsort() + 1
    number = int(right.sum())
    return float((ranks[right].sum() - number * (number + 1) / 2) / (number * (len(right) - number)))


@pytest.mark.parametrize("sure", SURE)
def test_each_measure_is_not_negative_and_puts_right_answers_before_wrong_ones(sure) -> None:
    logits, labels = made_up(0)
    (measure,) = measures(sure, [logits], labels)
    fresh, answers = made_up(1)
    assert measure(fresh).min() >= 0
    assert 0.75 < pairs_in_order(measure(fresh), fresh.argmax(axis=1) == answers) < 1


def test_the_head_learns_what_the_lead_does_not_see() -> None:
    """Here answers are wrong where the third class is near, whatever the lead."""
    rng = np.random.default_rng(0)
    first, third = rng.uniform(1, 2, 4000), rng.uniform(-4, 1, 4000)
    logits = np.column_stack([first, np.zeros(4000), np.minimum(third, 0)])
    labels = np.where(third > -1, 1, 0)
    (head,) = measures("head", [logits[:2000]], labels[:2000])
    right = (labels == 0)[2000:]
    assert pairs_in_order(head(logits[2000:]), right) > 0.99
    assert pairs_in_order(lead(logits[2000:]), right) < 0.6


def test_together_adds_log_probabilities_and_lets_earlier_passes_fade() -> None:
    passes = [np.log([[0.5, 0.25, 0.25]]) + 3, np.log([[0.1, 0.8, 0.1]]), np.log([[0.2, 0.2, 0.6]]) - 1]
    one, two, three = together(passes)
    assert np.exp(one) == pytest.approx(np.array([[0.5, 0.25, 0.25]]))
    assert two == pytest.approx(np.log([[0.1, 0.8, 0.1]]) + 0.5 * one)
    assert three == pytest.approx(np.log([[0.2, 0.2, 0.6]]) + 0.5 * two)
