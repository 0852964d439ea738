"""Time a network on images, on its engine and in the float simulation, beside what the calibration predicts."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dfs_core.engine import Engine
from dfs_core.evaluation.evaluate import exact
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
    parts, taken, seconds = images.split(batch), [], {"engine": [], "grouped": []}  # type: ignore[var-annotated]
    executions: dict[str, Any] = {"engine": engine, "grouped": "grouped"}
    with exact(images.device):
        for part in parts:
            output = model(part, budget=budget, execution=engine)
            taken.append(output.decisions if output.passes is None else output.passes.decisions)
        model(parts[0], budget=budget)  # the first call prepares its kernels
        for _ in range(ROUNDS):
            model(parts[0], budget=budget, execution=engine)  # the other execution has emptied the caches
            for name, execution in executions.items():
                began = clock()
                for part in parts:
                    model(part, budget=budget, execution=execution)
                seconds[name].append(clock() - began)
    medians = {name: MS * statistics.median(values) / len(images) for name, values in seconds.items()}
    predicted = calibration.predict(model.config, torch.cat(taken).numpy(), batch)
    return Timed(len(images), medians["engine"], medians["grouped"], predicted)
