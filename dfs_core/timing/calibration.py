"""A calibration: milliseconds of each part of a network on one machine, and from them the time of any decisions.

It holds no tensors and needs no torch, so pages can read one that was measured before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from msgspec import Meta

from dfs_core.checked import Count, Word
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN
from dfs_core.model.options import Option

Kind = Literal["skip", "few bits", "8 bits", "real"]  # what an engine tells apart among options
KernelNames = Literal["library", "native"]
WHOLE = 8  # bits: with more, an engine does not round at all
Milliseconds = Annotated[float, Meta(ge=0, le=1e9, description="a time in milliseconds, 0 or more")]
Sizes = tuple[Milliseconds, ...]  # of a whole batch, one for each measured size


def kind_of(option: Option) -> Kind:
    """What an engine runs for an option: all options of a kind take the same time.

    >>> kind_of(Option.parse("4")), kind_of(Option.parse("16"))
    ('few bits', 'real')
    """
    if option.is_skip:
        return "skip"
    return "real" if option.bits > WHOLE else "8 bits" if option.bits == WHOLE else "few bits"


@dataclass(frozen=True, slots=True)
class NetworkShape:
    """All of a network that its time depends on. Checkpoints that share it share a calibration.

    Attributes:
        kinds: of its options, each once, cheapest first. The other fields are those of ``ModelConfig``.
    """

    architecture: Word
    depth: int
    width: float
    image_size: Count
    classes: Count
    policy: Word
    gate_width: Count
    ungated: Count
    kinds: tuple[Kind, ...]

    @classmethod
    def of(cls, config: ModelConfig) -> Self:
        """The shape of a network with this configuration."""
        return cls(
            architecture=config.architecture,
            depth=config.depth,
            width=config.width,
            image_size=config.image_size,
            classes=config.classes,
            policy=config.policy,
            gate_width=config.gate_width,
            ungated=config.ungated,
            kinds=tuple(dict.fromkeys(map(kind_of, config.option_set))),
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what a calibration was measured.

    Attributes:
        processor: its name.
        cores: of the processor, as the system counts them.
        system: operating system.
        torch: version of PyTorch.
        version: of DFS Explorer and its engine.
    """

    processor: Word
    cores: Count
    system: Word
    torch: Word
    version: Word

    def in_words(self, threads: int, kernels: KernelNames) -> str:
        """The machine, what the engine uses of it, and versions, in one line."""
        used = "1 thread" if threads == 1 else f"{threads} threads"
        named = f"{self.processor}, {self.cores} cores ({used}), {self.system}"
        return f"{named}; {kernels} kernels, PyTorch {self.torch}, DFS Explorer {self.version}"


class ImageTime(NamedTuple):
    """Milliseconds of one image, part by part.

    Attributes:
        enter: stem and first block.
        policy: of each gated block, to decide over it.
        blocks: of each gated block, to run it; in a cascade, all passes together.
        answer: pooling and classifier, and in a cascade the choice whether to look again; all passes together.
    """

    enter: float
    policy: tuple[float, ...]
    blocks: tuple[float, ...]
    answer: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.enter + sum(self.policy) + sum(self.blocks) + self.answer


@dataclass(frozen=True, slots=True)
class Calibration:
    """Measured milliseconds of a whole batch, for each of ``sizes``.

    Attributes:
        network: what was measured.
        machine: where.
        threads: that PyTorch and the engine might use.
        kernels: of the engine: ``native``, or PyTorch's own (``library``).
        date: when, in ISO 8601.
        sizes: images in a batch, rising.
        enter: stem and first block; in a cascade, also what it does once for a batch.
        answer: pooling and classifier; in a cascade, also the choice whether to look again, once for each pass.
        policy: for each gated block, to decide over it.
        sorting: for each gated block, to sort the images by decision where they do not lie sorted.
        blocks: for each gated block and each of ``network.kinds``, to run all images under it.

    Raises:
        UserError: the fields do not fit each other.
    """

    network: NetworkShape
    machine: Machine
    threads: Count
    kernels: KernelNames
    date: Word
    sizes: tuple[Count, ...]
    enter: Sizes
    answer: Sizes
    policy: tuple[Sizes, ...]
    sorting: tuple[Sizes, ...]
    blocks: tuple[tuple[Sizes, ...], ...]

    def __post_init__(self) -> None:
        kinds, count = len(self.network.kinds), len(self.blocks)
        rows = [self.enter, self.answer, *self.policy, *self.sorting, *(row for block in self.blocks for row in block)]
        fits = len(self.policy) == len(self.sorting) == count and all(len(block) == kinds for block in self.blocks)
        rising = all(a < b for a, b in zip(self.sizes, self.sizes[1:], strict=False))
        if not (self.sizes and rising and fits and all(len(row) == len(self.sizes) for row in rows)):
            raise UserError("the parts of the calibration do not fit each other: measure again")

    @property
    def in_words(self) -> str:
        """Machine, kernels and versions in one line."""
        return self.machine.in_words(self.threads, self.kernels)

    def predict(self, config: ModelConfig, decisions: np.ndarray, batch: int) -> float:
        """Milliseconds an image for given decisions.

        Args:
            config: of the network; its shape is this calibration's.
            decisions: option indices (N, gated blocks); of a cascade those of every pass (N, passes, gated blocks),
                with ``NOT_RUN`` in passes that an image did not need.
            batch: images that run at a time, in the order of ``decisions``.

        Raises:
            UserError: another network was calibrated, or there are no decisions.
        """
        kinds = self._kinds(config)
        passes = np.asarray(decisions)
        passes = passes[:, None] if passes.ndim == 2 else passes
        if not len(passes):
            raise UserError("there are no decisions to predict the time of")
        parts = (passes[start : start + batch] for start in range(0, len(passes), batch))
        return sum(self._batch(part, kinds) for part in parts) / len(passes)

    def of_image(self, config: ModelConfig, passes: Sequence[Sequence[str]], batch: int) -> ImageTime:
        """Milliseconds of one image, as its share of a batch in which all images decide as it does.

        Args:
            config: as for ``predict``.
            passes: option names of each pass that the image needs; one pass, except in a cascade.
            batch: images that run at a time.

        Raises:
            UserError: another network was calibrated.
        """
        kinds, names = self._kinds(config), config.option_set.names
        blocks = [
            sum(self._at(times[kinds[names.index(chosen[index])]], batch) for chosen in passes)
            for index, times in enumerate(self.blocks)
        ]
        return ImageTime(
            self._at(self.enter, batch) / batch,
            tuple(self._at(row, batch) / batch for row in self.policy),
            tuple(block / batch for block in blocks),
            len(passes) * self._at(self.answer, batch) / batch,
        )

    def _kinds(self, config: ModelConfig) -> list[int]:
        """For each option of a network, the position of its kind."""
        if NetworkShape.of(config) != self.network:
            raise UserError("the calibration is of a network of another shape: measure this one")
        return [self.network.kinds.index(kind_of(option)) for option in config.option_set]

    def _at(self, times: Sizes, count: int) -> float:
        """The time of a batch of any size: between measured sizes by proportion, beyond them by images."""
        if count > self.sizes[-1]:
            return times[-1] * count / self.sizes[-1]
        return float(np.interp(count, self.sizes, times))

    def _batch(self, passes: np.ndarray, kinds: Sequence[int]) -> float:
        """Milliseconds of one batch: decisions (N, passes, blocks)."""
        count = len(passes)
        total = self._at(self.enter, count) + sum(self._at(row, count) for row in self.policy)
        for number in range(passes.shape[1]):
            chosen = passes[:, number]
            chosen = chosen[(chosen != NOT_RUN).all(axis=1)]
            if not len(chosen):
                break
            run = self._one_by_one if self.kernels == "native" else self._in_groups
            total += self._at(self.answer, len(chosen)) + run(chosen, kinds)
        return total

    def _one_by_one(self, chosen: np.ndarray, kinds: Sequence[int]) -> float:
        """All blocks on native kernels, which take image after image: each takes its share of a uniform batch."""
        count = len(chosen)
        taken = np.array([np.bincount(np.take(kinds, column), minlength=max(kinds) + 1) for column in chosen.T]) / count
        return sum(
            share * self._at(times, count)
            for block, shares in zip(self.blocks, taken, strict=True)
            for times, share in zip(block, shares, strict=False)
            if share
        )

    def _in_groups(self, chosen: np.ndarray, kinds: Sequence[int]) -> float:
        """All blocks on PyTorch's kernels, which take the images of an option together, and sort them if need be."""
        total = 0.0
        for times, sorting, column in zip(self.blocks, self.sorting, range(chosen.shape[1]), strict=True):
            groups = [(option, len(list(same))) for option, same in groupby(chosen[:, column].tolist())]
            if len(groups) > len({option for option, _ in groups}):
                chosen = chosen[np.argsort(chosen[:, column], kind="stable")]
                groups = [(option, len(list(same))) for option, same in groupby(chosen[:, column].tolist())]
                total += self._at(sorting, len(chosen))
            total += sum(self._at(times[kinds[option]], count) for option, count in groups)
        return total
