"""Training steps on a GPU, captured once as CUDA graphs and replayed from then on.

A step is thousands of kernels of a few microseconds each, fewer than Python takes to start one of them. Executed
``dense`` they are the same in every step, whatever is decided: then none of them has to be started by Python, and that
every option runs on every image costs less than starting each on its own images.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet
from dfs_core.training.precision import Precision
from dfs_core.training.steps import Metrics, StepLoss, draws, step_loss
from dfs_core.training.train_config import STAGES, TrainConfig


class _Step(nn.Module):
    """``step_loss`` as a module: only of a module are the gradients of parameters captured as well."""

    def __init__(self, model: DFSNet, config: TrainConfig, teacher: DFSNet | None, precision: Precision) -> None:
        super().__init__()
        self.model = model  # alone: it gets the gradients, and the teacher is no part of this module
        self.loss = partial(step_loss, model, config, teacher, execution="dense")
        self.bf16 = precision == "bf16"

    def forward(self, images: Tensor, labels: Tensor, *drawn: Tensor) -> tuple[Tensor, Metrics]:
        """Loss and metrics; arguments as for ``step_loss``."""
        # Not around the capture: there it would hold for the backward pass too, also of what computes in float32. Casts
        # are not cached, as those of weights would be of the weights as they were when captured.
        with torch.autocast("cuda", torch.bfloat16, enabled=self.bf16, cache_enabled=False):
            return self.loss(images, labels, *drawn)


def capture_step(model: DFSNet, config: TrainConfig, teacher: DFSNet | None, precision: Precision) -> StepLoss:
    """``step_loss`` for batches of ``config.batch_size``, replayed; autograd replays the backward pass as well.

    What it returns is overwritten by the next call.

    Args:
        model: on a CUDA device, in the modes of the stage; its weights and buffers stay as they are.
        config: the run; of its stage is the step.
        teacher: a network to distil from, or None.
        precision: ``bf16`` or ``fp32``.

    Raises:
        UserError: the GPU's memory is too small for such a batch.
    """
    device, size, side = model.costs.device, config.batch_size, config.model.image_size
    sample = (torch.zeros(size, 3, side, side, device=device), torch.zeros(size, dtype=torch.int64, device=device))
    arguments = (*sample, *draws(config, size, device))
    before = [buffer.clone() for buffer in model.buffers()]
    step = _Step(model, config, teacher, precision)
    # To look for the fastest kernels pays where each shape comes again, and not in the many of stage utilities.
    with torch.backends.cudnn.flags(enabled=True, benchmark=STAGES[config.stage].body):
        try:
            replayed = torch.cuda.make_graphed_callables(step, arguments, allow_unused_input=True)
        except torch.OutOfMemoryError:
            raise UserError(f"the GPU's memory is too small for batch_size {size}: use a smaller one") from None
    for buffer, value in zip(model.buffers(), before, strict=True):
        buffer.copy_(value)  # to capture, the step ran on the empty sample, and batch norms saw it
    return cast(StepLoss, replayed)
