"""Running one block for a batch of mixed decisions.

``grouped`` runs each option on the images that chose it and on no others, so that its time falls with the decisions.
``dense`` runs every option on every image and sums by mask, as the reference does: slower, but its kernels are the same
whatever is decided, so that a GPU can replay a whole training step. In evaluation mode both give the same output; in
training an option's batch norm sees the images that run under it, with ``dense`` all of them.
"""

from __future__ import annotations

from functools import reduce
from typing import Literal, get_args

import torch
from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.groups import Groups
from dfs_core.model.resnet import ResidualBlock

Execution = Literal["grouped", "dense"]
TRIED = 0.125  # share of a training step's blocks in which the gate's gradient is measured


def check_execution(execution: str) -> None:
    """Refuse a word that names no way to execute.

    Raises:
        UserError: it is neither ``grouped`` nor ``dense``.
    """
    if execution not in get_args(Execution):
        raise UserError(f"execution '{execution}' is unknown: use {' or '.join(get_args(Execution))}")


class _Permute(torch.autograd.Function):
    """Reorder the images of a batch; the gradient is the inverse gather instead of a zero fill and an accumulate."""

    @staticmethod
    def forward(ctx, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(inverse)
        return _gather(x, order)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        (inverse,) = ctx.saved_tensors
        return _gather(grad, inverse), None, None


def _gather(x: Tensor, order: Tensor) -> Tensor:
    if x.is_contiguous():
        return x.index_select(0, order)
    # index_select returns NCHW strides; gathering the NHWC view keeps channels_last, which the convolutions like.
    return x.permute(0, 2, 3, 1).index_select(0, order).permute(0, 3, 1, 2)


def run_grouped(block: ResidualBlock, x: Tensor, decisions: Tensor) -> Tensor:
    """Run each option on its own images: x (N, C, H, W), decisions (N,) option indices -> (N, C', H', W').

    The images are sorted by their decisions once, and what treats them all alike then takes them in one go.
    """
    choices = torch.arange(len(block.options), device=decisions.device)
    found = (decisions[:, None] == choices).sum(dim=0).tolist()  # bincount makes a GPU wait twice
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
    """Run all options on all images and sum by mask: masks (N, K) of 0 and 1, differentiable for a gate in training."""
    outputs = [run_uniform(block, x, k) for k in range(len(block.options))]
    return reduce(torch.add, (out * masks[:, k, None, None, None].to(out.dtype) for k, out in enumerate(outputs)))


def run_chosen(block: ResidualBlock, x: Tensor, decisions: Tensor, execution: Execution) -> Tensor:
    """Run what was decided, in either way: decisions (N,) are option indices; they get no gradient."""
    if execution == "grouped":
        return run_grouped(block, x, decisions)
    return run_dense(block, x, torch.nn.functional.one_hot(decisions, len(block.options)))


def straight_through(probabilities: Tensor, decisions: Tensor) -> Tensor:
    """One-hot of ``decisions`` (...,) forward; backward, the gradient goes to ``probabilities`` (..., K) as it is."""
    one_hot = torch.nn.functional.one_hot(decisions, probabilities.shape[-1]).to(probabilities.dtype)
    return one_hot + (probabilities - probabilities.detach())  # the bracket is exactly 0, so that the sum is one-hot


class _TwoBranchGradient(torch.autograd.Function):
    """The chosen branch's output, with a gradient for the probability of the one other branch that was tried.

    The straight-through gradient of option k's probability is <dL/dout, out_k>. What is common to all options drops
    out of the softmax, so <dL/dout, out_k - out_chosen> does as well; one other option tried at random of K-1, times
    K-1, makes it unbiased (method section 8).
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

    Another option is tried for the share ``tried`` of calls only, and its gradient weighted by 1 / ``tried``: it stays
    unbiased, and with a small share a training step costs little more than the options chosen. What is tried updates
    its batch norm's running statistics too, so that an option that no image takes for now has some when one does.

    Args:
        block: the block to run.
        x: its input (N, C, H, W).
        decisions: option indices (N,).
        probabilities: the gate's softmax (N, K), which gets the gradient.
        tried: above 0 and up to 1; a larger share costs time and gives less noise.
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
