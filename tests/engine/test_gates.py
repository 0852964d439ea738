"""Gates in C++: the scores and the memory of PyTorch's, for every policy that looks at images block by block."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from nets import inputs, settled_network
from torch import Tensor

from dfs_core.engine import build, compile_network
from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet

CONFIGS = {
    "recurrent": ModelConfig(depth=14, options="skip,4,16,full"),
    "utility": ModelConfig(depth=14, options="skip,4,full", policy="utility", gate_width=12),
    "utility of one option": ModelConfig(depth=8, options="full", policy="utility"),
    "confidence": ModelConfig(depth=14, options="skip,2,8,full", policy="confidence"),
    "confidence without skip": ModelConfig(depth=14, options="2,4,full", policy="confidence", classes=7),
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
    if build.library() is None:
        pytest.skip("native kernels cannot be built here")
    model, images = with_weights(CONFIGS[name]), inputs(N, seed=3)
    engine, kept = compile_network(model, "native"), deepcopy(model.policy)
    for parameter in model.policy.parameters():  # the engine has its own
        parameter.zero_()
    prices = torch.logspace(-3, 1, N)
    # Nothing is rounded, so that images reach the gates alike; half of them skip where they can.
    decided = torch.full((N, model.config.gated_blocks), len(model.costs) - 1)
    decided[::2, 1:] = 0 if model.config.option_set[0].is_skip else decided[::2, 1:]
    ours = engine.walk(images, prices, decided)
    body, x, charge = model.executed_by(), model.enter(images), prices[:, None] * model.costs
    state, scores = kept.start(x, prices), []
    for index in range(model.config.gated_blocks):
        values, state = kept.step(index, model.features(index)(x), state)
        scores.append(values - charge)
        x = body.run(index, x, decided[:, index])
    wanted = torch.stack(scores, dim=1)
    temperature = kept.temperature(charge)
    temperature = temperature[:, None] if isinstance(temperature, Tensor) else temperature
    torch.testing.assert_close(ours.probabilities, (wanted / temperature).softmax(dim=2), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(ours.logits, body.head(x), rtol=0, atol=2e-2)
    assert torch.equal(ours.decisions, decided), "given decisions stay"
    if len(model.costs) > 1:
        assert ours.probabilities.std(dim=0).amax() > 1e-3, "images are told apart"
        gaps = wanted.topk(2, dim=2).values.diff(dim=2).abs().squeeze(2)
        first = engine.walk(images, prices, None).decisions[:, 0]
        assert torch.equal(first[gaps[:, 0] > 1e-3], wanted[:, 0].argmax(dim=1)[gaps[:, 0] > 1e-3])
