"""What one training step minimises, stage by stage."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet, DFSOutput
from dfs_core.training.counterfactual import utility_loss
from dfs_core.training.objective import cost_term, sample_losses
from dfs_core.training.sampling import draw_mixes, draw_prices
from dfs_core.training.train_config import STAGES, TrainConfig


def step_loss(
    model: DFSNet, config: TrainConfig, teacher: DFSNet | None, images: Tensor, labels: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """The loss of one batch, and what the log says of it.

    Args:
        model: the network in training.
        config: the run; its stage says who decides.
        teacher: a network to distil from, or None.
        images: normalised (N, 3, 32, 32).
        labels: classes (N,).
    """
    with torch.no_grad():
        taught = None if teacher is None else teacher(images).logits

    def losses(logits: Tensor) -> Tensor:
        return sample_losses(logits, labels, config.label_smoothing, taught, config.distillation, config.temperature)

    if STAGES[config.stage].decisions == "swapped":
        return utility_loss(model, images, losses, draw_prices(len(images), config.price_range, images.device))
    output = _decide(model, config, images)
    loss = losses(output.logits).mean()
    metrics = {"accuracy": 100 * float((output.logits.argmax(1) == labels).float().mean())}
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


def with_mix(config: TrainConfig) -> TrainConfig:
    """The run with the static mix of options that ``mix_of`` decides for at ``mix_budget``, where it names one.

    Raises:
        UserError: that checkpoint looks at the image, or is of another network.
    """
    if not config.mix_of:
        return config
    source = load_checkpoint(config.mix_of).model
    if source.config.policy != "table":
        raise UserError(
            f"mix_of needs a checkpoint that decides the same for every image (policy table): {config.mix_of}"
        )
    decisions = source(torch.zeros(1, 3, 32, 32), budget=config.mix_budget).decisions[0].tolist()
    names = tuple(source.config.option_set.names[index] for index in decisions)
    used = {*names, "full"}  # quantisers are calibrated in full
    options = ",".join(name for name in source.config.option_set.names if name in used)
    return replace(config, model=replace(config.model, options=options, constant=names))
