"""A static network as an ONNX graph: 8 bits as QDQ int8, fewer bits as floats that the graph rounds.

A convolution of 8 bits reads ``QuantizeLinear``, ``DequantizeLinear`` and an int8 weight with its own
``DequantizeLinear``, which runtimes fuse to integer kernels; its batch norm is folded. With fewer bits no runtime has a
type: the graph divides by the step, rounds, clips, convolves whole numbers as floats, whose sums are exact, and scales.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.engine.compiled import CompiledBlock, CompiledClassifier, CompiledConv, CompiledNet, Levels
from dfs_core.errors import UserError
from dfs_core.model.network import DFSNet

OPSET, IR_VERSION = 17, 8  # old enough for runtimes of 2022; nothing newer is needed
INPUT, OUTPUT = "images", "logits"


def to_onnx(checkpoint: Checkpoint, budget: float | None = None) -> onnx.ModelProto:
    """The graph of a static network: uint8 images (N, 3, S, S) -> float32 logits (N, classes).

    Args:
        checkpoint: the network with its card, whose channel means and standard deviations become part of the graph.
        budget: cp in percent; None for the usual one. Only for a static network that serves every budget.

    Raises:
        UserError: the network decides image by image, has min-max quantisers, or cannot serve the budget.
    """
    card, model = checkpoint.card, checkpoint.model
    if not card.config.decides_alike:
        raise UserError(
            f"'{card.name}' decides image by image, which ONNX graphs cannot express: choose a static network"
        )
    net, decisions = CompiledNet.of(model), _decisions(model, budget)
    graph = Graph()
    x = graph.normalised(card)
    x = graph.add("Relu", graph.conv(net.stem, x))
    if net.layout.max_pool:
        x = graph.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for block in (net.first, *(forms[chosen] for forms, chosen in zip(net.blocks, decisions, strict=True))):
        x = graph.block(block, x)
    x = graph.add("Flatten", graph.add("GlobalAveragePool", x), axis=1)
    graph.classify(net.classifier, x)
    return _model(graph, card, net, budget)


def _decisions(model: DFSNet, budget: float | None) -> list[int]:
    """The option index of each gated block, the same for every image."""
    size = model.config.image_size
    with torch.inference_mode():
        found: list[int] = model(torch.zeros(1, 3, size, size), budget=budget).decisions[0].tolist()
    return found


def _model(graph: Graph, card: Card, net: CompiledNet, budget: float | None) -> onnx.ModelProto:
    size = net.layout.image_size
    made = helper.make_graph(
        graph.nodes,
        card.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", 3, size, size])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", len(card.classes)])],
        graph.constants,
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="dfs-explorer")
    model.ir_version = IR_VERSION
    facts = {"classes": json.dumps(card.classes), "checkpoint": card.name, "weights_sha256": card.weights_sha256}
    helper.set_model_props(model, facts if budget is None else facts | {"budget": f"{budget:g}"})
    onnx.checker.check_model(model, full_check=True)
    return model


@dataclass
class Graph:
    """A graph under construction; each method adds nodes and returns the name of their result."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        """Add one node."""
        name = result or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, value: np.ndarray) -> str:
        """Add a constant."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def floats(self, value: Tensor | float) -> str:
        """Add a float32 constant."""
        return self.constant(np.asarray(value if isinstance(value, float) else value.detach().numpy(), np.float32))

    def normalised(self, card: Card) -> str:
        """The input images as the network was trained to see them; in the order of ``normalise``."""
        shape = (1, 3, 1, 1)
        x = self.add("Cast", INPUT, to=TensorProto.FLOAT)
        x = self.add("Div", x, self.floats(255.0))
        x = self.add("Sub", x, self.floats(torch.tensor(card.mean).view(shape)))
        return self.add("Div", x, self.floats(torch.tensor(card.std).view(shape)))

    def block(self, block: CompiledBlock, x: str) -> str:
        """A residual block under its option; a skipped one is its shortcut, without a ReLU."""
        shortcut = x if block.shortcut is None else self.conv(block.shortcut, x)
        if not block.convs:
            return shortcut
        inner = x
        for number, conv in enumerate(block.convs):
            inner = self.conv(conv, self.add("Relu", inner) if number else inner)
        return self.add("Relu", self.add("Add", inner, shortcut))

    def conv(self, conv: CompiledConv, x: str) -> str:
        """A convolution with its batch norm."""
        places: dict[str, Any] = {
            "kernel_shape": list(conv.weight.shape[2:]),
            "strides": [conv.stride] * 2,
            "pads": [conv.padding] * 4,
        }
        if conv.limits is not None:
            x = self.add("Clip", x, *map(self.floats, conv.limits))
        if conv.levels is None:
            weight = self.floats(conv.weight * conv.scale[:, None, None, None])
            return self.add("Conv", x, weight, self.floats(conv.bias), **places)
        if not _is_8_bits(conv.levels):
            y = self.add("Conv", self.levels(conv.levels, x), self.floats(conv.weight), **places)
            y = self.add("Mul", y, self.floats(conv.scale.view(1, -1, 1, 1)))
            return self.add("Add", y, self.floats(conv.bias.view(1, -1, 1, 1)))
        rounded, scale = self.rounded(conv.levels, x), conv.scale / conv.levels.step
        # The scale of an int8 weight is positive. A negative one turns the signs of the channel's levels.
        signed = conv.weight * scale.sign()[:, None, None, None]
        weight = self.int8(signed.clamp(-128, 127), scale.abs())
        lost = (signed - signed.clamp(-128, 127)) * scale.abs()[:, None, None, None]
        y = self.add("Conv", rounded, weight, self.floats(conv.bias), **places)
        # Where -128 became 128, which int8 cannot hold, a second convolution adds the step that was lost.
        return y if not lost.any() else self.add("Add", y, self.add("Conv", rounded, self.floats(lost), **places))

    def rounded(self, levels: Levels, x: str) -> str:
        """x rounded to levels."""
        if _is_8_bits(levels):
            zero = self.constant(np.zeros((), np.int8 if levels.low < 0 else np.uint8))
            step = self.floats(levels.step)
            return self.add("DequantizeLinear", self.add("QuantizeLinear", x, step, zero), step, zero)
        return self.add("Mul", self.levels(levels, x), self.floats(levels.step))

    def levels(self, levels: Levels, x: str) -> str:
        """The levels that x is rounded to, whole numbers as floats."""
        x = self.add("Round", self.add("Div", x, self.floats(levels.step)))
        return self.add("Clip", x, self.floats(float(levels.low)), self.floats(float(levels.high)))

    def int8(self, levels: Tensor, scale: Tensor) -> str:
        """A constant of whole numbers (O, ...), dequantised with a scale for each of its O channels."""
        zeros = self.constant(np.zeros(len(scale), np.int8))
        return self.add(
            "DequantizeLinear", self.constant(levels.numpy().astype(np.int8)), self.floats(scale), zeros, axis=0
        )

    def classify(self, last: CompiledClassifier, x: str) -> None:
        """The classifier on features (N, C), rounded as the convolutions are if it has few bits."""
        if last.levels is not None:
            x = self.rounded(last.levels, x)
        self.add("Gemm", x, self.floats(last.weight), self.floats(last.bias), transB=1, result=OUTPUT)


def _is_8_bits(levels: Levels) -> bool:
    return levels.high - levels.low == 2**8 - 1
