"""What training minimises: schedule, signed cost and distillation, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.model.network import DFSOutput
from dfs_core.training.objective import block_costs, cost_term, learning_rate, sample_losses

COSTS = torch.tensor((0.0, 0.0625, 1.0))
PAPER = (0.5, 0.75)


def output(decisions: list[list[int]]) -> DFSOutput:
    chosen = torch.tensor(decisions)
    images, blocks = chosen.shape
    probabilities = torch.full((images, blocks, 3), 1 / 3, requires_grad=True)
    return DFSOutput(torch.zeros(images, 10), chosen, probabilities)


@pytest.mark.parametrize(
    ("step", "schedule", "warmup", "rate"),
    [
        (0, "cosine", 0.0, 0.1),
        (50, "cosine", 0.0, 0.05),
        (75, "cosine", 0.0, 0.05 * (1 + math.cos(0.75 * math.pi))),
        (0, "cosine", 0.1, 0.01),  # warm-up: a tenth of the rate a step
        (4, "cosine", 0.1, 0.05),
        (9, "cosine", 0.1, 0.1),
        (55, "cosine", 0.1, 0.05),  # half of what is left after warm-up
        (99, "cosine", 0.1, 0.05 * (1 + math.cos(math.pi * 89 / 90))),
        (49, "step", 0.0, 0.1),
        (50, "step", 0.0, 0.01),
        (74, "step", 0.0, 0.01),
        (75, "step", 0.0, 0.001),
        (2, "step", 0.1, 0.03),
    ],
)
def test_learning_rate_follows_its_schedule(step: int, schedule: str, warmup: float, rate: float) -> None:
    assert learning_rate(step, 100, 0.1, schedule, warmup, PAPER) == pytest.approx(rate, rel=1e-4)


def test_the_papers_schedule_divides_by_ten_at_32000_and_48000_of_64000() -> None:
    rates = [learning_rate(step, 64_000, 0.1, "step", 0.0, PAPER) for step in (0, 31_999, 32_000, 47_999, 48_000)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])


@given(st.integers(1, 500), st.floats(0, 0.9), st.sampled_from(["cosine", "step"]))
def test_learning_rate_rises_to_its_peak_and_then_only_falls(total: int, warmup: float, schedule: str) -> None:
    rates = [
        learning_rate(step, total, 1.0, schedule, warmup, PAPER if warmup < 0.5 else (0.95,)) for step in range(total)
    ]
    top = rates.index(max(rates))
    assert 0 < min(rates) <= max(rates) <= 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_block_costs_sum_the_chosen_options() -> None:
    assert block_costs(output([[0, 2], [1, 1], [0, 0]]), COSTS).tolist() == [1.0, 0.125, 0.0]


@pytest.mark.parametrize(
    ("target", "sign"),
    [(20.0, 1), (28.12, 1), (28.125, -1), (28.13, -1), (100.0, -1)],
    ids=["above", "just above", "at", "just below", "below"],
)
def test_cost_term_is_signed_alpha_times_the_cost_of_a_batch_of_128(target: float, sign: int) -> None:
    # Costs of the two images are 1 and 0.125: their mean is 0.5625, cp 100 x 0.5625 / 2 blocks.
    batch = output([[0, 2], [1, 1]])
    term, cp = cost_term(batch, COSTS, target, 5e-6)
    assert cp == 28.125
    assert float(term.detach()) == pytest.approx(sign * 5e-6 * 128 * 0.5625)
    term.backward()
    by_hand = sign * 5e-6 * 128 / 2 * COSTS  # straight through: the same whatever was chosen
    torch.testing.assert_close(batch.probabilities.grad, by_hand.expand(2, 2, 3))


def test_the_sign_of_alpha_itself_says_nothing() -> None:
    batch = output([[2, 2]])
    assert float(cost_term(batch, COSTS, 50, -0.1)[0].detach()) == float(cost_term(batch, COSTS, 50, 0.1)[0].detach())


@pytest.mark.parametrize("times", [2, 5])
def test_alpha_means_the_same_with_any_batch_size(times: int) -> None:
    decisions = [[0, 2], [1, 1]]
    once, often = output(decisions), output(decisions * times)
    (term, cp), (same_term, same_cp) = (cost_term(batch, COSTS, 20, 5e-6) for batch in (once, often))
    assert cp == same_cp
    assert float(same_term.detach()) == pytest.approx(float(term.detach()))
    term.backward()
    same_term.backward()
    assert float(often.probabilities.grad.sum()) == pytest.approx(float(once.probabilities.grad.sum()))


def test_without_a_teacher_it_is_cross_entropy_with_smoothing() -> None:
    logits, labels = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]]), torch.tensor([0, 1])
    plain = -(math.log(0.75) + math.log(0.5)) / 2
    assert float(sample_losses(logits, labels, 0.0, None, 0.5, 1.0).mean()) == pytest.approx(plain)
    # Smoothing by 0.2: 0.9 of the weight on the label, 0.1 on the other of two classes.
    smooth = -(0.9 * math.log(0.75) + 0.1 * math.log(0.25) + math.log(0.5)) / 2
    assert float(sample_losses(logits, labels, 0.2, None, 0.0, 1.0).mean()) == pytest.approx(smooth)


def test_distillation_is_zero_when_the_student_says_what_its_teacher_says() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 10, requires_grad=True), torch.arange(4)
    same = sample_losses(logits, labels, 0.0, logits.detach() + 3, 1.0, 2.0).mean()  # a constant says nothing more
    assert float(same.detach()) == pytest.approx(0, abs=1e-6)
    same.backward()
    assert float(logits.grad.abs().max()) < 1e-6
    other = sample_losses(logits, labels, 0.0, torch.randn(4, 10), 1.0, 2.0).mean()
    assert float(other.detach()) > 0.1


def test_distillation_weighs_the_divergence_by_the_squared_temperature() -> None:
    student, teacher = torch.tensor([[0.0, 0.0]]), torch.tensor([[2 * math.log(3.0), 0.0]])
    label, hot = torch.tensor([0]), 2.0  # at temperature 2 the teacher says 3 to 1, the student 1 to 1
    divergence = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    wanted = 0.3 * math.log(2) + 0.7 * hot**2 * divergence
    assert float(sample_losses(student, label, 0.0, teacher, 0.7, hot)) == pytest.approx(wanted)
