"""Paired counterfactuals: what a swap is worth, and a policy of utilities that learns it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from nets import inputs, settled_network

from dfs_core.model.config import ModelConfig
from dfs_core.model.execute import run_chosen
from dfs_core.model.network import DFSNet
from dfs_core.model.resnet import ResidualBlock
from dfs_core.model.utilities import FIRST_ROOT, rising
from dfs_core.training import counterfactual
from dfs_core.training.counterfactual import utility_loss

N = 24
PRICES = torch.full((N,), 0.01)
LABELS = torch.arange(N) % 10


def against(labels: torch.Tensor) -> counterfactual.Losses:
    return lambda logits: F.cross_entropy(logits, labels, reduction="none")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return inputs(N, seed=4)


@pytest.fixture
def model() -> DFSNet:
    net = settled_network(ModelConfig(depth=8, options="skip,2,8,full", policy="utility", gate_width=6))
    for parameter in net.body.parameters():
        parameter.requires_grad_(False)
    return net


def test_a_swap_is_worth_what_two_whole_runs_differ_by(
    model: DFSNet, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Tensor]] = {"drawn": [], "other": []}
    draw, another = counterfactual._draw, counterfactual._another

    def noted(name: str, found: torch.Tensor) -> torch.Tensor:
        seen[name].append(found)
        return found

    monkeypatch.setattr(counterfactual, "CLIP", 1e9)
    monkeypatch.setattr(counterfactual, "_draw", lambda *args: noted("drawn", draw(*args)))
    monkeypatch.setattr(counterfactual, "_another", lambda *args: noted("other", another(*args)))
    torch.manual_seed(1)
    loss, _ = utility_loss(model, images, against(LABELS), PRICES)

    decisions = torch.stack(seen["drawn"], dim=1)
    block = torch.arange(N) * model.config.gated_blocks // N  # dealt out evenly, in the batch's order
    swapped = decisions.clone()
    swapped[torch.arange(N), block] = torch.cat(seen["other"])
    assert ((swapped != decisions).sum(dim=1) == 1).all()
    with torch.no_grad():
        before, after = (
            F.cross_entropy(model(images, forced=forced).logits, LABELS, reduction="none")
            for forced in (decisions, swapped)
        )
    # A fresh policy holds every option for worth a little more than the one before it.
    predicted = FIRST_ROOT**2 * (swapped - decisions).sum(dim=1)
    expected = F.huber_loss(predicted, before - after, delta=counterfactual.KNEE) / counterfactual.KNEE
    torch.testing.assert_close(loss.detach(), expected, rtol=1e-4, atol=1e-5)


def test_every_block_gets_its_images_in_the_layout_of_the_network(
    model: DFSNet, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(block: ResidualBlock, x: torch.Tensor, *rest: object) -> torch.Tensor:
        seen.append((len(x), x.is_contiguous(memory_format=model.memory_format)))
        return run_chosen(block, x, *rest)

    monkeypatch.setattr(counterfactual, "run_chosen", watched)
    utility_loss(model, images, against(LABELS), PRICES)
    assert seen == [(N + N // 2, True), (2 * N, True)], "images that were swapped come back with the others"


def test_a_dearer_option_is_never_worth_less() -> None:
    torch.testing.assert_close(rising(torch.tensor([[0.5, -0.1, 0.0]])), torch.tensor([[0.0, 0.25, 0.26, 0.26]]))


@pytest.mark.parametrize("policy", ["utility", "confidence", "one-shot", "table"])
def test_every_policy_of_utilities_learns_what_swaps_are_worth(policy: str, images: torch.Tensor) -> None:
    model = settled_network(ModelConfig(depth=8, options="skip,2,full", policy=policy, gate_width=6))
    for parameter in model.body.parameters():
        parameter.requires_grad_(False)
    labels = model(images, forced=torch.full((N, model.config.gated_blocks), 2)).logits.argmax(dim=1)  # full is right
    before = {name: value.clone() for name, value in model.body.state_dict().items()}
    optimiser = torch.optim.SGD(model.policy.parameters(), lr=0.02, momentum=0.9)
    torch.manual_seed(0)
    for _ in range(60):
        loss, metrics = utility_loss(model, images, against(labels), PRICES)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert metrics["explained"] > 0.1
    cheap, dear = (float(model(images, price=price).decisions.float().mean()) for price in (1e-4, 30.0))
    assert cheap > dear
    assert dear == 0, "at a price beyond all worth everything is skipped"
    assert all(torch.equal(value, before[name]) for name, value in model.body.state_dict().items())


def test_the_gradient_reaches_the_policy_and_nothing_else(model: DFSNet, images: torch.Tensor) -> None:
    utility_loss(model, images, against(LABELS), PRICES)[0].backward()
    assert model.policy.coefficients.grad is not None
    assert all(parameter.grad is None for parameter in model.body.parameters())
