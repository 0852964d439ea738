"""Time the published networks on the engine, beside what a user would run instead. All of it in one run, by turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint
from dfs_core.data.augment import normalise
from dfs_core.engine.compiled import CompiledNet
from dfs_core.engine.engine import Kernels, compile_network
from dfs_core.engine.rivals import Plain, openvino_int8
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import exact
from dfs_core.machine import medians_by_turns

BATCHES = (1, 16, 128)
ROUNDS, WARM_UP = 15, 2
REFERENCE = "PyTorch, float32"  # the backbone with its batch norms folded: what every speed is relative to
TIMED = (
    ("resnet38", None),
    ("static8-resnet38", None),
    ("cascade-resnet38", 0.5),
    ("cascade-resnet38", 1.0),
    ("cascade-resnet38", 5.0),
    ("lowbit-resnet38", 1.0),
    ("lowbit-resnet38", 1.56),
    ("lowbit-resnet38", 5.0),
    ("dfs-resnet38", 10.0),
    ("dfs-resnet38", 20.0),
    ("skipnet-resnet38", 40.0),
)
Action = Callable[[Tensor], object]


class Timing(NamedTuple):
    """The time of one network at one batch size.

    Attributes:
        what: its name.
        batch: images in a batch.
        ms: milliseconds of processor time for a batch, the median of the rounds.
        speed: of the reference's median to this one.
    """

    what: str
    batch: int
    ms: float
    speed: float


def run(images: Tensor, kernels: Kernels = "auto", threads: int = 1) -> Iterator[Timing]:
    """Time each published network of ResNet-38 on CIFAR-10, and the rivals that are installed.

    Args:
        images: test images, uint8 (N, 3, 32, 32) with N of at least 128.
        kernels: as for ``compile_network``.
        threads: that PyTorch and OpenVINO may use.

    Raises:
        UserError: the backbone is not among the published checkpoints, or there are too few images.
    """
    if len(images) < max(BATCHES):
        raise UserError(f"timing needs {max(BATCHES)} images, and there are {len(images)}")
    torch.set_num_threads(threads)
    backbone = load_checkpoint("resnet38-cifar10")
    pixels = normalise(images[: max(BATCHES)], backbone.card.mean, backbone.card.std)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    engines = {name: _on_the_engine(*found, kernels) for name, found in _published()}
    for batch in BATCHES:
        plain = Plain(CompiledNet.of(backbone.model), len(backbone.model.costs) - 1, rounded=False)
        actions: dict[str, Action] = {REFERENCE: plain} | engines
        if (rival := _rival(threads, batch)) is not None:
            actions["OpenVINO, static 8 bits"] = rival
        medians = _medians(actions, pixels[:batch])
        for name, seconds in medians.items():
            yield Timing(name, batch, 1000 * seconds, medians[REFERENCE] / seconds)


def _published() -> Iterator[tuple[str, tuple[Checkpoint, float | None]]]:
    for family, budget in TIMED:
        by_budget = f"-b{budget:g}" if family.startswith("dfs") else ""
        name = f"{family}-cifar10{by_budget}"
        try:
            checkpoint = load_checkpoint(name)
            checkpoint.card.config.operating_point(budget)
        except UserError:  # not published here, or not for this budget
            continue
        yield name if by_budget or budget is None else f"{name} at {budget:g} %", (checkpoint, budget)


def _on_the_engine(checkpoint: Checkpoint, budget: float | None, kernels: Kernels) -> Action:
    model = checkpoint.model
    engine = compile_network(model, kernels)
    return lambda x: model(x, budget=budget, execution=engine)


def _rival(threads: int, batch: int) -> Action | None:
    try:
        model = load_checkpoint("static8-resnet38-cifar10").model
    except UserError:
        return None
    return openvino_int8(CompiledNet.of(model), model.config.option_set.index("8"), threads, batch)


def _medians(actions: dict[str, Action], images: Tensor) -> dict[str, float]:
    """Median seconds of processor time of each action."""
    bound = {name: partial(action, images) for name, action in actions.items()}
    with exact(images.device):
        return medians_by_turns(bound, ROUNDS, WARM_UP, time.process_time)
