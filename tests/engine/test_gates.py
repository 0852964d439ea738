"""Gates in C++: the scores and the memory of PyTorch's, for every policy that looks at images block by block."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from nets import settled_network

from dfs_core.engine import compile_network, native
from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet

CONFIGS = {
    "recurrent": ModelConfig(depth=14, options="skip,8,16,full"),
    "utility": ModelConfig(depth=14, options="skip,8,full", policy="utility", gate_width=12),
    "utility of one option": ModelConfig(depth=8, options="8", policy="utility"),
    "confidence": ModelConfig(depth=14, options="skip,2,8,full", policy="confidence"),
    "confidence without skip": ModelConfig(depth=14, options="2,4,8", policy="confidence", classes=7),
}
N = 9


def with_weights(config: ModelConfig) -> DFSNet:
    """A network all of whose gates' weights matter."""
    model, generator = settled_network(config), torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_native_gates_give_the_scores_of_the_policy(name: str) -> None:
    if native.library() is None:
        pytest.skip("native kernels cannot be built here")
    model = with_weights(CONFIGS[name])
    engine, kept = compile_network(model, "native"), deepcopy(model.policy)
    for parameter in model.policy.parameters():  # the engine has its own
        parameter.zero_()
    prices = torch.logspace(-3, 1, N)
    first = torch.empty(N, 16, 32, 32)
    ours, theirs = (model.policy.start(first, prices), kept.start(first, prices))
    generator = torch.Generator().manual_seed(2)
    scores = []
    for index in range(model.config.gated_blocks):
        size = engine.looks * model.config.layout.gated[index].inputs
        seen = torch.rand(N, size, generator=generator)
        got, ours = engine.step(model.policy, index, seen, ours)
        wanted, theirs = kept.step(index, seen, theirs)
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)
        for mine, its in zip(ours, theirs, strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-5)
        scores.append(got)
    assert len(model.costs) == 1 or torch.stack(scores).std(dim=1).amax() > 1e-3, "images are told apart"
