"""Training steps on a GPU, recorded once as CUDA graphs and replayed from then on.

A step is thousands of kernels of a few microseconds each, fewer than Python takes to start one of them. Executed
``dense`` they are the same in every step, whatever is decided: then none of them has to be started by Python, and that
every option runs on every image costs less than starting each on its own images.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet
from dfs_core.training.precision import Precision
from dfs_core.training.steps import Metrics, draws, step_loss
from dfs_core.training.train_config import STAGES, TrainConfig


class Step(nn.Module):
    """Loss and metrics of a batch as a function of tensors alone, as a recording needs it."""

    def __init__(self, model: DFSNet, config: TrainConfig, teacher: DFSNet | None) -> None:
        super().__init__()
        self.model, self.config = model, config
        self.teacher = (teacher,)  # not a part of what learns
        self.names: tuple[str, ...] = ()

    def forward(self, images: Tensor, labels: Tensor, *drawn: Tensor) -> tuple[Tensor, ...]:
        """The loss and, in the order of ``names``, the metrics; arguments as for ``step_loss``."""
        loss, metrics = step_loss(self.model, self.config, *self.teacher, images, labels, *drawn, execution="dense")
        self.names = tuple(metrics)
        return loss, *(value.detach() for value in metrics.values())


class Replay:
    """``step_loss`` for batches of one size, replayed; the backward pass is replayed by autograd as well."""

    def __init__(self, model: DFSNet, config: TrainConfig, teacher: DFSNet | None, precision: Precision) -> None:
        """Record a step of ``config``'s stage, of a model that is on a CUDA device and in the stage's modes.

        Raises:
            UserError: the GPU's memory is too small for such a batch.
        """
        device = next(model.parameters()).device
        size = config.batch_size
        self.step = Step(model, config, teacher)
        sample = (torch.zeros(size, 3, 32, 32, device=device), torch.zeros(size, dtype=torch.int64, device=device))
        before = [buffer.clone() for buffer in model.buffers()]
        with (
            # To look for the fastest kernels pays where each shape comes again, and not in the many of stage utilities.
            torch.backends.cudnn.flags(enabled=True, benchmark=STAGES[config.stage].body),
            # A cached cast of a weight would be of the weight as it was when recorded.
            torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False),
        ):
            arguments = (*sample, *draws(config, size, device))
            try:
                self.replay = torch.cuda.make_graphed_callables(self.step, arguments, allow_unused_input=True)
            except torch.OutOfMemoryError:
                raise UserError(f"the GPU's memory is too small for batch_size {size}: use a smaller one") from None
        for buffer, value in zip(model.buffers(), before, strict=True):
            buffer.copy_(value)  # recording ran the batch norms on an empty sample

    def __call__(self, images: Tensor, labels: Tensor, *drawn: Tensor) -> tuple[Tensor, Metrics]:
        """As ``step_loss``; what it returns is overwritten by the next call."""
        loss, *metrics = cast(tuple[Tensor, ...], self.replay(images, labels, *drawn))
        return loss, dict(zip(self.step.names, metrics, strict=True))
