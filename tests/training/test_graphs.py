"""A recorded step on a GPU gives what the network itself gives."""

from __future__ import annotations

import copy

import pytest
import torch

from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet
from dfs_core.training.graphs import Replay, SteadyNet


def steady(option: str, options: str) -> DFSNet:
    torch.manual_seed(0)
    return DFSNet(ModelConfig(depth=8, options=options, policy="constant", constant=(option,)))


def test_a_steady_network_gives_what_the_network_gives() -> None:
    model = steady("4", "4,full").eval()
    images = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(SteadyNet(model)(images), model(images).logits, rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
@pytest.mark.parametrize(("option", "options"), [("full", "full"), ("4", "4,full")])
def test_a_replayed_step_has_the_gradients_and_statistics_of_a_plain_one(option: str, options: str) -> None:
    model = steady(option, options).cuda()
    plain = copy.deepcopy(model)
    replay = Replay(model, 16, "fp32")
    for seed in (1, 2):
        torch.manual_seed(seed)
        images = torch.randn(16, 3, 32, 32, device="cuda")
        for network, forward in ((model, replay), (plain, plain)):
            network.zero_grad(set_to_none=True)
            forward(images).logits.square().sum().backward()
    torch.testing.assert_close(replay(images).logits, plain(images).logits, rtol=1e-2, atol=1e-2)
    for (name, mine), expected in zip(model.named_parameters(), plain.parameters(), strict=True):
        assert (mine.grad is None) == (expected.grad is None), name
        if mine.grad is not None:
            error = (mine.grad - expected.grad).norm() / expected.grad.norm().clamp_min(1e-6)
            assert error < 2e-2, (name, float(error))
    for (name, mine), expected in zip(model.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(mine.float(), expected.float(), rtol=1e-2, atol=1e-2, msg=name)
