"""The loss of one training step in each stage. Under ``dense`` execution, nothing in it synchronises with a GPU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSNet, evaluating
from dfs_core.training.counterfactual import utility_loss
from dfs_core.training.objective import cost_term, sample_losses
from dfs_core.training.sampling import draw_mixes, draw_prices
from dfs_core.training.train_config import STAGES, TrainConfig

Metrics = dict[str, Tensor]
StepLoss = Callable[..., tuple[Tensor, Metrics]]  # takes (images, labels, *drawn) as ``step_loss`` does


def draws(config: TrainConfig, n: int, device: torch.device) -> tuple[Tensor, ...]:
    """The random draws of a stage for a batch: prices (n,), decisions (n, gated blocks), or nothing."""
    decisions = STAGES[config.stage].decisions
    if decisions == "random":
        return (draw_mixes(config.model, n, device),)
    if decisions in ("prices", "swapped"):
        return (draw_prices(n, config.price_range, device),)
    return ()


def step_loss(
    model: DFSNet,
    config: TrainConfig,
    teacher: DFSNet | None,
    images: Tensor,
    labels: Tensor,
    *drawn: Tensor,
    execution: Execution = "grouped",
) -> tuple[Tensor, Metrics]:
    """The loss of one batch, and its metrics for the log.

    Args:
        model: the network in training.
        config: the configuration; its stage says who decides.
        teacher: a network to distil from, or None.
        images: normalised images (N, 3, S, S).
        labels: classes (N,).
        drawn: the result of ``draws``.
        execution: ``grouped``, or ``dense``, which runs the same kernels in every step.

    Returns:
        The loss in nats, and metrics without gradient: ``accuracy``, ``cp`` and ``time`` in percent where the run has
        them, or those of ``utility_loss``.
    """
    with torch.no_grad():
        taught = None if teacher is None else teacher(images, execution=execution).logits

    def losses(logits: Tensor) -> Tensor:
        return sample_losses(logits, labels, config.label_smoothing, taught, config.distillation, config.temperature)

    stage = STAGES[config.stage]
    if stage.decisions == "swapped":
        return utility_loss(model, images, losses, drawn[0], execution)
    if stage.decisions == "passes":
        return _passes_loss(model, images, labels, losses)
    if stage.decisions in ("random", "evaluated"):
        decisions = drawn[0] if drawn else _evaluated(model, images, execution)
        logits = model.execute(images, decisions, execution)
    else:
        output = model(images, price=drawn[0] if drawn else None, execution=execution)
        logits, decisions = output.logits, output.decisions
    loss = losses(logits).mean()
    metrics = {"accuracy": 100 * (logits.argmax(1) == labels).float().mean()}
    if config.target is not None:
        term, metrics[config.cost] = cost_term(output, model.charges, config.target, config.alpha)
        loss = loss + term
    if config.cost == "time" or (config.target is None and config.model.budget is not None):
        metrics["cp"] = 100 * model.costs[decisions].mean()
    return loss, metrics


def _passes_loss(
    model: DFSNet, images: Tensor, labels: Tensor, losses: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Metrics]:
    """The mean loss of a cascade's passes, each made for every image; stem and first block run once."""
    x = model.enter(images)
    logits = [model.uniform(x, model.config.option_set.index(name)) for name in model.config.passes]
    right = torch.stack([(one.argmax(1) == labels).float().mean() for one in logits])
    return torch.stack([losses(one).mean() for one in logits]).mean(), {"accuracy": 100 * right.mean()}


@torch.no_grad()
def _evaluated(model: DFSNet, images: Tensor, execution: Execution) -> Tensor:
    """Decisions under running statistics, as at evaluation. Under batch statistics, decisions near a tie would flip."""
    with evaluating(model), torch.autocast(images.device.type, enabled=False):  # evaluation is in float32
        decisions: Tensor = model(images, execution=execution).decisions
    return decisions
