"""Options: what a gated block can do for an image. Bit widths and their costs are written in this file alone.

An option is a bit width. 0 bits skips the block. 32 bits runs it in full precision. Any width between quantises the
weights and activations of all its convolutions. The paper's formula gives every cost: (bits / 32)^2, from 0 for skip to
1 for full (method section 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dfs_core.errors import UserError

FULL_BITS = 32
QUANTISED_BITS = range(2, 17)
BIT_RANGE = f"{QUANTISED_BITS[0]} to {QUANTISED_BITS[-1]}"

NAMED_SETS = {
    "paper": "skip,8,10,12,14,16,full",
    "paper-small": "skip,8,16,full",
    "lowbit": "skip,2,3,4,8,full",
    "skipnet": "skip,full",
}


@dataclass(frozen=True, order=True, slots=True)
class Option:
    """One way to execute a block; ordered by cost.

    Attributes:
        bits: 0 (skip), 2 to 16 (weights and activations quantised), or 32 (full precision).

    >>> Option(8).name, Option(8).cost
    ('8', 0.0625)
    """

    bits: int

    def __post_init__(self) -> None:
        if self.bits not in (0, FULL_BITS) and self.bits not in QUANTISED_BITS:
            raise UserError(f"an option of {self.bits} bits does not exist: use skip, full or {BIT_RANGE} bits")

    @classmethod
    def parse(cls, text: str) -> Option:
        """Read ``skip``, ``full`` or a number of bits.

        Raises:
            UserError: the text is none of these.
        """
        word = text.strip().lower()
        if word in ("skip", "full"):
            return cls(0 if word == "skip" else FULL_BITS)
        if word.isascii() and word.isdigit() and int(word) in QUANTISED_BITS:
            return cls(int(word))
        raise UserError(f"'{text.strip()}' is not an option: use skip, full or a bit width from {BIT_RANGE}")

    @property
    def name(self) -> str:
        """``skip``, ``full``, or the bit width in digits."""
        return {0: "skip", FULL_BITS: "full"}.get(self.bits, str(self.bits))

    @property
    def cost(self) -> float:
        """Cost relative to the full block, from 0 to 1: (bits / 32)^2."""
        return (self.bits / FULL_BITS) ** 2

    @property
    def is_skip(self) -> bool:
        """Whether the block is skipped: its output is then its shortcut."""
        return self.bits == 0

    @property
    def is_quantised(self) -> bool:
        """Whether weights and activations are rounded."""
        return 0 < self.bits < FULL_BITS


@dataclass(frozen=True, slots=True)
class OptionSet:
    """The options that a policy chooses from, cheapest first. A decision is an index into this set.

    Raises:
        UserError: the set is empty, or its options are not different and in order of cost.
    """

    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise UserError("an option set needs at least one option, such as 'skip,8,full'")
        if any(a >= b for a, b in zip(self.options, self.options[1:], strict=False)):
            raise UserError(f"options must be different and in order of cost; got {','.join(self.names)}")

    @classmethod
    @lru_cache(maxsize=64)
    def parse(cls, text: str) -> OptionSet:
        """Read a named set (``paper``, ``paper-small``, ``lowbit``, ``skipnet``) or a list such as ``skip,4,8,full``.

        Raises:
            UserError: an unknown word, an option named twice, or options out of order.
        """
        listed = NAMED_SETS.get(text.strip().lower(), text)
        try:
            return cls(tuple(Option.parse(word) for word in listed.split(",")))
        except UserError as error:
            raise UserError(f"option set '{text}': {error} (or a named set: {', '.join(NAMED_SETS)})") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Option names in order, such as ``('skip', '8', 'full')``."""
        return tuple(option.name for option in self.options)

    @property
    def costs(self) -> tuple[float, ...]:
        """Relative cost of each option, in order."""
        return tuple(option.cost for option in self.options)

    def index(self, name: str) -> int:
        """Index of the option called ``name``.

        Raises:
            UserError: the set has no such option.
        """
        if name not in self.names:
            raise UserError(f"option '{name}' is not in this set: {', '.join(self.names)}")
        return self.names.index(name)

    def __len__(self) -> int:
        return len(self.options)

    def __iter__(self) -> Iterator[Option]:
        return iter(self.options)

    def __getitem__(self, index: int) -> Option:
        return self.options[index]

    def __str__(self) -> str:
        return ",".join(self.names)
