"""A network for every budget, from a backbone to a checkpoint: supernet, utilities, adapting, and its competitors."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from tiny_runs import BACKBONE, log_of, train, weights

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.data.sets import load_images
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import evaluate
from dfs_core.predictor import Predictor

MODEL = {"depth": 8, "options": "skip,2,8,full", "policy": "utility", "gate_width": 6}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> dict[str, Path]:
    """A backbone, shared weights, a policy that has learned on them, and a static mix; not to be changed."""
    root = tmp_path_factory.mktemp("runs")
    backbone = train(root / "backbone", cifar10_dir, BACKBONE, epochs=4, lr=0.1)
    distil = {"teacher": str(backbone), "distillation": 0.5}
    supernet = train(
        root / "supernet", cifar10_dir, MODEL, stage="supernet", start_from=str(backbone), epochs=4, lr=0.02, **distil
    )
    learn = {"stage": "utilities", "start_from": str(supernet), "iterations": 12, "lr": 0.02}
    adapt = {"stage": "adapt", "iterations": 2, "lr": 0.01}
    found = {"backbone": backbone, "supernet": supernet}
    for policy in ("utility", "table"):
        model = MODEL | {"policy": policy}
        found[f"{policy} gates"] = train(root / f"{policy}-gates", cifar10_dir, model, **learn)
        found[policy] = train(root / policy, cifar10_dir, model, start_from=str(found[f"{policy} gates"]), **adapt)
    return found


@pytest.mark.parametrize("run", ["supernet", "utility gates", "table gates"])
def test_what_others_start_from_is_not_measured(runs: dict[str, Path], run: str) -> None:
    card = load_checkpoint(runs[run]).card
    assert card.metrics == {}
    assert card.budget_range is None
    assert card.alpha is None
    assert not list(runs[run].glob("*.parquet"))


def test_the_body_learns_in_the_supernet_and_the_policy_after_it(runs: dict[str, Path]) -> None:
    before, after = weights(runs["supernet"]), weights(runs["utility gates"])
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("policy.") for name in changed)
    assert len(log_of(runs["utility gates"], "explained")) == 12


def test_a_checkpoint_serves_every_budget_within_its_range_and_its_price_falls_with_it(runs: dict[str, Path]) -> None:
    predictor = Predictor.load(runs["utility"])
    card = predictor.card
    assert card.budget is None
    low, high = card.budget_range or pytest.fail("no range")
    assert 0 < low < high <= 100
    assert all(dear > cheap and less < more for (cheap, more), (dear, less) in pairwise(card.config.prices))
    image = torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()
    (trace,) = predictor.predict([image], budget=(low * high) ** 0.5)
    assert trace.budget == (low * high) ** 0.5
    assert trace.price == pytest.approx(card.config.price_for(trace.budget))
    with pytest.raises(UserError, match="serves budgets from"):
        predictor.predict([image], budget=high * 1.1)


def test_the_card_tells_of_the_usual_budget_and_each_stored_budget_has_its_traces(
    runs: dict[str, Path], cifar10_dir: Path
) -> None:
    checkpoint = load_checkpoint(runs["utility"])
    card, images = checkpoint.card, load_images("cifar10", cifar10_dir, "test")
    assert card.evaluation("test") == evaluate(checkpoint.model, images, card.mean, card.std)
    assert card.config.usual_budget in stored_budgets(runs["utility"])
    for budget in stored_budgets(runs["utility"]):
        found = evaluate(checkpoint.model, images, card.mean, card.std, budget=budget)
        traces = read_traces(runs["utility"], OperatingPoint(card, budget))
        assert 100 * traces.correct.mean() == pytest.approx(found.accuracy)


def test_a_table_decides_the_same_for_every_image(runs: dict[str, Path]) -> None:
    found = load_checkpoint(runs["table"]).card.evaluation("test")
    assert found is not None
    assert found.policies == 1


def test_adapting_moves_the_body_under_the_policys_own_decisions(runs: dict[str, Path]) -> None:
    before, after = weights(runs["utility gates"]), weights(runs["utility"])
    assert all(torch.equal(after[name], value) for name, value in before.items() if name.startswith("policy."))
    assert not torch.equal(after["body.stem.0.weight"], before["body.stem.0.weight"])
    assert load_checkpoint(runs["utility"]).card.budget_range
