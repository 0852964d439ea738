"""Every method with the second architecture: each policy, quantiser and batch norm, run in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from nets import random_decisions
from torch.utils.flop_counter import FlopCounterMode

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models, count_macs
from dfs_core.model.network import DFSNet, calibrate

BASIC = ModelConfig(architecture="imagenet-resnet", depth=18, width=1 / 16, image_size=64, classes=5)
BOTTLENECK = replace(BASIC, depth=50)
ODD = ModelConfig(depth=14, width=0.5, image_size=45, classes=5)  # a CIFAR ResNet of another width and size
SHAPES = {"basic blocks": BASIC, "bottlenecks": BOTTLENECK, "an odd size": ODD}
METHODS = {
    "dfs": {"options": "paper-small"},
    "skipnet": {"options": "skipnet"},
    "the reference's": {"options": "paper", "quantiser": "minmax", "batch_norm": "shared"},
    "static": {"options": "4", "policy": "constant", "constant": ("4",)},
    "every budget": {"options": "lowbit", "policy": "utility"},
    "confidence": {"options": "lowbit", "policy": "confidence"},
    "one-shot": {"options": "lowbit", "policy": "one-shot"},
    "table": {"options": "lowbit", "policy": "table"},
}


@pytest.fixture(autouse=True)
def _sound_kernels() -> Iterator[None]:
    """Without oneDNN on processors with AVX2 alone.

    There, with torch 2.13, the backward pass of a 1x1 convolution of stride 2 from 4 to 8 channels writes beyond its
    memory. Networks as narrow as ``BASIC`` have such convolutions; those of the usual widths do not.
    """
    with torch.backends.mkldnn.flags(enabled=torch.backends.cpu.get_cpu_capability() != "AVX2"):
        yield


def images(config: ModelConfig, n: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(n, 3, config.image_size, config.image_size, generator=generator)


def network(config: ModelConfig) -> DFSNet:
    """With batch norms that have seen every option, and calibrated quantisers."""
    torch.manual_seed(0)
    model = DFSNet(config).train()
    with torch.no_grad():
        for turn in range(3):
            model(images(config), forced=random_decisions(config, 6, turn))
        calibrate(model.eval(), images(config))
    return model


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", SHAPES)
def test_grouped_dense_and_alone_are_the_same_and_training_reaches_every_weight(shape: str, method: str) -> None:
    config = replace(SHAPES[shape], **METHODS[method])
    model, x = network(config), images(config)
    forced = random_decisions(config, len(x), seed=9)
    price = 0.01 if config.policy != "constant" else None
    with torch.no_grad():
        for how in ({"forced": forced}, {"price": price}):
            grouped = model(x, **how)
            dense = model(x, **how, execution="dense")
            assert torch.equal(grouped.decisions, dense.decisions)
            torch.testing.assert_close(grouped.logits, dense.logits, rtol=1e-4, atol=1e-4)
        alone = model(x[:1], price=price)
        torch.testing.assert_close(alone.logits, grouped.logits[:1], rtol=1e-4, atol=1e-4)
    assert grouped.decisions.shape == (6, config.gated_blocks)
    model.train()
    output = model(x, forced=random_decisions(config, len(x), seed=4), tried=1.0)
    (output.logits.square().sum() + output.probabilities.square().sum()).backward()
    for name, parameter in model.body.named_parameters():
        if "conv" in name and name.endswith(".weight"):
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all()
            assert parameter.grad.any(), name


@pytest.mark.parametrize("policy", ["recurrent", "utility", "confidence", "one-shot"])
@pytest.mark.parametrize("shape", SHAPES)
def test_macs_of_the_gates_are_those_that_they_execute(shape: str, policy: str) -> None:
    config = replace(SHAPES[shape], options="skip,4,8,full", policy=policy)
    model = DFSNet(config).eval()
    counter, gated = FlopCounterMode(display=False), config.layout.gated
    inputs = [torch.zeros(1, block.inputs, block.input_size, block.input_size) for block in gated]
    with counter, torch.no_grad():
        state = model.policy.start(inputs[0], torch.zeros(1))
        for block, x in enumerate(inputs):
            _, state = model.policy.step(block, model.policy.features(x), state)
    found = sum(block.gate for block in count_macs(config).blocks)
    read = sum(block.inputs * block.input_size**2 for block in gated)  # what pools and spreads add up is no FLOP
    if policy == "one-shot":
        cells = torch.nn.functional.adaptive_avg_pool2d
        side = gated[0].input_size
        ones = torch.zeros(1, 1, side, side, requires_grad=True)
        cells(ones, 4).sum().backward()
        # Where cells overlap a pixel is added more than once: count the cells that each pixel belongs to.
        spans = [-(-(cell + 1) * side // 4) - cell * side // 4 for cell in range(4)]
        read = gated[0].inputs * sum(spans) ** 2
    elif policy in ("utility", "confidence"):
        read *= 2
    table = 0 if policy == "recurrent" else 3 * 3 * len(gated)  # looked up at the price: three steps of three terms
    assert counter.get_total_flops() == 2 * (found - read + table)


@pytest.mark.parametrize("shape", SHAPES)
def test_everything_in_full_costs_more_than_the_plain_network_by_exactly_the_gates(shape: str) -> None:
    config = replace(SHAPES[shape], options="skip,full")
    macs, full = count_macs(config), np.ones((1, config.gated_blocks))
    gates = 100 * sum(block.gate for block in macs.blocks) / macs.plain
    for key, model in cost_models(config).items():
        assert model.total(full) == pytest.approx(100 if key == "cp" else 100 + gates)


@pytest.mark.parametrize("shape", SHAPES)
def test_cp_counts_every_gated_block_the_same_and_all_in_by_its_macs(shape: str) -> None:
    config = replace(SHAPES[shape], options="skip,full")
    models, blocks = cost_models(config), config.layout.gated
    assert {round(row[1], 9) for row in models["cp"].table} == {round(100 / len(blocks), 9)}
    plain = count_macs(config).plain
    for row, block in zip(models["bitops"].table, blocks, strict=True):
        assert row[0] == pytest.approx(100 * block.shortcut_macs / plain)
        assert row[1] == pytest.approx(100 * (block.macs + block.shortcut_macs) / plain)
