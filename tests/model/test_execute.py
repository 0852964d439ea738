"""Running a block for mixed decisions: grouped as dense, at the cost that it should have, with the right gradients."""

from __future__ import annotations

import pytest
import torch
from nets import block_shape, inputs, random_decisions, settled_network
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models, count_macs
from dfs_core.model.execute import TRIED, run_dense, run_grouped, run_two_branch, run_uniform, straight_through
from dfs_core.model.network import DFSNet
from dfs_core.model.options import OptionSet
from dfs_core.model.resnet import ResidualBlock

CONFIG = ModelConfig(depth=8, options="skip,2,4,full")
CHOICES = 4


def make_block(stride: int = 1) -> ResidualBlock:
    torch.manual_seed(3)
    block = ResidualBlock(block_shape(stride), OptionSet.parse(CONFIG.options), CONFIG).eval()
    for name, value in block.named_buffers():
        if name.endswith("running_mean"):  # as after training: options differ in their batch norm too
            value.copy_(0.3 * torch.randn(value.shape))
    return block


def images(n: int, size: int = 8, channels_last: bool = False) -> Tensor:
    x = torch.randn(n, 16, size, size, generator=torch.Generator().manual_seed(1)).relu()
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


def one_hot(decisions: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(decisions, CHOICES).float()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("decisions", [[0, 3, 1, 3, 2, 0], [2] * 6, [0] * 6, [3, 2, 1, 0, 0, 1]])
def test_grouped_gives_each_image_what_its_option_gives(stride: int, channels_last: bool, decisions: list[int]) -> None:
    block, x, chosen = make_block(stride), images(6, channels_last=channels_last), torch.tensor(decisions)
    if channels_last:
        block.to(memory_format=torch.channels_last)
    with torch.no_grad():
        found = run_grouped(block, x, chosen)
        wanted = torch.cat([run_uniform(block, x[i : i + 1], k) for i, k in enumerate(decisions)])
        dense = run_dense(block, x, one_hot(chosen))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(dense, wanted, rtol=0, atol=1e-5)
    if channels_last:
        assert found.is_contiguous(memory_format=torch.channels_last), "the layout that convolutions like stays"


def test_grouped_runs_what_the_cost_model_counts_and_dense_runs_every_option() -> None:
    model = settled_network(ModelConfig(depth=14, options="skip,8,full"))
    forced = random_decisions(model.config, 8).repeat(2, 1)  # every image twice: a single one is doubled inside
    work = {}
    for execution in ("grouped", "dense"):
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            model(inputs(16), forced=forced, execution=execution)
        work[execution] = counter.get_total_flops() / 2
    macs, count = count_macs(model.config), cost_models(model.config)["macs"]
    pooled = macs.pooling + 16 * 32**2 * 2 + 32 * 16**2 * 2 + 64 * 8**2  # counted as MACs, but no FLOP to the counter
    wanted = count.per_image(forced.numpy()).sum() / 100 * macs.plain - len(forced) * pooled
    assert work["grouped"] == pytest.approx(wanted)
    shortcuts = sum(block.shortcut for block in macs.blocks)
    gates = sum(block.gate for block in macs.blocks)
    twice = sum(block.convolutions for block in macs.blocks[1:]) + shortcuts  # 8 bits and full, shortcuts thrice
    dense = macs.plain + gates - pooled + twice + shortcuts
    assert work["dense"] == pytest.approx(len(forced) * dense)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_of_grouped_are_those_of_image_by_image(stride: int) -> None:
    block, decisions = make_block(stride), [3, 0, 1, 3, 2, 1]
    upstream = torch.randn(6, 16 * stride, 8 // stride, 8 // stride)
    found = []
    for run in (
        lambda x: run_grouped(block, x, torch.tensor(decisions)),
        lambda x: torch.cat([run_uniform(block, x[i : i + 1], k) for i, k in enumerate(decisions)]),
        lambda x: run_dense(block, x, one_hot(torch.tensor(decisions))),
    ):
        block.zero_grad()
        x = images(6).requires_grad_()
        run(x).backward(upstream)
        found.append([x.grad, block.conv1.weight.grad.clone(), block.bn2["4"].weight.grad.clone()])
    for other in found[1:]:
        for ours, wanted in zip(found[0], other, strict=True):
            torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)


def test_straight_through_is_one_hot_forward_and_the_softmax_backward() -> None:
    probabilities = torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]], requires_grad=True)
    chosen = straight_through(probabilities, torch.tensor([1, 0]))
    assert chosen.tolist() == [[0, 1, 0], [1, 0, 0]]
    upstream = torch.randn(2, 3)
    chosen.backward(upstream)
    assert torch.equal(probabilities.grad, upstream)


def gate_gradient(
    block: ResidualBlock, decisions: Tensor, upstream: Tensor, draws: int, copies: int = 1, tried: float = TRIED
) -> tuple[Tensor, Tensor]:
    """Mean gradient to the gate's logits (N, K) by two branches over ``draws`` calls, and the dense one."""
    x, n = images(len(decisions)).requires_grad_(), len(decisions)
    scores = torch.linspace(-1, 1, n * CHOICES).reshape(n, CHOICES).roll(1, 0).requires_grad_()
    many, weighted = x.repeat(copies, 1, 1, 1), upstream.repeat(copies, 1, 1, 1) / (copies * draws)
    for _ in range(draws):
        probabilities = scores.softmax(dim=1).repeat(copies, 1)
        out = run_two_branch(block, many, decisions.repeat(copies), probabilities, tried)
        out.backward(weighted, inputs=[scores, x])
    mean, scores.grad = scores.grad, None
    probabilities = scores.softmax(dim=1)
    run_dense(block, x, straight_through(probabilities, decisions)).backward(upstream)
    return mean, scores.grad


@pytest.fixture
def frozen() -> ResidualBlock:
    block = make_block()
    return block.requires_grad_(False)


DECISIONS = torch.tensor([0, 1, 2, 3])
UPSTREAM = torch.randn(4, 16, 8, 8, generator=torch.Generator().manual_seed(2)) + 0.2


def test_two_branches_average_to_the_dense_straight_through_gradient(frozen: ResidualBlock) -> None:
    torch.manual_seed(0)
    # Tried always, so that only which option is tried is left to chance.
    mean, dense = gate_gradient(frozen, DECISIONS, UPSTREAM, draws=20, copies=150, tried=1.0)
    assert dense.abs().max() > 1
    assert float((mean - dense).norm() / dense.norm()) < 0.03


def test_two_branches_tried_now_and_then_keep_their_scale(frozen: ResidualBlock) -> None:
    torch.manual_seed(0)
    mean, dense = gate_gradient(frozen, DECISIONS, UPSTREAM, draws=1500)
    assert float(torch.nn.functional.cosine_similarity(mean.flatten(), dense.flatten(), dim=0)) > 0.98
    # 1500 calls, a quarter of them tried: the scale is known to about 5 %; without (K-1) / TRIED it would be a twelfth.
    assert float(mean.norm() / dense.norm()) == pytest.approx(1, abs=0.12)


def test_two_branches_output_the_chosen_option_and_give_the_block_its_gradient() -> None:
    block, x = make_block(), images(4)
    probabilities = torch.full((4, CHOICES), 0.25, requires_grad=True)
    chosen = run_grouped(block, x, DECISIONS)
    (wanted,) = torch.autograd.grad(chosen, block.conv2.weight, UPSTREAM)
    tried = set()
    for attempt in range(12):
        torch.manual_seed(attempt)
        out = run_two_branch(block, x, DECISIONS, probabilities)
        torch.testing.assert_close(out, chosen)
        found, to_gate = torch.autograd.grad(
            out, [block.conv2.weight, probabilities], UPSTREAM, allow_unused=True, retain_graph=True
        )
        torch.testing.assert_close(found, wanted)
        tried.add(to_gate is not None)
    assert tried == {True, False}, "another option is tried now and then, and not always"


def test_the_whole_networks_gates_get_the_dense_gradient_on_average() -> None:
    model: DFSNet = settled_network(CONFIG, seed=4)
    # The network is convolutional: 8 x 8 pixels do, and are quick. Each copy of an image draws for itself.
    small = inputs(12, seed=1)[:, :, ::4, ::4].repeat(25, 1, 1, 1)
    labels = (torch.arange(12) % 10).repeat(25)

    def gradient(execution: str) -> Tensor:
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(small, execution=execution, tried=1.0).logits, labels).backward()
        return torch.cat([p.grad.flatten() for p in model.policy.parameters()])

    torch.manual_seed(0)
    mean = torch.stack([gradient("grouped") for _ in range(16)]).mean(dim=0)
    dense = gradient("dense")
    assert float(torch.nn.functional.cosine_similarity(mean, dense, dim=0)) > 0.98
    assert float(mean.norm() / dense.norm()) == pytest.approx(1, abs=0.12)
