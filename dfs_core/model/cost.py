"""The cost of decisions, by four measures between which a user can switch.

One multiply-accumulate (MAC) of a b_w-bit weight and a b_a-bit activation is b_w x b_a bit operations. An average pool
counts one 32 x 32-bit MAC for each value that it adds. A max pool only compares and counts nothing. Every cost is in
percent of the plain full-precision network without gates, so 100 % means the same for every method.

- ``cp``, the paper's computation percentage (method section 1): the mean of (bits / 32)^2 over gated blocks. All blocks
  count the same. Stem, first block, shortcuts, classifier and gates are left out.
- ``macs``: executed MACs, whatever their precision. Only skipping reduces it.
- ``bitops``, the all-in cost: every MAC of the network with gates and pooling, weighted by b_w x b_a / 1024.
- ``energy``: every MAC of the network, weighted by the energy of its multiplication and addition on a 45 nm chip
  (``mac_energy``). Memory traffic is not counted, although it often costs more than the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED, BlockShape
from dfs_core.model.options import FULL_BITS, Option

NOT_RUN = -1  # in the place of an option's index: a pass that an image did not need
ONE_SHOT_GRID = 4  # the one-shot policy pools its input to a grid of this side

# Energy of one operation in pJ: M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014,
# figure 1.1.9, 45 nm at 0.9 V. The first three are for integers.
ENERGY_MULTIPLY_8, ENERGY_MULTIPLY_32, ENERGY_ADD_32 = 0.2, 3.1, 0.1
ENERGY_MULTIPLY_FLOAT, ENERGY_ADD_FLOAT = 3.7, 0.9


@dataclass(frozen=True, slots=True)
class BlockMacs:
    """MACs of one residual block: its convolutions, the 1x1 shortcut (0 if identity), and the gate before it.

    A gate averages over the block's input (``look``) and computes with the averages (``decide``).
    """

    convolutions: int
    shortcut: int
    look: int = 0
    decide: int = 0

    @property
    def gate(self) -> int:
        """All MACs of the gate."""
        return self.look + self.decide


@dataclass(frozen=True, slots=True)
class NetworkMacs:
    """MACs of a whole network for one image. ``blocks[0]`` is the first block, which always runs."""

    stem: int
    blocks: tuple[BlockMacs, ...]
    pooling: int
    classifier: int

    @property
    def plain(self) -> int:
        """MACs of the plain network: all but the gates."""
        blocks = sum(block.convolutions + block.shortcut for block in self.blocks)
        return self.stem + blocks + self.pooling + self.classifier


def count_macs(config: ModelConfig) -> NetworkMacs:
    """The MACs of every part of the network: its layout and its gates."""
    layout = config.layout
    last = layout.blocks[-1]
    blocks = tuple(BlockMacs(block.macs, block.shortcut_macs, *_gate_macs(config, block)) for block in layout.blocks)
    return NetworkMacs(layout.stem.macs, blocks, last.channels * last.size**2, last.channels * config.classes)


def _gate_macs(config: ModelConfig, block: BlockShape) -> tuple[int, int]:
    """MACs of the policy before a block: of its averages over the input, and of the rest."""
    channels, width, options = block.inputs, config.gate_width, len(config.option_set)
    values = channels * block.input_size**2
    if block.number < FIRST_GATED:
        return 0, 0
    if config.policy == "recurrent":  # average pool, linear embedding, one LSTM step, linear layer to the options
        return values, channels * width + 4 * width * (width + width) + width * options
    if config.policy == "utility":  # mean and spread, embedding, LSTM step with three features of the price, options
        return 2 * values, 2 * channels * width + 4 * width * (width + 3 + width) + width * options
    if config.policy == "confidence":  # mean and spread, a linear classifier
        return 2 * values, 2 * channels * config.classes
    if config.policy == "one-shot" and block.number == FIRST_GATED:  # pooled to a grid once, two linear layers
        pooled = channels * _grid_span(block.input_size) ** 2
        return pooled, (channels * ONE_SHOT_GRID**2 + 3) * width + width * config.gated_blocks * options
    return 0, 0  # constant and table compute nothing from the image; one-shot has decided before its first block


def _grid_span(size: int) -> int:
    """Pixels that the one-shot policy's grid adds up along one side: ``size``, or more if cells overlap."""
    cells = range(ONE_SHOT_GRID)
    return sum(-(-(cell + 1) * size // ONE_SHOT_GRID) - cell * size // ONE_SHOT_GRID for cell in cells)


def mac_energy(option: Option) -> float:
    """Energy in pJ of one multiply-accumulate under an option; 0 for skip.

    Full precision is a 32-bit float multiplication and addition: 3.7 + 0.9 = 4.6 pJ. At b bits, two b-bit integers are
    multiplied and the product is added to a 32-bit integer, which takes 0.1 pJ for any b. Horowitz gives multipliers of
    8 bits (0.2 pJ) and 32 bits (3.1 pJ). We take the power law through these two for all other widths:
    0.2 x (b / 8)^1.977. So 16, 8, 4 and 2 bits take 0.887, 0.3, 0.151 and 0.113 pJ. At few bits the addition dominates,
    so energy falls far less than bit operations.
    """
    if not option.is_quantised:
        return 0.0 if option.is_skip else ENERGY_MULTIPLY_FLOAT + ENERGY_ADD_FLOAT
    power = math.log(ENERGY_MULTIPLY_32 / ENERGY_MULTIPLY_8) / math.log(32 / 8)
    return ENERGY_MULTIPLY_8 * (option.bits / 8) ** power + ENERGY_ADD_32


@dataclass(frozen=True, slots=True)
class CostModel:
    """A measure of cost: a fixed part, plus one entry of a table for each gated block.

    Attributes:
        key: ``cp``, ``macs``, ``bitops`` or ``energy``.
        title: name for display.
        reference: cost of the plain full-precision network for one image, in the measure's own unit (= 100 %).
        fixed: cost in percent that does not depend on the decisions.
        table: cost in percent that each option adds, (gated blocks, options).
        ungated: cost of a MAC of what no policy decides over, relative to one in full precision.
        again: cost in percent of pooling and classifier in each pass of a cascade after the first.
        passes: largest number of passes.
    """

    key: str
    title: str
    reference: float
    fixed: float
    table: tuple[tuple[float, ...], ...]
    ungated: float = 1.0
    again: float = 0.0
    passes: int = 1

    def per_image(self, decisions: np.ndarray) -> np.ndarray:
        """Cost of each image in percent, every pass counted.

        Args:
            decisions: option indices, (images, blocks); for a cascade (images, passes, blocks), and ``NOT_RUN`` in the
                passes that an image did not need (``every_pass``).

        Raises:
            ValueError: a cascade's decisions say nothing of its passes.
        """
        chosen = np.asarray(decisions, dtype=np.int64)
        if chosen.ndim == 2 and self.passes == 1:
            chosen = chosen[:, None]
        if chosen.shape[1] != self.passes:
            raise ValueError(f"a cascade's costs need the decisions of all {self.passes} passes")
        run = (chosen != NOT_RUN).all(axis=2)
        spent = np.asarray(self.table)[np.arange(len(self.table)), np.where(run[..., None], chosen, 0)].sum(axis=2)
        return self.fixed + (spent * run).sum(axis=1) + self.again * (run.sum(axis=1) - 1)

    def total(self, decisions: np.ndarray) -> float:
        """Mean cost over images in percent."""
        return float(self.per_image(decisions).mean())

    def of_runs(self, runs: np.ndarray) -> float:
        """Mean cost in percent, from how often an image runs each option of each block (``option_runs``)."""
        return self.fixed + float((runs * np.asarray(self.table)).sum()) + self.again * (float(runs[0].sum()) - 1)


def every_pass(config: ModelConfig, decisions: np.ndarray, passes: np.ndarray) -> np.ndarray:
    """The decisions of every pass, from those of the last one that an image needed.

    Args:
        config: the network; the earlier passes of a cascade are the same for every image.
        decisions: option indices of each image's last pass (N, blocks).
        passes: how many passes each image needed (N,).

    Returns:
        The decisions themselves, or of a cascade (N, passes, blocks) with ``NOT_RUN`` where a pass was not needed.
    """
    if not config.passes:
        return decisions
    chosen = np.asarray([config.option_set.index(name) for name in config.passes], dtype=np.int64)
    position = np.arange(len(chosen))[None, :, None]
    last = np.asarray(passes, dtype=np.int64)[:, None, None] - 1
    earlier = np.where(position < last, chosen[None, :, None], NOT_RUN)
    return np.where(position == last, np.asarray(decisions, dtype=np.int64)[:, None], earlier)


def option_runs(config: ModelConfig, shares: np.ndarray) -> np.ndarray:
    """How often an image runs each option of each block, all passes of a cascade together.

    Args:
        config: the network.
        shares: share of the images, 0 to 1, whose last pass takes each option, (gated blocks, options).

    Returns:
        The shares themselves, or for a cascade, whose images also made every pass before their last one, their sums.
    """
    runs = np.array(shares, dtype=float)
    passes = [config.option_set.index(name) for name in config.passes]
    for index, option in enumerate(passes):
        runs[:, option] = shares[:, passes[index:]].sum(axis=1)
    return runs


def cost_models(config: ModelConfig) -> dict[str, CostModel]:
    """The four cost models of a network by key: ``cp``, ``macs``, ``bitops``, ``energy``."""
    macs = count_macs(config)
    gated = macs.blocks[1:]
    options = config.option_set
    full_mac = mac_energy(Option(FULL_BITS))
    first = macs.blocks[0]
    plain, ungated = Option(FULL_BITS), Option(config.ungated)
    always = macs.stem + first.convolutions + first.shortcut
    looks = sum(block.look for block in gated)  # at the bits of what is not gated
    decides = macs.pooling + sum(block.decide for block in gated)  # in full precision
    passes = len(config.passes) or 1

    def model(key: str, title: str, per_mac: float, weight: Callable[[Option], float]) -> CostModel:
        def spent(block: BlockMacs, option: Option) -> float:
            # The option's bits apply to the shortcut too; on skip it runs as what is not gated.
            if option.is_skip:
                return block.shortcut * weight(ungated)
            return (block.convolutions + block.shortcut) * weight(option)

        def percent(full_macs: float) -> float:
            return 100 * full_macs / macs.plain

        table = tuple(tuple(percent(spent(block, option)) for option in options) for block in gated)
        fixed = percent((always + macs.classifier + looks) * weight(ungated) + decides * weight(plain))
        again = percent(macs.classifier * weight(ungated) + macs.pooling * weight(plain)) if config.passes else 0.0
        return CostModel(key, title, macs.plain * per_mac, fixed, table, weight(ungated), again, passes)

    paper = tuple(tuple(100 * cost / len(gated) for cost in options.costs) for _ in gated)
    return {
        "cp": CostModel("cp", "Computation percentage (the paper's)", len(gated), 0.0, paper, passes=passes),
        "macs": model("macs", "Executed MACs", 1, lambda option: 1.0),
        "bitops": model("bitops", "All-in cost (bit operations)", 32 * 32, lambda option: option.cost),
        "energy": model(
            "energy", "Energy of the arithmetic (45 nm)", full_mac, lambda option: mac_energy(option) / full_mac
        ),
    }
