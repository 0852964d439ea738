"""Questions about one image: what if a gate were forced, how close was a decision, does it survive a small change.

No Streamlit and no network here: whoever asks gives an object that predicts, and every answer is plain data.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dashboard.answers.engine import Asked
from dashboard.answers.parameters import whole_number
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import OptionSet
from dfs_core.trace import DecisionTrace

NEAR_TIE = 0.1  # of probability: a lead below this is a near tie
JPEG_QUALITIES = (90, 50)
DECIDES = -1  # in place of an option's index where the policy decides


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Free decisions beside those with some gates forced.

    Attributes:
        free: what the policy decides.
        forced: what comes of the forced gates.
        gates: the option imposed, by gated block from 0.
        held: whether all other gates were kept as in ``free``; otherwise later ones decided anew.
    """

    free: DecisionTrace
    forced: DecisionTrace
    gates: Mapping[int, str]
    held: bool

    @property
    def followed(self) -> tuple[int, ...]:
        """Gated blocks that were not forced and yet decide otherwise than before."""
        return tuple(block for block in flips(self.free, self.forced) if block not in self.gates)


@dataclass(frozen=True, slots=True)
class Variant:
    """The image after a small change that leaves its class as it is, and what is decided then."""

    name: str
    pixels: np.ndarray
    trace: DecisionTrace


def force(
    model: Asked,
    pixels: np.ndarray,
    free: DecisionTrace,
    gates: Mapping[int, str],
    *,
    hold: bool,
) -> WhatIf:
    """What changes if some gates are not free.

    Args:
        model: who predicts, at the same budget and price.
        pixels: the image, uint8 (S, S, 3).
        free: what is decided for it without force.
        gates: the option to impose, by gated block from 0.
        hold: keep all other decisions; otherwise the gates behind a forced one see another input and decide anew.
    """
    if not gates:
        return WhatIf(free, free, {}, hold)
    others = free.decisions if hold else (None,) * len(free.decisions)
    names = [gates.get(block, other) for block, other in enumerate(others)]
    row = [DECIDES if name is None else free.options.index(name) for name in names]
    (forced,) = model.predict([pixels], forced=np.array([row], np.int64))
    return WhatIf(free, forced, dict(gates), hold)


def stability(model: Asked, pixels: np.ndarray) -> tuple[Variant, ...]:
    """The decisions for the image in a mirror and after JPEG, both made from what the network sees."""
    changed = {"mirrored": np.ascontiguousarray(pixels[:, ::-1])}
    changed |= {f"JPEG {quality}": through_jpeg(pixels, quality) for quality in JPEG_QUALITIES}
    traces = model.predict(list(changed.values()))
    return tuple(Variant(name, changed[name], trace) for name, trace in zip(changed, traces, strict=True))


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """What is left of a picture, uint8 (height, width, 3), once it was saved as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer, formats=["JPEG"]).convert("RGB"))


def flips(one: DecisionTrace, other: DecisionTrace) -> tuple[int, ...]:
    """Gated blocks, from 0, in which two traces of one network decide differently."""
    pairs = zip(one.decisions, other.decisions, strict=True)
    return tuple(block for block, (a, b) in enumerate(pairs) if a != b)


def lead(probabilities: Sequence[float]) -> float:
    """How far the most probable option is ahead of the next, 0 to 1; 1 where there is no other.

    >>> lead((0.25, 0.5, 0.25))
    0.25
    """
    first, *rest = sorted(probabilities, reverse=True)
    return first - rest[0] if rest else 1.0


def read_gates(text: str, options: OptionSet, blocks: int) -> tuple[dict[int, str], str]:
    """Forced gates as a link writes them, by block number in the network, and a note on what does not fit.

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
    note = f"This network cannot force {', '.join(strange)}: no such gate or option. Left free." if strange else ""
    return dict(sorted(gates.items())), note


def write_gates(gates: Mapping[int, str]) -> str:
    """What ``read_gates`` reads."""
    return ",".join(f"{block + FIRST_GATED}:{option}" for block, option in sorted(gates.items()))
