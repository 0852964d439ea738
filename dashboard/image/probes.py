"""Probes of one image: forced gates, the margin of a decision, stability under small changes.

The caller passes the model; every result is plain data.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dashboard.answers.parameters import whole_number
from dashboard.answers.shared_predictor import PointModel
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import OptionSet
from dfs_core.trace import DecisionTrace

JPEG_QUALITIES = (90, 50)
DECIDES = -1  # instead of an option's index: the policy decides


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The traces of an image with free and with forced gates.

    Attributes:
        free: trace without forced gates.
        forced: trace with forced gates.
        gates: the forced options, by gate index from 0.
        held: whether all other gates kept their free decision; otherwise later gates decided again.
    """

    free: DecisionTrace
    forced: DecisionTrace
    gates: Mapping[int, str]
    held: bool

    @property
    def followed(self) -> tuple[int, ...]:
        """Indices of gates that were not forced but changed their decision; none in a cascade, which has no gates."""
        if self.free.passes:
            return ()
        return tuple(block for block in flips(self.free, self.forced) if block not in self.gates)


@dataclass(frozen=True, slots=True)
class Variant:
    """The image after a small change that does not change its class, with its trace."""

    name: str
    pixels: np.ndarray
    trace: DecisionTrace


def force(
    model: PointModel,
    pixels: np.ndarray,
    free: DecisionTrace,
    gates: Mapping[int, str],
    *,
    hold: bool,
) -> WhatIf:
    """Predict an image with some gates forced.

    Args:
        model: the model, at the operating point of ``free``.
        pixels: the image, uint8 (S, S, 3).
        free: its trace without forced gates.
        gates: options to force, by gate index from 0.
        hold: keep all other decisions; otherwise the gates after a forced one get another input and decide again. In
            a cascade the other blocks always do what their pass says.
    """
    if not gates:
        return WhatIf(free, free, {}, hold)
    others = free.decisions if hold and not free.passes else (None,) * len(free.decisions)
    names = [gates.get(block, other) for block, other in enumerate(others)]
    row = [DECIDES if name is None else free.options.index(name) for name in names]
    (forced,) = model.predict([pixels], forced=np.array([row], np.int64))
    return WhatIf(free, forced, dict(gates), hold)


def stability(model: PointModel, pixels: np.ndarray) -> tuple[Variant, ...]:
    """Traces of the image mirrored and after JPEG compression; ``pixels`` is the network's input, uint8 (S, S, 3)."""
    changed = {"mirrored": np.ascontiguousarray(pixels[:, ::-1])}
    changed |= {f"JPEG {quality}": through_jpeg(pixels, quality) for quality in JPEG_QUALITIES}
    traces = model.predict(list(changed.values()))
    return tuple(Variant(name, changed[name], trace) for name, trace in zip(changed, traces, strict=True))


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """An image, uint8 (height, width, 3), after JPEG compression."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer, formats=["JPEG"]).convert("RGB"))


def flips(one: DecisionTrace, other: DecisionTrace) -> tuple[int, ...]:
    """Indices of the gates, from 0, at which two decision vectors of one network differ."""
    pairs = zip(one.decisions, other.decisions, strict=True)
    return tuple(block for block, (a, b) in enumerate(pairs) if a != b)


def margin(probabilities: Sequence[float]) -> float:
    """Probability of the most probable option minus that of the next, 0 to 1; 1 if there is no other option.

    >>> margin((0.25, 0.5, 0.25))
    0.25
    """
    first, *rest = sorted(probabilities, reverse=True)
    return first - rest[0] if rest else 1.0


def read_gates(text: str, options: OptionSet, blocks: int) -> tuple[dict[int, str], str]:
    """Read forced gates from a link, where they have block numbers; returns gate indices, and a note on errors.

    >>> read_gates("5:skip,9:8", OptionSet.parse("paper-small"), blocks=17)
    ({3: 'skip', 7: '8'}, '')
    """
    gates, strange = {}, []
    for word in filter(None, text.split(",")):
        number, _, option = word.partition(":")
        block = whole_number(number, FIRST_GATED, FIRST_GATED + blocks - 1)
        if block is not None and option in options.names:
            gates[block - FIRST_GATED] = option
        else:
            strange.append(word)
    note = f"This network has no such gate or option: {', '.join(strange)}. Not forced." if strange else ""
    return dict(sorted(gates.items())), note


def write_gates(gates: Mapping[int, str]) -> str:
    """The inverse of ``read_gates``."""
    return ",".join(f"{block + FIRST_GATED}:{option}" for block, option in sorted(gates.items()))
