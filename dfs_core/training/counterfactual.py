"""Teaching a policy what its options are worth: paired counterfactuals (method section 11).

An image runs through the frozen network under some decisions, and again under the same ones but for a single block that
takes another option. The difference of the two losses is what that swap is worth for that image, free of the noise of
all other blocks; the policy's utilities learn to predict it. The images of a batch are dealt out evenly to the blocks,
and run again from the block that they were dealt on. With a teacher the losses are against its answer too, which tells
of small differences where the label alone does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.model.execute import Execution, run_chosen
from dfs_core.model.network import DFSNet
from dfs_core.model.utilities import TablePolicy
from dfs_core.training.sampling import draw_categorical

TEMPERATURE = 0.01  # nats, of the decisions that are drawn: far more than most options differ by, so that all are tried
EXPLORE = 0.2  # share of decisions that are drawn evenly, so that no option's worth is forgotten
CLIP = 1.0  # nats; what a swap does beyond this says that the image is lost either way
KNEE = 0.05  # nats: where the squared error of the regression turns into an absolute one


Losses = Callable[[Tensor], Tensor]


def utility_loss(
    model: DFSNet, images: Tensor, losses: Losses, prices: Tensor, execution: Execution = "grouped"
) -> tuple[Tensor, dict[str, Tensor]]:
    """The regression of utilities on the worth of random swaps.

    Args:
        model: its body in evaluation mode and frozen; its policy, one of utilities, gets the gradient.
        images: normalised (N, 3, S, S).
        losses: gives each image's loss (N,) for logits (N, classes).
        prices: of each image (N,); decisions are drawn from softmax((utility - price x cost) / ``TEMPERATURE``).
        execution: ``grouped`` or ``dense``.

    Returns:
        The loss (Huber's, relative to its knee; with it that of the answers of a policy that classifies), and ``cp`` of
        the decisions in percent, ``worth`` (mean size of what a swap does, in nats) and ``explained`` (correlation of
        the predicted with the true worth).
    """
    policy, blocks, n = cast(TablePolicy, model.policy), model.body.gated(), len(images)
    with torch.no_grad():
        both = model.enter(images)  # all images, and after them those that were swapped so far, from the first one on
    decisions, predicted, guesses = [], [], []
    state: Any = policy.start(both, prices)  # only the policy knows what is in it
    for index, block in enumerate(blocks):
        x, done = both[:n], len(both) - n
        utilities, state = policy.step(index, x, state)
        if (guess := policy.guess(state)) is not None:
            guesses.append(losses(guess).mean())
        decision = _draw(utilities.detach(), prices, model.costs)
        dealt = slice(done, (index + 1) * n // len(blocks))
        other = _another(decision[dealt], len(model.costs))
        pair = utilities[dealt].gather(1, torch.stack([other, decision[dealt]], dim=1))
        predicted.append(pair[:, 0] - pair[:, 1])
        with torch.no_grad():
            chosen = torch.cat([decision, decision[:done], other])
            both = run_chosen(block, torch.cat([both, x[dealt]]), chosen, execution)
        decisions.append(decision)
    with torch.no_grad():
        before, after = losses(model.body.head(both[:n])), losses(model.body.head(both[n:]))
        worth = (before - after).clamp(-CLIP, CLIP)
    expected = torch.cat(predicted)
    loss = F.huber_loss(expected, worth, delta=KNEE) / KNEE
    if guesses:
        loss = loss + torch.stack(guesses).mean()
    metrics = {
        "cp": 100 * model.costs[torch.stack(decisions)].mean(),
        "worth": worth.abs().mean(),
        "explained": F.cosine_similarity(expected.detach() - expected.detach().mean(), worth - worth.mean(), dim=0),
    }
    return loss, metrics


def _draw(utilities: Tensor, prices: Tensor, costs: Tensor) -> Tensor:
    """Decisions (N,) drawn from the policy's softmax, some of them evenly instead."""
    probabilities = ((utilities - prices[:, None] * costs) / TEMPERATURE).softmax(dim=1)
    return draw_categorical((1 - EXPLORE) * probabilities + EXPLORE / len(costs))


def _another(decisions: Tensor, choices: int) -> Tensor:
    """For each decision (N,) another one, evenly drawn."""
    return (decisions + torch.randint(1, choices, decisions.shape, device=decisions.device)) % choices
