"""Capture a training step on a GPU once as a CUDA graph, and replay it afterwards.

A step runs thousands of kernels of a few microseconds each. Python takes longer to launch a kernel than the GPU to run
it. Under ``dense`` execution the kernels are the same in every step, so the GPU can replay them without Python. This
saves more time than ``dense`` loses by running every option on every image.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet
from dfs_core.model.precision import Precision
from dfs_core.training.steps import Metrics, StepLoss, draws, step_loss
from dfs_core.training.train_config import STAGES, TrainConfig


class _Step(nn.Module):
    """``step_loss`` as a module: PyTorch captures the gradients of parameters only for modules."""

    def __init__(self, model: DFSNet, config: TrainConfig, teacher: DFSNet | None, precision: Precision) -> None:
        super().__init__()
        self.model = model  # the teacher gets no gradients, so it is not a submodule
        self.loss = partial(step_loss, model, config, teacher, execution="dense")
        self.bf16 = precision == "bf16"

    def forward(self, images: Tensor, labels: Tensor, *drawn: Tensor) -> tuple[Tensor, Metrics]:
        """Loss and metrics; arguments as for ``step_loss``."""
        # Autocast around the capture would also apply to the backward pass of the float32 parts, so it stands here. It
        # must not cache casts: a replayed step would use the weights at the time of the capture.
        with torch.autocast("cuda", torch.bfloat16, enabled=self.bf16, cache_enabled=False):
            return self.loss(images, labels, *drawn)


def capture_step(model: DFSNet, config: TrainConfig, teacher: DFSNet | None, precision: Precision) -> StepLoss:
    """Capture ``step_loss`` for batches of ``config.batch_size``, with its backward pass.

    Args:
        model: a network on a CUDA device, with the train and eval modes of its stage set. It is not changed.
        config: the configuration; its stage defines the step.
        teacher: a network to distil from, or None.
        precision: ``bf16`` or ``fp32``.

    Returns:
        The replayed step. Each call overwrites the tensors that the call before returned.

    Raises:
        UserError: the batch does not fit into the GPU's memory.
    """
    device, size, side = model.costs.device, config.batch_size, config.model.image_size
    sample = (torch.zeros(size, 3, side, side, device=device), torch.zeros(size, dtype=torch.int64, device=device))
    arguments = (*sample, *draws(config, size, device))
    state = [*model.buffers(), *model.parameters()]
    before = [value.detach().clone() for value in state]
    step = _Step(model, config, teacher, precision)
    # Benchmarking kernels pays off if shapes repeat. Stage utilities has too many different shapes.
    with torch.backends.cudnn.flags(enabled=True, benchmark=STAGES[config.stage].body):
        try:
            replayed = torch.cuda.make_graphed_callables(step, arguments, allow_unused_input=True)
        except torch.OutOfMemoryError:
            raise UserError(f"the GPU's memory is too small for batch_size {size}: use a smaller one") from None
    # Capturing ran the step on the blank sample, which changed batch-norm statistics and quantiser steps.
    with torch.no_grad():
        for now, value in zip(state, before, strict=True):
            now.copy_(value)
    return cast(StepLoss, replayed)
