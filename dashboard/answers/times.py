"""Measured times of decisions, where this machine was calibrated for the network."""

from __future__ import annotations

from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, ImageTime
from dfs_core.trace import DecisionTrace


def time_of(trace: DecisionTrace, config: ModelConfig, calibration: Calibration, batch: int) -> ImageTime:
    """The time of one image, every pass included, as its share of a batch."""
    return calibration.of_image(config, trace.every_pass, batch)


def alone(trace: DecisionTrace, config: ModelConfig, calibration: Calibration) -> float:
    """Milliseconds of one image that runs alone."""
    return time_of(trace, config, calibration, 1).total
