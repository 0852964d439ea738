"""Options can be told apart by lightness alone, in both themes, and what is written on them can be read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dashboard.drawing.palette import DARK, LIGHT, Palette, luminance, palette
from dfs_core.model.options import NAMED_SETS

NAMES = ("2", "3", "4", "6", "8", "10", "12", "14", "16", "full")
STOPS = ("2", "3", "4", "8", "16", "full")
# OKLab (Ottosson 2020): from linear RGB to cones, and from their cube roots to lightness, a and b.
TO_LMS = np.array([[0.41222, 0.53633, 0.05145], [0.21190, 0.68070, 0.10740], [0.08830, 0.28172, 0.62998]])
TO_LAB = np.array([[0.21045, 0.79362, -0.00407], [1.97800, -2.42859, 0.45059], [0.02590, 0.78277, -0.80868]])
# Simulation of dichromacy in linear RGB (Viénot, Brettel, Mollon 1999), rows of the combined matrices.
DICHROMACY = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


def lightness(relative: float) -> float:
    """CIE L* of a relative luminance."""
    return 116 * relative ** (1 / 3) - 16 if relative > 0.008856 else 903.3 * relative


def seen_lightness(colour: str, sight: str) -> float:
    if sight == "full":
        return lightness(luminance(colour))
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    red, green, blue = (sum(w * c for w, c in zip(row, linear, strict=True)) for row in DICHROMACY[sight])
    return lightness(max(0.0, 0.2126 * red + 0.7152 * green + 0.0722 * blue))


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def hue(colour: str) -> float:
    """Hue of a colour in OKLCH, in degrees."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels])
    _, a, b = TO_LAB @ np.cbrt(TO_LMS @ linear)
    return float(np.degrees(np.arctan2(b, a)))


def apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def test_a_hue_means_one_option_in_both_themes_and_so_on_the_screen_and_on_slides():
    light, dark = ({name: hue(colours.option(name)) for name in STOPS} for colours in (LIGHT, DARK))
    for name, seen in dark.items():
        assert min(light, key=lambda other: apart(light[other], seen)) == name
        assert apart(light[name], seen) < 3
    assert min(apart(a, b) for a, b in itertools.combinations(light.values(), 2)) > 30
    for name in NAMES:
        assert apart(hue(LIGHT.option(name)), hue(DARK.option(name))) < 12, name


def test_a_familys_hue_and_those_of_marks_are_the_same_in_both_themes():
    grey = LIGHT.families[2], DARK.families[2]
    pairs = [*zip(LIGHT.families, DARK.families, strict=True), (LIGHT.accent, DARK.accent), (LIGHT.wrong, DARK.wrong)]
    for one, other in pairs:
        assert (one, other) == grey or apart(hue(one), hue(other)) < 20, (one, other)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", ["full", *DICHROMACY])
def test_skip_a_sixteenth_a_quarter_and_full_are_far_apart_in_lightness(colours: Palette, sight: str):
    found = [seen_lightness(colours.option(name), sight) for name in ("skip", "8", "16", "full")]
    steps = [abs(a - b) for a, b in itertools.pairwise(found)]
    assert min(steps) >= 15, steps


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", ["full", *DICHROMACY])
def test_options_of_few_bits_are_told_apart_by_lightness_too(colours: Palette, sight: str):
    names = NAMED_SETS["lowbit"].split(",")
    found = [seen_lightness(colours.option(name), sight) for name in names]
    assert min(abs(a - b) for a, b in itertools.pairwise(found)) >= 8, found
    fills = [colours.option(name) for name in names[1:]]
    assert min(contrast(a, b) for a, b in itertools.pairwise(fills)) >= 1.35


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_more_work_is_always_further_from_the_page(colours: Palette):
    page = lightness(luminance(colours.background))
    away = [abs(lightness(luminance(colours.option(name))) - page) for name in NAMES]
    assert away == sorted(away)
    assert len(set(away)) == len(away)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_option_names_and_texts_can_be_read(colours: Palette):
    for name in ("skip", *NAMES):
        fill = colours.option(name)
        assert contrast(fill, colours.text_on(fill)) >= 4.5, name
    for ink in (colours.ink, colours.muted, colours.accent, colours.wrong, colours.cascade, *colours.families):
        assert contrast(ink, colours.background) >= 4.5, ink


def test_streamlits_theme_chooses_the_palette_and_light_is_the_default():
    assert palette("dark") is DARK
    assert palette("light") is palette(None) is LIGHT
