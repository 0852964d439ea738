"""The compiled quantiser: the same numbers as the plain one, and the plain one where nothing can be compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor

from dfs_core.model import kernels
from dfs_core.model.config import ModelConfig
from dfs_core.model.kernels import PLAIN, Kernels, fused, use_fused
from dfs_core.model.lsq import LearnedStepQuantiser
from dfs_core.model.network import DFSNet

LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "plain": lambda x: x,
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "a group of a batch": lambda x: x.split([1, 3, 2])[1],
    "a group of a channels-last batch": lambda x: x.contiguous(memory_format=torch.channels_last).split([1, 3, 2])[1],
    "one in several ways": lambda x: x[4].expand(6, 4, 5, 5),
}


@pytest.fixture(scope="module")
def compiled() -> Kernels:
    found = fused("cpu")
    if found is PLAIN:
        pytest.skip("nothing can be compiled on this machine")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_compiled_and_plain_agree(compiled: Kernels, layout: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(len(layout))
    x = LAYOUTS[layout](torch.randn(6, 4, 5, 5, generator=generator).to(dtype))
    upstream = torch.empty_strided(x.shape, (100, *x.stride()[1:]), dtype=dtype).normal_(generator=generator)
    levels = torch.tensor([3.0, 255.0]).repeat(3)[: len(x)]  # rows of 2 and of 8 bits
    step, bounds = 1.7 / (levels + 1), torch.stack([torch.zeros_like(levels), levels], dim=1)
    found = []
    for kind in (PLAIN, compiled):
        grad = upstream.clone()
        found.append((kind.forward(x, step, bounds), kind.backward(grad, x, step, bounds), grad))
    plain, quick = found
    assert torch.equal(quick[0], plain[0])
    assert quick[0].stride()[1:] == x.stride()[1:], "the layout that convolutions like stays"
    assert torch.equal(quick[2], plain[2])
    assert not torch.equal(plain[2], upstream), "some values are out of range"
    torch.testing.assert_close(quick[1], plain[1], rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_network_learns_the_same_with_compiled_quantisers(compiled: Kernels) -> None:
    torch.manual_seed(0)
    model = DFSNet(ModelConfig(depth=8, options="skip,2,8,full")).train()
    images, forced = torch.randn(8, 3, 32, 32), torch.randint(4, (8, 2))

    def gradients() -> dict[str, Tensor]:
        model.zero_grad()
        model(images, forced=forced).logits.square().mean().backward()
        return {name: p.grad.clone() for name, p in model.body.named_parameters() if p.grad is not None}

    plain = gradients()
    use_fused(model)
    assert all(m.kernels is compiled for m in model.modules() if isinstance(m, LearnedStepQuantiser))
    quick = gradients()
    assert plain.keys() == quick.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(quick[name], gradient, rtol=1e-3, atol=1e-5)


def test_without_a_compiler_training_goes_on_with_the_plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **settings: Any) -> Callable[..., NoReturn]:
        def call(*args: Any) -> NoReturn:
            raise RuntimeError("no working C++ compiler\nand much more")

        return call

    monkeypatch.setattr(kernels.torch, "compile", broken)
    with pytest.warns(UserWarning, match="cannot be compiled, so training is slower: no working C\\+\\+ compiler$"):
        assert fused.__wrapped__("cpu") is PLAIN
