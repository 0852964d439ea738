"""What the objective charges for an option: its cp, or its time on a machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, NetworkShape, kind_of
from dfs_core.timing.kept import read_calibration
from dfs_core.training.train_config import TrainConfig

DIGITS = 6  # of a charge


def with_charges(config: TrainConfig) -> TrainConfig:
    """The same run with what its calibration says; itself if it is charged for cp, or names a file that has gone and
    has the charges already, as the configuration of a finished run does.

    Raises:
        UserError: the calibration cannot be read, is of a network of another shape, or allows no such budget.
    """
    if config.cost == "cp" or (config.charges and not Path(config.calibration).exists()):
        return config
    try:
        charges = time_charges(read_calibration(Path(config.calibration)), config.model)
        least = 100 * float(charges.min(axis=1).mean())
        if config.model.budget is not None and config.model.budget <= least:
            raise UserError(f"to skip every block takes {least:.1f} % of the time, so a budget must be above that")
    except UserError as error:
        raise UserError(f"calibration {config.calibration}: {error}") from None
    return replace(config, charges=tuple(map(tuple, charges.tolist())))


def time_charges(calibration: Calibration, config: ModelConfig) -> np.ndarray:
    """Times in the largest batch that was measured, relative to the mean block under the costliest option: (blocks, K).

    Raises:
        UserError: the calibration is of a network of another shape, or holds no time of a block.
    """
    if NetworkShape.of(config) != calibration.network:
        raise UserError("it is of a network of another shape: measure a checkpoint of this network and these options")
    kinds = [calibration.network.kinds.index(kind_of(option)) for option in config.option_set]
    times = np.array([[block[kind][-1] for kind in kinds] for block in calibration.blocks])
    full = times[:, -1].mean()
    if not full > 0:
        raise UserError("it has no time for a block in full: measure again")
    return np.asarray((times / full).round(DIGITS))
