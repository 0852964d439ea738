"""Holding a budget: cp comes as near to it as the gate's bias alone can bring it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from nets import settled_network
from tiny import CIFAR10, pictures
from tiny_runs import GATED, train

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation.evaluate import evaluate
from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet
from dfs_core.training.hold import hold_budget


@pytest.fixture(scope="module")
def images() -> ImageSet:
    pixels = torch.from_numpy(pictures(32, seed=4)).permute(0, 3, 1, 2).contiguous()
    return ImageSet("cifar10", "validation", pixels, torch.zeros(32, dtype=torch.int64), CIFAR10.classes)


def cp(model: DFSNet, images: ImageSet) -> float:
    return evaluate(model, images, CIFAR10.mean, CIFAR10.std).cp


@pytest.fixture(scope="module")
def settled() -> DFSNet:
    return settled_network(ModelConfig(depth=14, options="paper-small"), seed=1)


@pytest.fixture
def model(settled: DFSNet) -> DFSNet:
    return copy.deepcopy(settled)


@pytest.mark.parametrize("budget", [5.0, 40.0, 90.0])
def test_cp_comes_near_to_the_budget_from_above_and_from_below(
    model: DFSNet, settled: DFSNet, images: ImageSet, budget: float
) -> None:
    before = settled.state_dict()
    price = hold_budget(model, images, CIFAR10.mean, CIFAR10.std, budget)
    start = abs(cp(settled, images) - budget)
    found = abs(cp(model, images) - budget)
    assert found <= start
    assert found < 4
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed <= {"policy.to_options.bias"}
    shift = before["policy.to_options.bias"] - model.policy.to_options.bias
    torch.testing.assert_close(shift, price * torch.tensor(model.config.option_set.costs))


def test_among_few_bits_the_price_that_holds_a_budget_is_large(images: ImageSet) -> None:
    """All gates sit at 8 bits, of which each block costs 6.25 %: half of them skipped takes a price above 20."""
    model = settled_network(ModelConfig(depth=14, options="skip,8,full"), seed=1)
    with torch.no_grad():
        model.policy.to_options.bias += torch.tensor([0.0, 1.5, -5.0])
    assert cp(model, images) == pytest.approx(6.25)
    price = hold_budget(model, images, CIFAR10.mean, CIFAR10.std, 3.0)
    assert price > 20
    assert cp(model, images) == pytest.approx(3.0, abs=1.0)


def test_a_budget_that_is_met_is_left_alone(model: DFSNet, images: ImageSet) -> None:
    bias = model.policy.to_options.bias.detach().clone()
    assert hold_budget(model, images, CIFAR10.mean, CIFAR10.std, cp(model, images)) == pytest.approx(0, abs=0.01)
    torch.testing.assert_close(model.policy.to_options.bias.detach(), bias, rtol=0, atol=0.01)


def test_a_run_publishes_gates_that_hold_the_budget(tmp_path: Path, cifar10_dir: Path) -> None:
    model = {**GATED, "budget": 40}
    settings = {"stage": "joint", "alpha": 1e-3, "epochs": 4, "lr": 0.02, "validation": 10}
    loose = load_checkpoint(train(tmp_path / "loose", cifar10_dir, model, **settings)).card
    held = load_checkpoint(train(tmp_path / "held", cifar10_dir, model, **settings, hold_budget=True)).card
    distance = [abs(card.metrics["validation"]["cp"] - 40) for card in (held, loose)]
    assert distance[0] < distance[1]
