"""What the objective charges for an option: its cp, or its time on a machine."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, NetworkShape, kind_of
from dfs_core.timing.kept import read_calibration
from dfs_core.training.train_config import TrainConfig


def charges_of(config: TrainConfig) -> Tensor | None:
    """The charge of each option of each gated block, relative to a block in full, (blocks, K); None for cp.

    Raises:
        UserError: the calibration cannot be read, or is of a network of another shape.
    """
    if config.cost == "cp":
        return None
    try:
        return time_charges(read_calibration(Path(config.calibration)), config.model)
    except UserError as error:
        raise UserError(f"calibration {config.calibration}: {error}") from None


def time_charges(calibration: Calibration, config: ModelConfig) -> Tensor:
    """Times in the largest batch that was measured, relative to the mean block under the costliest option: (blocks, K).

    Raises:
        UserError: the calibration is of a network of another shape.
    """
    if NetworkShape.of(config) != calibration.network:
        raise UserError("it is of a network of another shape: measure a checkpoint of this network and these options")
    kinds = [calibration.network.kinds.index(kind_of(option)) for option in config.option_set]
    times = torch.tensor([[block[kind][-1] for kind in kinds] for block in calibration.blocks])
    full = times[:, -1].mean()
    if not full > 0:
        raise UserError("it has no time for a block in full: measure again")
    return times / full
