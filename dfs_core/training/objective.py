"""The objective of training: cross-entropy, distillation and the paper's signed cost (method section 5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.model.execute import straight_through
from dfs_core.model.network import DFSOutput
from dfs_core.model.prices import PAPER_BATCH
from dfs_core.training.processes import overall


def learning_rate(
    step: float, total: int, peak: float, schedule: str, warmup: float, milestones: tuple[float, ...]
) -> float:
    """Learning rate at ``step`` of ``total``: linear warm-up, then as the schedule says.

    That is a cosine to zero, a division by 10 at each milestone, or the peak throughout.

    ``warmup`` and ``milestones`` are fractions of the run. ``step`` has a fraction where a run was shortened.
    """
    progress = (step + 1) / total
    if progress < warmup:
        return peak * progress / warmup
    if schedule == "constant":
        return peak
    if schedule == "step":
        return peak * 0.1 ** sum(step / total >= milestone for milestone in milestones)
    cosine = torch.tensor(torch.pi * (step / total - warmup) / (1 - warmup)).clamp_min(0).cos()
    return peak * 0.5 * (1 + float(cosine))


def block_costs(output: DFSOutput, costs: Tensor) -> Tensor:
    """Sum of the chosen options' costs over gated blocks for each image (N,), with the straight-through gradient."""
    chosen = straight_through(output.probabilities, output.decisions)
    return (chosen * costs).sum(dim=(1, 2))


def cost_term(output: DFSOutput, costs: Tensor, target: float, alpha: float) -> tuple[Tensor, Tensor]:
    """The paper's s |alpha| C and the batch's cost in percent (method section 5).

    In the paper, C sums the chosen costs over a batch of 128 images and the gated blocks. Here it is 128 times the mean
    over the batch, so that alpha means the same at any batch size.

    Args:
        output: the network's output in training.
        costs: relative cost of each option (K,), or of each option of each block (blocks, K).
        target: the mean cost of a block to hold, in percent: cp, if these are its costs.
        alpha: the paper's alpha.

    Returns:
        The loss term, and that cost in the batch. s is +1 if it is above the target, else -1.
    """
    per_image = block_costs(output, costs)
    spent = overall(100 * per_image.detach().mean() / output.decisions.shape[1])
    sign = 2 * (spent > target).to(per_image.dtype) - 1
    return sign * abs(alpha) * PAPER_BATCH * per_image.mean(), spent


def sample_losses(
    logits: Tensor, labels: Tensor, smoothing: float, teacher: Tensor | None, weight: float, temperature: float
) -> Tensor:
    """Cross-entropy with label smoothing, mixed with distillation from a teacher's logits.

    (1 - weight) CE + weight T^2 KL(teacher || student) at temperature T (Hinton et al., 2015).

    Args:
        logits: (N, classes).
        labels: (N,).
        smoothing: label smoothing, 0 to 1.
        teacher: the teacher's logits (N, classes); None gives cross-entropy alone.
        weight: weight of distillation, 0 to 1.
        temperature: T.

    Returns:
        The loss of each image in nats (N,).
    """
    losses = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    if teacher is None:
        return losses
    student, target = F.log_softmax(logits / temperature, 1), F.log_softmax(teacher.float() / temperature, 1)
    divergences = F.kl_div(student, target, reduction="none", log_target=True).sum(dim=1)
    return (1 - weight) * losses + weight * temperature**2 * divergences
