"""Gates of a network that computes at 8 bits throughout: they see a block's input as the block itself rounds it."""

from __future__ import annotations

import pytest
import torch
from nets import inputs, random_decisions, settled_network

from dfs_core.engine import compile_network
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import exact
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models, count_macs
from dfs_core.model.network import DFSNet

POLICIES = ("recurrent", "utility", "confidence", "one-shot")
IMAGES = inputs(24, seed=5)


def config(policy: str, ungated: int = 8) -> ModelConfig:
    return ModelConfig(depth=14, options="skip,4,8,full", policy=policy, ungated=ungated)


@pytest.fixture(scope="module", params=POLICIES)
def model(request: pytest.FixtureRequest) -> DFSNet:
    return settled_network(config(request.param))


def test_a_gate_sees_levels_of_the_blocks_own_step(model: DFSNet) -> None:
    x = torch.rand(4, 16, 32, 32) * 3
    step = model.body.gated()[0].conv1.quantisers["8"].activation_step
    rounded = (x / step).round().clamp(0, 255) * step
    found = model.features(0)(x)
    torch.testing.assert_close(found, model.policy.features(rounded))
    assert found.shape[1] == 0 or not torch.equal(found, model.policy.features(x))


def test_a_policy_that_decides_once_sees_them_too() -> None:
    model, prices = settled_network(config("one-shot")), torch.full((4,), 0.1)
    with torch.no_grad():
        model.policy.to_own.weight.normal_()
    x = torch.rand(4, 16, 32, 32) * 3
    step = model.body.gated()[0].conv1.quantisers["8"].activation_step
    rounded = (x / step).round().clamp(0, 255) * step
    found = model.start(x, prices)
    torch.testing.assert_close(found, model.policy.start(rounded, prices))
    assert not torch.equal(found, model.policy.start(x, prices))


def test_the_gradient_of_what_a_gate_sees_is_that_of_the_input() -> None:
    model = settled_network(config("recurrent"))
    x = torch.rand(2, 16, 32, 32, requires_grad=True)
    model.features(0)(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.full_like(x, 1 / 32**2))


def test_grouped_dense_the_engine_and_one_by_one_are_the_same(model: DFSNet) -> None:
    forced = random_decisions(model.config, len(IMAGES))
    settings = {"price": 0.02} if model.config.policy != "recurrent" else {}
    with exact(IMAGES.device):
        grouped = model(IMAGES, **settings)
        dense = model(IMAGES, execution="dense", **settings)
        alone = [model(image[None], **settings) for image in IMAGES]
        ours = model(IMAGES, forced=forced, execution=compile_network(model), **settings)
        theirs = model(IMAGES, forced=forced, **settings)
    for other in (dense.decisions, torch.cat([one.decisions for one in alone])):
        assert torch.equal(grouped.decisions, other)
    torch.testing.assert_close(grouped.logits, dense.logits, rtol=0, atol=1e-4)
    assert (ours.logits - theirs.logits).abs().median() < 0.02 * theirs.logits.std()
    assert (ours.probabilities - theirs.probabilities).abs().median() < 0.02


@pytest.mark.parametrize("policy", POLICIES)
def test_averages_cost_a_sixteenth_and_what_decides_costs_as_before(policy: str) -> None:
    plain, rounded = (cost_models(config(policy, bits)) for bits in (32, 8))
    macs = count_macs(config(policy))
    look, decide = (sum(getattr(block, part) for block in macs.blocks) for part in ("look", "decide"))
    first = macs.blocks[0]
    outside = macs.stem + first.convolutions + first.shortcut + macs.classifier
    assert look > decide > 0
    for weight, costs in ((1, plain), (1 / 16, rounded)):
        expected = (outside + look) * weight + decide + macs.pooling
        assert costs["bitops"].fixed == pytest.approx(100 * expected / macs.plain)
    assert plain["cp"] == rounded["cp"]


@pytest.mark.parametrize("policy", POLICIES)
def test_gates_need_those_bits_among_the_options(policy: str) -> None:
    with pytest.raises(UserError, match="'options' needs 8"):
        ModelConfig(depth=14, options="skip,4,full", policy=policy, ungated=8)
