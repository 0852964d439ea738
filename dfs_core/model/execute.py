"""Run one block on a batch of images with different decisions (method section 8).

``grouped`` runs each option only on the images that take it, so cheap decisions take less time. ``dense`` runs every
option on every image and sums by mask, as the reference does. It is slower, but it launches the same kernels for any
decisions, so a GPU can replay a whole training step. In evaluation mode both give the same output. In training they
differ: an option's batch norm sees only its own images under ``grouped``, and all images under ``dense``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import reduce
from typing import Any, Literal, NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.groups import Groups
from dfs_core.model.resnet import ResidualBlock, ResNetBody

Execution = Literal["grouped", "dense"]
POLICY_DECIDES = -1
TRIED = 0.125  # share of blocks in which a training step tries another option to measure the gate's gradient


class Body(Protocol):
    """Something that carries out decisions block by block: the network's modules, or a compiled form of them.

    What it hands from block to block is its own affair. It takes and gives images in the order of the batch.
    """

    def enter(self, images: Tensor) -> Tensor:
        """Run the stem and the first block: images (N, 3, S, S) -> input of the first gated block (N, C, H, W)."""

    def see(self, look: Callable[[Tensor], Tensor], x: Any) -> Tensor:
        """What ``look`` finds in a block's input: (N, F)."""

    def step(self, policy: Any, index: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """``Policy.step`` before a gated block, counted from 0."""
        found: tuple[Tensor, Any] = policy.step(index, seen, state)
        return found

    def run(self, index: int, x: Any, decisions: Tensor) -> Any:
        """Run a gated block, counted from 0, under the option index of each image (N,)."""

    def uniform(self, index: int, x: Any, option: int) -> Any:
        """Run a gated block with all images under one option."""

    def head(self, x: Any) -> Tensor:
        """Pool and classify: logits (N, classes) in float32."""


class Walk(NamedTuple):
    """What came of a whole network.

    Attributes:
        logits: (N, classes), float32.
        decisions: option indices (N, gated blocks).
        probabilities: of the policy (N, gated blocks, options).
    """

    logits: Tensor
    decisions: Tensor
    probabilities: Tensor


class WholeBody(ABC):
    """Something that decides over all blocks and runs them in one call."""

    @abstractmethod
    def walk(self, images: Tensor, prices: Tensor, decided: Tensor | None) -> Walk:
        """From the images to the answers, by the policy that was compiled.

        Args:
            images: (N, 3, S, S).
            prices: of a block in full, (N,).
            decided: decisions that are taken already (N, gated blocks), with ``POLICY_DECIDES`` where the policy
                decides; None if it decides over all.
        """

    @abstractmethod
    def enter(self, images: Tensor) -> Tensor:
        """As in ``Body``."""

    @abstractmethod
    def finish(self, x: Tensor, decisions: Tensor) -> Tensor:
        """Logits (N, classes) from the input x of the first gated block, under given decisions (N, gated blocks)."""


class Modules(Body):
    """The body as its modules compute it, in the float simulation of few bits, under ``grouped`` or ``dense``.

    Raises:
        UserError: the execution is neither of the two.
    """

    def __init__(self, body: ResNetBody, memory_format: torch.memory_format, execution: Execution) -> None:
        if execution not in get_args(Execution):
            raise UserError(f"execution '{execution}' is unknown: use {' or '.join(get_args(Execution))}")
        self.body, self.memory_format, self.execution = body, memory_format, execution

    def enter(self, images: Tensor) -> Tensor:
        """As in ``Body``."""
        x = self.body.stem(images.contiguous(memory_format=self.memory_format))
        return run_uniform(self.body.first(), x, 0)

    def see(self, look: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """As in ``Body``."""
        return look(x)

    def run(self, index: int, x: Tensor, decisions: Tensor) -> Tensor:
        """As in ``Body``."""
        return run_chosen(self.body.gated()[index], x, decisions, self.execution)

    def uniform(self, index: int, x: Tensor, option: int) -> Tensor:
        """As in ``Body``."""
        return run_uniform(self.body.gated()[index], x, option)

    def head(self, x: Tensor) -> Tensor:
        """As in ``Body``."""
        return self.body.head(x)


class _Permute(torch.autograd.Function):
    """Reorder the images of a batch. Its gradient is the inverse gather, which is cheaper than autograd's scatter."""

    @staticmethod
    def forward(ctx, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(inverse)
        return gather(x, order)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        (inverse,) = ctx.saved_tensors
        return gather(grad, inverse), None, None


def gather(x: Tensor, order: Tensor) -> Tensor:
    """The images x[order] of x (N, C, H, W), in x's memory layout."""
    if x.is_contiguous():
        return x.index_select(0, order)
    # index_select returns NCHW strides. Gathering the NHWC view keeps channels_last, which is fast to convolve.
    return x.permute(0, 2, 3, 1).index_select(0, order).permute(0, 3, 1, 2)


def run_grouped(block: ResidualBlock, x: Tensor, decisions: Tensor) -> Tensor:
    """Run each option on its own images: x (N, C, H, W), decisions (N,) option indices -> (N, C', H', W').

    The images are sorted by decision once, so the parts of the block that treat all options alike run in one call.
    """
    choices = torch.arange(len(block.options), device=decisions.device)
    found = (decisions[:, None] == choices).sum(dim=0).tolist()  # bincount would synchronise a GPU twice
    counts = {option: count for option, count in zip(block.options, found, strict=True) if count}
    if len(counts) == 1:
        return block(x, Groups.uniform(next(iter(counts)), x))
    order = torch.argsort(decisions, stable=True)
    inverse = torch.argsort(order)
    rows = torch.repeat_interleave(torch.tensor(list(counts.values()), device=x.device), output_size=len(x))
    return _Permute.apply(block(_Permute.apply(x, order, inverse), Groups(counts, rows)), inverse, order)


def run_uniform(block: ResidualBlock, x: Tensor, decision: int) -> Tensor:
    """Run all images under one option: x (N, C, H, W) -> (N, C', H', W')."""
    return block(x, Groups.uniform(block.options[decision], x))


def run_dense(block: ResidualBlock, x: Tensor, masks: Tensor) -> Tensor:
    """Run all options on all images and sum by mask: masks (N, K) of 0 and 1, differentiable for a gate's training."""
    outputs = [run_uniform(block, x, k) for k in range(len(block.options))]
    return reduce(torch.add, (out * masks[:, k, None, None, None].to(out.dtype) for k, out in enumerate(outputs)))


def run_chosen(block: ResidualBlock, x: Tensor, decisions: Tensor, execution: Execution) -> Tensor:
    """Run the decisions (N,), option indices, under either execution. They get no gradient."""
    if execution == "grouped":
        return run_grouped(block, x, decisions)
    return run_dense(block, x, torch.nn.functional.one_hot(decisions, len(block.options)))


def straight_through(probabilities: Tensor, decisions: Tensor) -> Tensor:
    """Forward, the one-hot of ``decisions`` (...,). Backward, the gradient passes to ``probabilities`` (..., K)."""
    one_hot = torch.nn.functional.one_hot(decisions, probabilities.shape[-1]).to(probabilities.dtype)
    return one_hot + (probabilities - probabilities.detach())  # the bracket is exactly 0, so the sum stays one-hot


class _TwoBranchGradient(torch.autograd.Function):
    """The output of the chosen option, with a gradient for the probability of one other option.

    The straight-through gradient of option k's probability is <dL/dout, out_k>. A term common to all options drops out
    of the softmax, so <dL/dout, out_k - out_chosen> serves as well. One other option, drawn from K - 1 and weighted by
    K - 1, gives an unbiased estimate (method section 8).
    """

    @staticmethod
    def forward(ctx, chosen: Tensor, other: Tensor, probability: Tensor, scale: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(other - chosen)
        ctx.scale = scale
        return chosen.view_as(chosen)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        (difference,) = ctx.saved_tensors
        per_image = [t.permute(0, 2, 3, 1).flatten(1) for t in (grad, difference)]
        return grad, None, ctx.scale * torch.linalg.vecdot(*per_image).float(), None


def run_two_branch(
    block: ResidualBlock, x: Tensor, decisions: Tensor, probabilities: Tensor, tried: float = TRIED
) -> Tensor:
    """Grouped execution in training, with an unbiased straight-through gradient for the gate.

    Only a share ``tried`` of the calls runs another option, and its gradient is weighted by 1 / ``tried``. So the
    gradient stays unbiased, and with a small share a training step costs little more than the chosen options. The other
    option also updates its batch norm's running statistics: an option has statistics before any image chooses it.

    Args:
        block: the block to run.
        x: its input (N, C, H, W).
        decisions: option indices (N,).
        probabilities: the gate's softmax (N, K), which gets the gradient.
        tried: a share above 0, at most 1. A larger share takes more time and gives less noise.

    Returns:
        The output of the chosen options (N, C', H', W').
    """
    chosen = run_grouped(block, x, decisions)
    if torch.rand(()) >= tried:
        return chosen
    choices = probabilities.shape[1]
    offset = torch.randint(1, choices, decisions.shape, device=decisions.device)
    others = (decisions + offset) % choices
    with torch.no_grad():
        other = run_grouped(block, x, others)
    probability = probabilities.gather(1, others[:, None]).squeeze(1)
    return _TwoBranchGradient.apply(chosen, other, probability, (choices - 1) / tried)
