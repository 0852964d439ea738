"""A survey: how long each published checkpoint of a network takes on one machine, beside what a user would run instead.

It holds no tensors and needs no torch, so pages can read one that was made before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from dfs_core.checked import Budget, Count, Word
from dfs_core.timing.calibration import KernelNames, Machine, Milliseconds

Speed = Annotated[float, Meta(ge=0, le=1e9, description="a number, 0 or more")]


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one network at one batch size.

    Attributes:
        what: its name, with the budget where it serves several.
        checkpoint: name of the checkpoint that it answers as.
        budget: in percent of cp, where the checkpoint serves several; else None.
        rival: whether something else than the engine runs it.
        batch: images in a batch.
        ms: milliseconds for a batch, the median of the rounds.
        speed: of the reference's median to this one.
    """

    what: Word
    checkpoint: Word
    budget: Budget | None
    rival: bool
    batch: Count
    ms: Milliseconds
    speed: Speed

    @property
    def ms_an_image(self) -> float:
        """Milliseconds for one image."""
        return self.ms / self.batch


@dataclass(frozen=True, slots=True)
class Survey:
    """All timings of one run.

    Attributes:
        backbone: name of the plain network that all checkpoints were made from.
        machine: where.
        threads: that everything might use.
        kernels: of the engine.
        date: when, in ISO 8601.
        source: of the images, in words.
        timings: each network at each batch size.
    """

    backbone: Word
    machine: Machine
    threads: Count
    kernels: KernelNames
    date: Word
    source: Word
    timings: tuple[Timing, ...]

    @property
    def in_words(self) -> str:
        """Machine, kernels and versions in one line."""
        return self.machine.in_words(self.threads, self.kernels)

    @property
    def batches(self) -> tuple[int, ...]:
        """The batch sizes, rising."""
        return tuple(sorted({timing.batch for timing in self.timings}))
