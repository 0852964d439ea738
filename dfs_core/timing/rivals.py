"""What a user would run instead of the engine: PyTorch in float32, or OpenVINO in static 8 bits if installed."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.engine.compiled import CompiledBlock, CompiledConv, CompiledNet

Run = Callable[[Tensor], object]


class Plain(nn.Module):
    """A compiled network under one option in every block, as plain PyTorch operations.

    Args:
        net: the network.
        option: index of the option that every gated block takes.
        rounded: whether 8-bit convolutions round their input and weight, in the operations that exporters know.
    """

    def __init__(self, net: CompiledNet, option: int, rounded: bool) -> None:
        super().__init__()
        self.net, self.rounded = net, rounded
        self.blocks = [net.first, *(forms[option] for forms in net.blocks)]
        self.kept = {id(conv): self._prepared(conv) for conv in self._convs()}
        self.classifier = net.classifier.weight, net.classifier.bias

    def _convs(self) -> list[CompiledConv]:
        inner = [conv for block in self.blocks for conv in (*block.convs, block.shortcut) if conv is not None]
        return [self.net.stem, *inner]

    def _prepared(self, conv: CompiledConv) -> tuple[Tensor, Tensor]:
        weight = conv.weight * conv.scale[:, None, None, None]
        if conv.levels is not None:
            weight = weight / conv.levels.step  # the input is rounded to steps, not to levels
        return weight.contiguous(memory_format=torch.channels_last), conv.bias

    def _conv(self, conv: CompiledConv, x: Tensor) -> Tensor:
        weight, bias = self.kept[id(conv)]
        if self.rounded and conv.levels is not None:
            x = torch.fake_quantize_per_tensor_affine(x, conv.levels.step, 0, 0, int(conv.levels.high))
            scale = (conv.scale / conv.levels.step).abs()
            zero = torch.zeros_like(scale, dtype=torch.int32)
            weight = torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -128, 127)
        return F.conv2d(x, weight, bias, conv.stride, conv.padding)

    def _block(self, block: CompiledBlock, x: Tensor) -> Tensor:
        inner = x
        for number, conv in enumerate(block.convs):
            inner = self._conv(conv, inner.relu_() if number else inner)
        return inner.add_(x if block.shortcut is None else self._conv(block.shortcut, x)).relu_()

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of normalised images (N, 3, S, S)."""
        x = self.net.pool(self._conv(self.net.stem, images).relu_())
        for block in self.blocks:
            x = self._block(block, x)
        return F.linear(x.mean(dim=(2, 3)), *self.classifier)


def openvino_int8(net: CompiledNet, option: int, threads: int, batch: int) -> Run | None:
    """A network of static 8 bits in OpenVINO, as a function of images (batch, 3, S, S); None where it is missing."""
    try:
        import openvino
    except ImportError:
        return None
    example = torch.zeros(batch, 3, net.layout.image_size, net.layout.image_size)
    plain = Plain(net, option, rounded=True).eval()
    with torch.no_grad():
        converted = openvino.convert_model(plain, example_input=example, input=example.shape)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    request = openvino.Core().compile_model(converted, "CPU", settings).create_infer_request()
    return lambda images: request.infer({0: images.contiguous().numpy()})
