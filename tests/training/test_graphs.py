"""A training step as a GPU replays it: what it computes, and what it may not do."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from nets import settled_network
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet
from dfs_core.training.graphs import capture_step
from dfs_core.training.steps import draws, step_loss
from dfs_core.training.train_config import STAGES, TrainConfig

N = 16
GATED = ModelConfig(depth=8, options="skip,8,full", budget=20)
LOWBIT = ModelConfig(depth=8, options="skip,4,full", policy="confidence", gate_width=6)
CASES = {
    "backbone": ModelConfig(depth=8, options="full", policy="constant", constant=("full",)),
    "static": ModelConfig(depth=8, options="4,full", policy="constant", constant=("4",)),
    "gates": GATED,
    "joint": GATED,
    "settle": GATED,
    "supernet": LOWBIT,
    "utilities": LOWBIT,
    "adapt": LOWBIT,
    "passes": ModelConfig(depth=8, options="2,4,8", policy="cascade", passes=("2", "4"), ungated=8),
}


def a_case(name: str) -> tuple[DFSNet, TrainConfig]:
    """A network in the modes of a stage, and the stage's configuration."""
    torch.manual_seed(0)
    stage = "backbone" if name == "static" else name
    config = TrainConfig(name="trial", stage=stage, model=CASES[name], batch_size=N, alpha=1e-3)
    model = DFSNet(config.model)
    model.body.train(STAGES[stage].body).requires_grad_(STAGES[stage].body)
    model.policy.requires_grad_(STAGES[stage].policy)
    return model, config


def a_batch(seed: int, device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.randn(N, 3, 32, 32, generator=generator), torch.arange(N) % 10
    return images.to(device), labels.to(device)


@pytest.mark.parametrize("name", CASES)
def test_dense_and_grouped_steps_are_the_same_under_running_statistics(name: str) -> None:
    model, config = a_case(name)
    losses = []
    for execution in ("grouped", "dense"):
        torch.manual_seed(1)
        drawn = draws(config, N, torch.device("cpu"))
        loss, metrics = step_loss(model.eval(), config, None, *a_batch(1), *drawn, execution=execution)
        assert not any(value.requires_grad for value in metrics.values())
        losses.append(torch.stack([loss.detach(), *metrics.values()]))
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["utility", "one-shot", "confidence"])
@pytest.mark.parametrize("execution", ["grouped", "dense"])
def test_a_frozen_gate_gives_the_body_no_gradient(policy: str, execution: str) -> None:
    config = TrainConfig(name="trial", stage="adapt", model=replace(LOWBIT, policy=policy), batch_size=N)
    model = settled_network(config.model).eval()
    for parameter in model.policy.requires_grad_(False).parameters():  # a new gate looks at nothing yet
        parameter += 0.3 * torch.randn_like(parameter)
    images, labels = a_batch(1)
    (prices,) = draws(config, N, images.device)
    step_loss(model, config, None, images, labels, prices, execution=execution)[0].backward()
    found = [parameter.grad for parameter in model.body.parameters()]
    model.zero_grad(set_to_none=True)
    decisions = model(images, price=prices).decisions
    torch.nn.functional.cross_entropy(model.execute(images, decisions, execution), labels).backward()
    for mine, parameter in zip(found, model.body.parameters(), strict=True):
        assert (mine is None) == (parameter.grad is None)
        if mine is not None:
            torch.testing.assert_close(mine, parameter.grad)


def test_a_step_leaves_the_network_in_its_modes() -> None:
    model, config = a_case("settle")
    for training in (True, False):
        step_loss(model.train(training), config, None, *a_batch(1))
        assert {module.training for module in model.modules()} == {training}


def test_settle_decides_in_float32_as_evaluation_does(monkeypatch: pytest.MonkeyPatch) -> None:
    model, config = a_case("settle")
    forward, seen = DFSNet.forward, []

    def noted(net: DFSNet, *args: Any, **settings: Any) -> Any:
        seen.append((net.training, torch.is_autocast_enabled("cpu")))
        return forward(net, *args, **settings)

    monkeypatch.setattr(DFSNet, "forward", noted)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        step_loss(model.train(), config, None, *a_batch(1))
    assert seen == [(False, False)]


@pytest.mark.parametrize("name", CASES)
def test_a_dense_step_has_the_same_kernels_whatever_is_decided(name: str) -> None:
    model, config = a_case(name)
    config = replace(config, distillation=0.5, teacher="a gated network")
    parts = model, config, settled_network(GATED)
    drawn = draws(config, N, torch.device("cpu"))
    with FakeTensorMode(allow_non_fake_inputs=True):  # tensors without values: nothing can depend on one
        images, labels = torch.zeros(N, 3, 32, 32), torch.zeros(N, dtype=torch.int64)
        step_loss(*parts, images, labels, *drawn, execution="dense")[0].backward()
        with pytest.raises(DataDependentOutputException):
            step_loss(*parts, images, labels, *drawn, execution="grouped")


def test_to_capture_a_step_leaves_the_network_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_once(step: nn.Module, arguments: tuple[torch.Tensor, ...], **rest: bool) -> nn.Module:
        step(*arguments)
        return step

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", run_once)
    model, config = a_case("adapt")
    twin = copy.deepcopy(model)
    step = capture_step(model, config, teacher=settled_network(GATED), precision="fp32")
    assert list(step.parameters()) == list(model.parameters()), "the teacher's are none of it"
    for (key, mine), expected in zip(model.state_dict().items(), twin.state_dict().values(), strict=True):
        assert torch.equal(mine, expected), key


def test_a_batch_that_is_too_large_for_the_gpu_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_small(*arguments: object, **rest: bool) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", too_small)
    with pytest.raises(UserError, match="too small for batch_size 16: use a smaller one"):
        capture_step(*a_case("joint"), teacher=None, precision="fp32")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
@pytest.mark.parametrize("name", CASES)
def test_a_replayed_step_has_the_gradients_and_statistics_of_a_plain_one(name: str) -> None:
    model, config = a_case(name)
    model.cuda()
    twin = copy.deepcopy(model)
    if name in ("backbone", "static"):
        config = replace(config, label_smoothing=0.1)
    replayed = capture_step(model, config, None, "fp32")
    for seed in (1, 2):
        images, labels = a_batch(seed, "cuda")
        for network in (model, twin):
            network.zero_grad(set_to_none=True)
            torch.manual_seed(seed)
            drawn = draws(config, N, images.device)
            if network is model:
                loss, _ = replayed(images, labels, *drawn)
            else:
                plain, _ = step_loss(twin, config, None, images, labels, *drawn, execution="dense")
        if name != "utilities":  # that one draws more while it runs
            torch.testing.assert_close(loss, plain, rtol=2e-2, atol=2e-2)
        loss.backward()
        plain.backward()
    compared = 0
    for (parameter, mine), expected in zip(model.named_parameters(), twin.parameters(), strict=True):
        if expected.grad is not None and name != "utilities":
            error = (mine.grad - expected.grad).norm() / expected.grad.norm().clamp_min(1e-4)
            assert error < 0.1, (parameter, float(error))
        compared += mine.grad is not None and bool(mine.grad.isfinite().all())
    assert compared
    for (buffer, mine), expected in zip(model.named_buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(mine.float(), expected.float(), rtol=5e-2, atol=5e-2, msg=buffer)
