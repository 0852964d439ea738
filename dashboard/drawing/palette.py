"""Colours of the charts in the light and the dark theme.

2, 3, 4, 8, 16 bits and full differ in lightness, so that readers can distinguish them without seeing hue. Other bit
widths are interpolated, so an option has the same colour in every checkpoint. More computation has more contrast to the
background: darker in the light theme, brighter in the dark one. An option has the same hue in both, so that a slide,
which is always light, matches the screen that it was made on. A skipped block is not filled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dfs_core.model.options import FULL_BITS, Option

# Bit widths of the ramps' colours. They include 3, because otherwise 2, 3 and 4 bits would look alike.
_STOPS = (2, 3, 4, 8, 16, FULL_BITS)
# Lightness (CIE L*) 90, 79, 66, 49, 32, 15 and 22, 35, 46, 59, 77, 95. Hue (OKLCH) 105, 145, 188, 235, 275, 315 degrees
# in both: yellow, green, teal, blue, violet, purple.
_LIGHT_RAMP = ("#eae69f", "#97d298", "#2eb2a9", "#167dac", "#3b439a", "#3f0c51")
_DARK_RAMP = ("#3a3601", "#1f5e25", "#097c75", "#2e97cb", "#aebbfa", "#f8edfe")


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours that charts use in one theme.

    Attributes:
        background: of the page.
        ink: main text and lines.
        muted: secondary text and lines, and published points.
        faint: borders and bands.
        accent: what is selected, and the image in focus.
        wrong: wrong predictions.
        ramp: the options 2, 3, 4, 8, 16 bits and full.
        families: measured families, in the order in which they are listed.
        cascade: the family of cascades, and what was looked at again.
    """

    background: str
    ink: str
    muted: str
    faint: str
    accent: str
    wrong: str
    ramp: tuple[str, ...]
    families: tuple[str, ...]
    cascade: str

    def option(self, name: str) -> str:
        """Fill of an option's cell; the background for skip."""
        bits = Option.parse(name).bits
        if not bits:
            return self.background
        place = np.interp(math.log2(bits), np.log2(_STOPS), range(len(_STOPS)))
        return between(self.ramp, float(place) / (len(_STOPS) - 1))

    def cell(self, name: str) -> dict[str, str]:
        """Look of an option's cell: ``fill``, ``edge`` and, for text on it, ``ink``."""
        fill = self.option(name)
        return {"fill": fill, "ink": self.text_on(fill), "edge": self.faint if fill == self.background else fill}

    def text_on(self, fill: str) -> str:
        """Dark or white text colour, whichever has more contrast on ``fill``."""
        return "#0b1216" if luminance(fill) > 0.2 else "#ffffff"


LIGHT = Palette(
    background="#fcfcfa",
    ink="#17242b",
    muted="#66757d",
    faint="#dce2e0",
    accent="#c2410c",
    wrong="#b3261e",
    ramp=_LIGHT_RAMP,
    families=("#1f62a8", "#8a4a9f", "#3f4c54", "#0f7a55", "#9a6700", "#a8324a"),
    cascade="#b0138f",
)
DARK = Palette(
    background="#10171b",
    ink="#e7eef0",
    muted="#96a5ac",
    faint="#2c3a42",
    accent="#ff9d5c",
    wrong="#ff8f85",
    ramp=_DARK_RAMP,
    families=("#6fb4f5", "#d59ae6", "#c9d3d8", "#5fd0a5", "#e3b341", "#f58ca2"),
    cascade="#ff7be0",
)


def palette(theme: str | None) -> Palette:
    """The palette for Streamlit's theme type: ``dark``, or light for anything else."""
    return DARK if theme == "dark" else LIGHT


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2), from 0 for black to 1 for white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def between(ramp: tuple[str, ...], position: float) -> str:
    """The colour at a position from 0 to 1 on a ramp of evenly spaced colours."""
    scaled = position * (len(ramp) - 1)
    start = min(int(scaled), len(ramp) - 2)
    share = scaled - start
    pairs = zip(_rgb(ramp[start]), _rgb(ramp[start + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
