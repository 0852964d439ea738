"""What one training step minimises, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dfs_core.model.network import DFSNet, DFSOutput
from dfs_core.training.counterfactual import utility_loss
from dfs_core.training.objective import cost_term, sample_losses
from dfs_core.training.sampling import draw_mixes, draw_prices
from dfs_core.training.train_config import STAGES, TrainConfig


def step_loss(
    model: DFSNet,
    config: TrainConfig,
    teacher: DFSNet | None,
    images: Tensor,
    labels: Tensor,
    forward: Callable[[Tensor], DFSOutput] | None = None,
) -> tuple[Tensor, Mapping[str, float | Tensor]]:
    """The loss of one batch, and what the log says of it.

    Args:
        model: the network in training.
        config: the run; its stage says who decides.
        teacher: a network to distil from, or None.
        images: normalised (N, 3, 32, 32).
        labels: classes (N,).
        forward: the network's forward pass, where there is a quicker one than its own.
    """
    with torch.no_grad():
        taught = None if teacher is None else teacher(images).logits

    def losses(logits: Tensor) -> Tensor:
        return sample_losses(logits, labels, config.label_smoothing, taught, config.distillation, config.temperature)

    if STAGES[config.stage].decisions == "swapped":
        return utility_loss(model, images, losses, draw_prices(len(images), config.price_range, images.device))
    output = _decide(model, config, images) if forward is None else forward(images)
    loss = losses(output.logits).mean()
    # Still a tensor: for a number the CPU would wait until a GPU is done.
    metrics: dict[str, float | Tensor] = {"accuracy": 100 * (output.logits.argmax(1) == labels).float().mean()}
    if config.target is not None:
        term, metrics["cp"] = cost_term(output, config.model.option_set.costs, config.target, config.alpha)
        metrics["target"] = config.target
        loss = loss + term
    elif config.model.budget is not None:
        metrics["cp"] = 100 * float(images.new_tensor(config.model.option_set.costs)[output.decisions].mean())
        metrics["target"] = config.model.budget
    return loss, metrics


def _decide(model: DFSNet, config: TrainConfig, images: Tensor) -> DFSOutput:
    decisions = STAGES[config.stage].decisions
    if decisions == "random":
        return model(images, forced=draw_mixes(config.model, len(images), images.device))
    if decisions == "prices":
        return model(images, price=draw_prices(len(images), config.price_range, images.device))
    if decisions == "evaluated":
        return model(images, forced=_evaluated(model, images))
    return model(images)


@torch.no_grad()
def _evaluated(model: DFSNet, images: Tensor) -> Tensor:
    """Decisions under running statistics: under those of a batch, gates near a tie fall to the other side."""
    model.eval()
    decisions = model(images).decisions
    model.train()
    return decisions
