"""A cascade from a backbone to a checkpoint: every pass learns, limits are measured, every budget is served."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from console import run_json, run_wrong
from tiny_runs import BACKBONE, log_of, train, weights

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.data.sets import load_images
from dfs_core.errors import UserError
from dfs_core.evaluation.doubt import together
from dfs_core.evaluation.evaluate import evaluate, pass_logits, run
from dfs_core.predictor import Predictor
from dfs_core.training import measure

MODEL = {"depth": 8, "options": "2,4,8", "policy": "cascade", "passes": ["2", "4", "8"], "ungated": 8}


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> Path:
    root = tmp_path_factory.mktemp("runs")
    backbone = train(root / "backbone", cifar10_dir, BACKBONE, epochs=4, lr=0.1)
    return train(root / "cascade", cifar10_dir, MODEL, **settings_from(backbone))


def settings_from(backbone: Path) -> dict[str, Any]:
    distil = {"teacher": str(backbone), "distillation": 0.5, "method": "cascade"}
    return {"stage": "passes", "start_from": str(backbone), "epochs": 4, "lr": 0.02, **distil}


def test_a_finished_cascade_is_not_trained_or_measured_again(
    cascade: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfs_core.training.train.Trainer.run", None)
    monkeypatch.setattr("dfs_core.training.train.publish", None)
    settings = settings_from(cascade.parent / "backbone")
    assert train(cascade, cifar10_dir, MODEL, resume=True, **settings) == cascade


def test_each_pass_learns_its_own_norms_and_steps(cascade: Path) -> None:
    found, start = weights(cascade), weights(cascade.parent / "backbone")
    for option in ("2", "4", "8"):
        norm = found[f"body.blocks.1.bn1.{option}.running_mean"]
        assert not torch.equal(norm, start["body.blocks.1.bn1.full.running_mean"])
    assert not torch.equal(found["body.blocks.1.bn1.2.weight"], found["body.blocks.1.bn1.8.weight"])
    assert found["body.stem.0.quantisers.8.weight_step"] > 0
    assert len(log_of(cascade, "loss")) > 4


def test_its_passes_are_validated_while_it_trains(cascade: Path, cifar10_dir: Path) -> None:
    settings = settings_from(cascade.parent / "backbone") | {"epochs": 1, "validate_every": 1}
    folder = train(cascade.parent / "validated", cifar10_dir, MODEL, **settings)
    (found,) = log_of(folder, "validation_accuracy")
    assert 0 < found <= 100


def test_it_serves_every_budget_between_one_pass_and_all(cascade: Path) -> None:
    card = load_checkpoint(cascade).card
    low, high = card.budget_range or pytest.fail("no range")
    assert low == pytest.approx(100 * (2 / 32) ** 2)
    assert high == pytest.approx(100 * sum((bits / 32) ** 2 for bits in (2, 4, 8)))
    assert all(more > less for (_, more), (_, less) in pairwise(card.config.prices))


def test_a_cascade_that_ends_in_full_serves_budgets_up_to_100_percent(cascade: Path, cifar10_dir: Path) -> None:
    backbone, model = str(cascade.parent / "backbone"), MODEL | {"options": "2,full", "passes": ["2", "full"]}
    settings = {"stage": "passes", "start_from": backbone, "iterations": 2, "lr": 0.02, "method": "cascade"}
    card = load_checkpoint(train(cascade.parent / "to-full", cifar10_dir, model, **settings)).card
    assert card.budget_range == (pytest.approx(100 * (2 / 32) ** 2), 100.0)
    assert card.config.prices[0][1] > 100
    assert card.config.operating_point(100.0)[1] > card.config.prices[0][0]


def test_the_card_the_stored_passes_and_a_new_measurement_agree(cascade: Path, cifar10_dir: Path) -> None:
    checkpoint = load_checkpoint(cascade)
    card = checkpoint.card
    test = load_images("cifar10", cifar10_dir, "test")
    budgets = stored_budgets(cascade)
    assert len(budgets) > 3
    for budget in budgets:
        point = OperatingPoint(card, budget)
        traces = read_traces(cascade, point)
        outcome = run(checkpoint.model, test, card.mean, card.std, budget=budget)
        assert np.array_equal(traces.every_pass(card.config), outcome.every_pass(card.config))
        assert traces.looks is not None
        assert outcome.looks is not None
        assert np.array_equal(traces.looks.answers, outcome.looks.answers)
        last = outcome.looks.passes.astype(int) - 1
        assert np.array_equal(traces.looks.answers[np.arange(len(test)), last], traces.predictions)
    found = evaluate(checkpoint.model, test, card.mean, card.std)
    assert found.to_dict() == card.metrics["test"]


def test_limits_are_measured_with_all_digits_as_answers_are(cascade: Path, cifar10_dir: Path) -> None:
    checkpoint = load_checkpoint(cascade)
    model, card, flags = checkpoint.model, checkpoint.card, []
    images = load_images("cifar10", cifar10_dir, "test")
    handle = model.body.stem.register_forward_pre_hook(
        lambda *_: flags.append((torch.backends.cudnn.allow_tf32, torch.is_autocast_enabled("cpu")))
    )
    with torch.backends.cudnn.flags(allow_tf32=True), torch.autocast("cpu", torch.bfloat16):
        measure.looks(model, images, card.mean, card.std)
        run(model, images, card.mean, card.std)
    handle.remove()
    assert flags == [(False, False)] * 2


def test_a_cascade_is_not_measured_under_given_decisions(cascade: Path, cifar10_dir: Path) -> None:
    checkpoint, test = load_checkpoint(cascade), load_images("cifar10", cifar10_dir, "test")
    given = np.zeros((len(test), checkpoint.card.config.gated_blocks), int)
    with pytest.raises(UserError, match="decides by whole passes"):
        evaluate(checkpoint.model, test, checkpoint.card.mean, checkpoint.card.std, forced=given)


def test_shuffled_images_exchange_how_many_passes_they_make(
    cascade: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The mean over all exchanges: each pass counts by the share of the images that end at it."""
    budget = min(stored_budgets(cascade))
    asked = ("--checkpoint", cascade, "--data-dir", cifar10_dir, "--budget", budget)
    (row,) = run_json(capsys, "shuffle", *asked)
    checkpoint = load_checkpoint(cascade)
    card, test = checkpoint.card, load_images("cifar10", cifar10_dir, "test")
    point = OperatingPoint(card, budget)
    needed = read_traces(cascade, point).looks.passes
    looked = measure.looks(checkpoint.model, test, card.mean, card.std)
    expected = sum(100 * float(look.correct.mean() * (needed == k).mean()) for k, look in enumerate(looked, 1))
    assert row["shuffled"] == pytest.approx(expected, abs=1e-3)


def test_a_trace_has_every_pass_and_its_cost_is_their_sum(cascade: Path) -> None:
    predictor = Predictor.load(cascade)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    low, high = predictor.card.budget_range or pytest.fail("no range")
    traces = predictor.predict(pixels, budget=high)
    assert len(traces) == len(pixels)
    for trace in traces:
        assert [look.decisions[0] for look in trace.passes] == ["2", "4", "8"]
        assert trace.passes[-1].limit is None
        assert (trace.passes[-1].label, trace.passes[-1].confidence) == (trace.label, pytest.approx(trace.confidence))
        assert trace.cp == pytest.approx(high)
    for trace in predictor.predict(pixels, budget=low):
        assert len(trace.passes) == 1
        assert trace.cp == pytest.approx(low)


def test_damaged_passes_are_refused(cascade: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    card = load_checkpoint(cascade).card
    point = OperatingPoint(card)
    traces = read_traces(cascade, point)
    assert traces.looks is not None
    for looks in (
        None,
        replace(traces.looks, passes=traces.looks.passes + 9),
        replace(traces.looks, answers=traces.looks.answers[:, :2]),
    ):
        (tmp_path / point.traces_file).write_bytes(replace(traces, looks=looks).to_bytes())
        with pytest.raises(UserError, match="other passes than the network"):
            read_traces(tmp_path, point)


def test_only_its_own_stage_trains_a_cascade(cascade: Path, cifar10_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stage 'passes' trains policy 'cascade'"):
        train(tmp_path / "x", cifar10_dir, MODEL, stage="adapt", start_from=str(cascade), epochs=1)
    with pytest.raises(UserError, match="stage 'passes' trains policy 'cascade'"):
        train(tmp_path / "y", cifar10_dir, BACKBONE, stage="passes", epochs=1)


def test_the_command_measures_a_cascade_by_its_own_passes(
    cascade: Path, cifar10_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, test = load_checkpoint(cascade), load_images("cifar10", cifar10_dir, "test")
    card = checkpoint.card
    budget = card.config.prices[len(card.config.prices) // 2][1]
    words = ["cascade", "--passes", str(cascade), "--budget", budget, "--data-dir", cifar10_dir]
    (found,) = run_json(capsys, *words)
    assert tuple(found["limits"]) in card.config.limits
    same = evaluate(checkpoint.model, test, card.mean, card.std, price=found["price"])
    assert found["accuracy"] == pytest.approx(same.accuracy)
    assert found["cp"] == pytest.approx(same.cp, abs=1e-3)
    assert found["all_in"] == pytest.approx(same.all_in, abs=1e-3)
    right = [
        logits.argmax(axis=1) == test.labels.numpy()
        for logits in pass_logits(checkpoint.model, test.images, card.mean, card.std)
    ]
    assert found["alone"] == pytest.approx([100 * float(one.mean()) for one in right], abs=1e-3)
    words[4] = card.config.prices[0][1]  # all passes for nearly all images, whatever doubt is
    (other,) = run_json(capsys, *words, "--sure", "head", "--answer", "together")
    assert other["passes"] > 2.5
    said = together(pass_logits(checkpoint.model, test.images, card.mean, card.std))
    right = [logits.argmax(axis=1) == test.labels.numpy() for logits in said]
    assert other["alone"] == pytest.approx([100 * float(one.mean()) for one in right], abs=1e-3)
    assert "is a cascade already: name it alone" in run_wrong(capsys, *words[:3], words[2], *words[3:])
