"""A network without a gate on a GPU: both passes of a step, recorded once as CUDA graphs and replayed from then on.

A ResNet for 32 x 32 images is some hundred kernels of a few microseconds each, fewer than Python takes to start them.
Where every image takes the same options, the kernels are the same in every step, so none has to be started by Python.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.model.network import DFSNet, DFSOutput
from dfs_core.training.precision import Precision


class SteadyNet(nn.Module):
    """A network under its policy's certain decisions, without anything that would make the GPU wait."""

    def __init__(self, model: DFSNet) -> None:
        super().__init__()
        self.body, self.enter = model.body, model.enter
        options = [model.policy.certain(index) for index in range(len(self.body.gated()))]
        self.options = [option for option in options if option is not None]
        assert len(self.options) == len(options), "only a constant policy decides beforehand"

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) for normalised images (N, 3, 32, 32)."""
        x = self.enter(images)
        for block, option in zip(self.body.gated(), self.options, strict=True):
            x = block(x, option)
        return self.body.head(x)


class Replay:
    """The forward pass of a training step, replayed; its backward pass is replayed by autograd as well."""

    def __init__(self, model: DFSNet, batch_size: int, precision: Precision) -> None:
        """Record ``model``, in training mode on a CUDA device, for batches of one size, in ``bf16`` or ``fp32``."""
        device = next(model.parameters()).device
        net = SteadyNet(model)
        self.decisions = torch.tensor(net.options, device=device).expand(batch_size, -1)
        ones = torch.nn.functional.one_hot(self.decisions, len(model.config.option_set))
        self.probabilities = ones.float()
        before = [buffer.clone() for buffer in net.buffers()]
        with (
            torch.backends.cudnn.flags(enabled=True, benchmark=True),
            # A cached cast of a weight would be of the weight as it was when recorded.
            torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16", cache_enabled=False),
        ):
            sample = torch.zeros(batch_size, 3, 32, 32, device=device)
            self.net = torch.cuda.make_graphed_callables(net, (sample,), allow_unused_input=True)
        for buffer, value in zip(net.buffers(), before, strict=True):
            buffer.copy_(value)  # recording ran the batch norms on an empty sample

    def __call__(self, images: Tensor) -> DFSOutput:
        """What the network's own forward pass returns."""
        return DFSOutput(cast(Tensor, self.net(images)), self.decisions, self.probabilities)
