"""Surveys with times that a test chooses."""

from __future__ import annotations

from collections.abc import Iterable

from dfs_core.timing.calibration import Machine
from dfs_core.timing.survey import Survey, Timing

MACHINE = Machine("Test processor", 2, "Linux", "2.0", "1.0")
Made = tuple[str, float | None, bool, int, float]  # checkpoint, budget, rival, batch, ms of the batch


def survey(backbone: str, machine: Machine, timings: Iterable[Made]) -> Survey:
    """A survey in which the reference takes 10 ms a batch; a rival is called ``rival``."""
    made = tuple(
        Timing("rival" if rival else f"{name} {budget}", name, budget, rival, batch, ms, 10 / ms)
        for name, budget, rival, batch, ms in timings
    )
    return Survey(backbone, machine, 1, "library", "2026-01-01T00:00:00", "cifar10, test", made)
