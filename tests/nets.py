"""Networks that look as after training, and input for them, where a test needs one but not what it learned."""

from __future__ import annotations

import torch
from tiny import CIFAR10, make_network, pictures, remembered
from torch import Tensor

from dfs_core.data.augment import normalise
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import BlockShape, ConvShape
from dfs_core.model.network import DFSNet, calibrate


def inputs(n: int, seed: int = 0) -> Tensor:
    """Made-up photographs as a network takes them, float (n, 3, 32, 32)."""
    pixels = torch.from_numpy(pictures(n, seed)).permute(0, 3, 1, 2).contiguous()
    return normalise(pixels, CIFAR10.mean, CIFAR10.std)


def block_shape(stride: int) -> BlockShape:
    """A basic block from 16 channels and 8 x 8 pixels, to twice as many and half the side with a stride of 2."""
    width, size = 16 * stride, 8 // stride
    convolutions = ConvShape(16, width, 3, stride, size), ConvShape(width, width, 3, 1, size)
    return BlockShape(2, 1, 16, 8, convolutions, ConvShape(16, width, 1, 2, size) if stride == 2 else None)


def random_decisions(config: ModelConfig, n: int, seed: int = 0) -> Tensor:
    """Decisions drawn evenly, int64 (n, gated blocks)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(len(config.option_set), (n, config.gated_blocks), generator=generator)


def settled_network(config: ModelConfig, seed: int = 0) -> DFSNet:
    """A network in evaluation mode whose batch norms have seen every option, and whose gates tell images apart."""
    return remembered(_settled_network, config, seed)


def _settled_network(config: ModelConfig, seed: int) -> DFSNet:
    model = make_network(config, seed)
    images = inputs(48, seed=11)
    with torch.no_grad():
        for turn in range(6):
            if config.policy == "cascade":
                for option in range(len(config.option_set)):
                    model.train().uniform(model.enter(images), option)
                continue
            forced = random_decisions(config, len(images), seed=turn) if config.policy == "recurrent" else None
            model.train()(images, forced=forced)
        calibrate(model.eval(), images)
    if config.policy == "recurrent":
        _tell_apart(model, images)
    return model


@torch.no_grad()
def _tell_apart(model: DFSNet, images: Tensor) -> None:
    """Shift the options' biases until none is preferred on average, so that every option is somebody's choice."""
    for _ in range(20):
        mean = model(images).probabilities.clamp_min(1e-6).log().mean(dim=(0, 1))
        model.policy.to_options.bias -= 0.7 * (mean - mean.mean())
