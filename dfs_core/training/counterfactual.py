"""Teaching a policy what its options are worth: paired counterfactuals (method section 11).

An image runs through the frozen network under some decisions, and again under the same ones but for a single block that
takes another option. The difference of the two losses is what that swap is worth for that image, free of the noise of
all other blocks; the policy's utilities learn to predict it. Only the blocks after the swap run again. With a teacher
the losses are against its answer too, which tells of small differences where the label alone does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.model.execute import run_grouped
from dfs_core.model.network import DFSNet
from dfs_core.model.utilities import TablePolicy

SWAPS = 2  # blocks of a forward pass whose decision is swapped, one at a time
TEMPERATURE = 0.01  # nats, of the decisions that are drawn: far more than most options differ by, so that all are tried
EXPLORE = 0.2  # share of decisions that are drawn evenly, so that no option's worth is forgotten
CLIP = 1.0  # nats; what a swap does beyond this says that the image is lost either way
KNEE = 0.05  # nats: where the squared error of the regression turns into an absolute one


Losses = Callable[[Tensor], Tensor]


def utility_loss(model: DFSNet, images: Tensor, losses: Losses, prices: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The regression of utilities on the worth of random swaps.

    Args:
        model: its body in evaluation mode and frozen; its policy, one of utilities, gets the gradient.
        images: normalised (N, 3, 32, 32).
        losses: gives each image's loss (N,) for logits (N, classes).
        prices: of each image (N,); decisions are drawn from softmax((utility - price x cost) / ``TEMPERATURE``).

    Returns:
        The loss (Huber's, relative to its knee; with it that of the answers of a policy that classifies), and ``cp`` of
        the decisions in percent, ``worth`` (mean size of what a swap does, in nats) and ``explained`` (correlation of
        the predicted with the true worth).
    """
    policy, blocks = cast(TablePolicy, model.policy), model.body.gated()
    costs = prices.new_tensor(model.config.option_set.costs)
    with torch.no_grad():
        x = model.enter(images)
    swapped = set(torch.randperm(len(blocks))[:SWAPS].tolist())
    kept: dict[int, tuple[Tensor, Tensor]] = {}
    decisions = []
    guesses = []
    state: Any = policy.start(x, prices)  # only the policy knows what is in it
    for index, block in enumerate(blocks):
        utilities, state = policy.step(index, x, state)
        if (guess := policy.guess(state)) is not None:
            guesses.append(losses(guess).mean())
        decision = _draw(utilities.detach(), prices, costs)
        if index in swapped:
            kept[index] = (x, utilities)
        with torch.no_grad():
            x = run_grouped(block, x, decision)
        decisions.append(decision)
    with torch.no_grad():
        before = losses(model.body.head(x))
    predicted, true = [], []
    for index, (inputs, utilities) in kept.items():
        other = _another(decisions[index], len(costs))
        with torch.no_grad():
            y = run_grouped(blocks[index], inputs, other)
            for later in range(index + 1, len(blocks)):
                y = run_grouped(blocks[later], y, decisions[later])
            after = losses(model.body.head(y))
        true.append((before - after).clamp(-CLIP, CLIP))
        pair = utilities.gather(1, torch.stack([other, decisions[index]], dim=1))
        predicted.append(pair[:, 0] - pair[:, 1])
    expected, worth = torch.cat(predicted), torch.cat(true)
    loss = F.huber_loss(expected, worth, delta=KNEE) / KNEE
    if guesses:
        loss = loss + torch.stack(guesses).mean()
    metrics = {
        "cp": 100 * float(costs[torch.stack(decisions)].mean()),
        "worth": float(worth.abs().mean()),
        "explained": float(torch.corrcoef(torch.stack([expected.detach(), worth]))[0, 1].nan_to_num()),
    }
    return loss, metrics


def _draw(utilities: Tensor, prices: Tensor, costs: Tensor) -> Tensor:
    """Decisions (N,) drawn from the policy's softmax, some of them evenly instead."""
    probabilities = ((utilities - prices[:, None] * costs) / TEMPERATURE).softmax(dim=1)
    mixed = (1 - EXPLORE) * probabilities + EXPLORE / len(costs)
    return torch.multinomial(mixed, 1).squeeze(1)


def _another(decisions: Tensor, choices: int) -> Tensor:
    """For each decision (N,) another one, evenly drawn."""
    return (decisions + torch.randint(1, choices, decisions.shape, device=decisions.device)) % choices
