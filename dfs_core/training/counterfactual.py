"""Train a policy to predict the worth of its options by paired counterfactuals (method section 11).

An image runs through the frozen network twice: under random decisions, and under the same decisions with another option
in one block. The difference of the two losses is the worth of this swap for this image. The noise of all other blocks
cancels out. The policy's utilities learn to predict the worth. The images of a batch are divided evenly among the
blocks, and each image runs again from its block on. With a teacher, the losses also compare with the teacher's logits,
which resolves smaller differences than the label alone.
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

TEMPERATURE = 0.01  # nats; far more than most options differ by, so that random decisions try all of them
EXPLORE = 0.2  # share of decisions that are drawn uniformly, so that the worth of no option is forgotten
CLIP = 1.0  # nats; a larger worth only says that the image is misclassified either way
KNEE = 0.05  # nats; beyond this error, the squared error of the regression becomes an absolute one

Losses = Callable[[Tensor], Tensor]


def utility_loss(
    model: DFSNet, images: Tensor, losses: Losses, prices: Tensor, execution: Execution = "grouped"
) -> tuple[Tensor, dict[str, Tensor]]:
    """The regression loss of utilities on the worth of random swaps.

    Args:
        model: a network whose body is frozen and in evaluation mode. Its policy of utilities gets the gradient.
        images: normalised images (N, 3, S, S).
        losses: maps logits (N, classes) to the loss of each image (N,).
        prices: price of each image (N,). Decisions are drawn from softmax((utility - price x cost) / ``TEMPERATURE``).
        execution: ``grouped`` or ``dense``.

    Returns:
        The loss and metrics. The loss is Huber's divided by its knee, plus the classification loss if the policy has a
        classifier. The metrics are ``cp`` of the decisions in percent, ``worth`` (mean absolute worth of a swap in
        nats) and ``explained`` (correlation of the predicted with the measured worth).
    """
    policy, blocks, n = cast(TablePolicy, model.policy), model.body.gated(), len(images)
    with torch.no_grad():
        both = model.enter(images)  # all images, followed by second copies of those that already had their swap
    decisions, predicted, guesses = [], [], []
    state: Any = model.start(both, prices)  # its type is the policy's own affair
    for index, block in enumerate(blocks):
        x, done = both[:n], len(both) - n
        utilities, state = policy.step(index, model.features(index)(x), state)
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
    """Decisions (N,) drawn from the policy's softmax, mixed with a uniform distribution."""
    probabilities = ((utilities - prices[:, None] * costs) / TEMPERATURE).softmax(dim=1)
    return draw_categorical((1 - EXPLORE) * probabilities + EXPLORE / len(costs))


def _another(decisions: Tensor, choices: int) -> Tensor:
    """For each decision (N,), another one, drawn uniformly."""
    return (decisions + torch.randint(1, choices, decisions.shape, device=decisions.device)) % choices
