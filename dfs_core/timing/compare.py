"""Time a network on images, on its engine and in the float simulation, beside what the calibration predicts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from dfs_core.engine import Engine
from dfs_core.evaluation.evaluate import exact
from dfs_core.machine import medians_by_turns
from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSNet
from dfs_core.timing.calibration import Calibration
from dfs_core.timing.clock import MS, ROUNDS, Clock


@dataclass(frozen=True, slots=True)
class Timed:
    """Milliseconds an image, as medians of rounds in one run.

    Attributes:
        images: how many were timed.
        engine: on the engine.
        grouped: in the float simulation.
        predicted: from the calibration, for the decisions that the engine took.
    """

    images: int
    engine: float
    grouped: float
    predicted: float


def time_network(
    model: DFSNet,
    engine: Engine,
    calibration: Calibration,
    images: Tensor,
    batch: int,
    budget: float | None = None,
    clock: Clock = time.perf_counter,
) -> Timed:
    """Time a network.

    Args:
        model: the network, in evaluation mode.
        engine: the network's engine.
        calibration: of networks of its shape.
        images: normalised, (N, 3, S, S).
        batch: images that run at a time.
        budget: cp in percent; None for the usual budget.
        clock: the time in seconds.

    Raises:
        UserError: the network cannot serve this budget, or the calibration is of another network.
    """
    parts, taken = images.split(batch), []

    def run_all(execution: Engine | Execution) -> None:
        for part in parts:
            model(part, budget=budget, execution=execution)

    with exact(images.device):
        for part in parts:
            output = model(part, budget=budget, execution=engine)
            taken.append(output.decisions if output.passes is None else output.passes.decisions)
        model(parts[0], budget=budget)  # the first call prepares its kernels
        on_engine = partial(run_all, engine)
        # The float simulation leaves nothing of the engine in the caches, so an engine's run before the timed one.
        actions = {"before": on_engine, "engine": on_engine, "grouped": partial(run_all, "grouped")}
        seconds = medians_by_turns(actions, ROUNDS, 0, clock)
    medians = {name: MS * value / len(images) for name, value in seconds.items()}
    predicted = calibration.predict(model.config, torch.cat(taken).numpy(), batch)
    return Timed(len(images), medians["engine"], medians["grouped"], predicted)
