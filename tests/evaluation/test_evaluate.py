"""Evaluation: figures against sums done by hand, and intervals."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import CIFAR10, pictures

from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.data.sets import ImageSet
from dfs_core.errors import UserError
from dfs_core.evaluation import evaluate as evaluation
from dfs_core.evaluation.evaluate import evaluate, run
from dfs_core.evaluation.metrics import Evaluation, paired_difference, wilson_interval


@pytest.fixture(scope="module")
def images() -> ImageSet:
    pixels = torch.from_numpy(pictures(24, seed=3)).permute(0, 3, 1, 2).contiguous()
    return ImageSet("cifar10", "test", pixels, torch.arange(24) % 10, CIFAR10.classes)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with z = 1.96, worked out by hand
        (8, 10, 49.02, 94.33),
        (50, 100, 40.38, 59.62),
        (9350, 10_000, 93.00, 93.97),
        (0, 10, 0.0, 27.75),
        (10, 10, 72.25, 100.0),
    ],
)
def test_wilson_interval_equals_values_worked_out_by_hand(correct: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=0.005)


@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share_and_stays_in_range(case: tuple[int, int]) -> None:
    correct, n = case
    low, high = wilson_interval(correct, n)
    assert 0 <= low < high <= 100
    assert low - 1e-9 <= 100 * correct / n <= high + 1e-9


@pytest.mark.parametrize(("correct", "n"), [(1, 0), (0, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_what_is_no_share(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson_interval(correct, n)


def test_the_interval_of_a_difference_is_that_of_pairs() -> None:
    first = np.array([True] * 60 + [False] * 40)
    second = np.array([True] * 50 + [False] * 40 + [True] * 10)
    difference, low, high = paired_difference(first, second)
    assert difference == pytest.approx(0.0)
    each = np.array([0] * 50 + [1] * 10 + [0] * 30 + [-1] * 10)
    assert (high - low) / 2 == pytest.approx(100 * 1.959964 * each.std(ddof=1) / 10, rel=1e-6)
    assert paired_difference(first, first) == (0.0, 0.0, 0.0)
    assert paired_difference(first[:1], ~first[:1]) == (100.0, 100.0, 100.0), "one image has no spread"


def test_figures_equal_sums_done_by_hand(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    model = tiny_checkpoint.model
    outcome = run(model, images, CIFAR10.mean, CIFAR10.std)
    found = evaluate(model, images, CIFAR10.mean, CIFAR10.std)
    costs = {"skip": 0, "8": 1 / 16, "16": 1 / 4, "full": 1}
    names = [["skip", "8", "16", "full"][index] for row in outcome.decisions.tolist() for index in row]
    assert found.n == 24
    assert found.accuracy == pytest.approx(
        100 * sum(int(a == b) for a, b in zip(outcome.predictions, images.labels, strict=True)) / 24, abs=1e-4
    )
    assert found.cp == pytest.approx(100 * sum(costs[name] for name in names) / len(names), abs=1e-4)
    assert found.policies == len({tuple(row) for row in outcome.decisions.tolist()})
    third_block = Counter(names[2 :: model.config.gated_blocks])
    assert found.shares[2] == pytest.approx({name: 100 * third_block[name] / 24 for name in costs}, abs=1e-4)


def test_tiny_network_decides_differently_for_different_images(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    # The other tests of decisions would prove little on a network that always does the same.
    assert evaluate(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std).policies >= 5


def test_result_does_not_depend_on_batch_size_or_execution(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    whole = run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
    for settings in ({"batch_size": 1}, {"batch_size": 7}, {"execution": "dense"}):
        other = run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std, **settings)
        np.testing.assert_array_equal(other.decisions, whole.decisions)
        np.testing.assert_allclose(other.confidence, whole.confidence, atol=1e-4)


def test_forced_decisions_are_taken_batch_by_batch(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    forced = np.random.default_rng(0).integers(0, 4, (24, 5))
    outcome = run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std, forced=forced, batch_size=10)
    np.testing.assert_array_equal(outcome.decisions, forced)


def test_forced_decisions_for_another_number_of_images_are_refused(
    tiny_checkpoint: Checkpoint, images: ImageSet
) -> None:
    with pytest.raises(UserError, match="30 images, but there are 24"):
        run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std, forced=np.zeros((30, 5), np.int64))


def test_progress_counts_up_to_all_images(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    seen: list[tuple[int, int]] = []
    run(
        tiny_checkpoint.model,
        images,
        CIFAR10.mean,
        CIFAR10.std,
        batch_size=10,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(10, 24), (20, 24), (24, 24)]


def test_a_model_in_training_is_measured_at_evaluation_and_goes_on_training(
    tiny_checkpoint: Checkpoint, images: ImageSet
) -> None:
    model = copy.deepcopy(tiny_checkpoint.model).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = evaluate(model, images, CIFAR10.mean, CIFAR10.std)
    assert found == evaluate(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_autocast_outside_does_not_change_the_figures(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    plain = run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
    with torch.autocast("cpu", torch.bfloat16):
        inside = run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
    np.testing.assert_array_equal(inside.confidence, plain.confidence)


def test_an_empty_set_and_an_untrained_budget_are_refused(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    with pytest.raises(UserError, match="no images"):
        run(tiny_checkpoint.model, images.subset(slice(0)), CIFAR10.mean, CIFAR10.std)
    with pytest.raises(UserError, match="trained for a budget of 20 %, not 30 %"):
        run(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std, budget=30)


def test_evaluation_round_trips_as_plain_data(tiny_checkpoint: Checkpoint, images: ImageSet) -> None:
    found = evaluate(tiny_checkpoint.model, images, CIFAR10.mean, CIFAR10.std)
    assert Evaluation.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": None}, "n must be a whole number from 1 to a thousand million, not None"),
        ({"shares": [3]}, r"shares\[0\] must be a table, not 3"),
        ({"extra": 1}, "unknown key extra"),
    ],
)
def test_odd_evaluations_are_refused(change: dict, message: str) -> None:
    good = Evaluation(2, 50.0, (9.45, 90.55), 6.25, 10.0, 1, ({"8": 100.0},)).to_dict()
    with pytest.raises(UserError, match=message):
        Evaluation.from_dict(good | change)


def test_large_images_are_run_in_smaller_batches(
    tiny_checkpoint: Checkpoint, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sizes = tiny_checkpoint.model, []
    hook = model.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    whole = run(model, images, CIFAR10.mean, CIFAR10.std)
    monkeypatch.setattr(evaluation, "PIXELS", 10 * 32**2)
    parts = run(model, images, CIFAR10.mean, CIFAR10.std)
    hook.remove()
    assert sizes == [24, 10, 10, 4]
    assert np.array_equal(whole.predictions, parts.predictions)
