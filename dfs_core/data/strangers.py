"""Drawn pictures of no class that a network knows: noise, text, house numbers. The same seed draws the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from dfs_core.data.images import to_model_input

SIDE = 96  # pixels of a drawing before it is reduced
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SIZES = 12, 20  # pixels of the letters of a page


def noise(random: np.random.Generator, size: int) -> np.ndarray:
    """Independent, uniformly distributed pixels, uint8 (size, size, 3)."""
    return random.integers(0, 256, (size, size, 3), dtype=np.uint8)


def blurred_noise(random: np.random.Generator, size: int) -> np.ndarray:
    """Coloured blots: blurred noise, stretched to the whole range."""
    blurred = Image.fromarray(noise(random, size)).filter(ImageFilter.GaussianBlur(size / random.uniform(8, 16)))
    pixels = np.asarray(blurred, np.float32)
    low, high = pixels.min(), pixels.max()
    return ((pixels - low) * (255 / max(high - low, 1))).astype(np.uint8)


def text(random: np.random.Generator, size: int) -> np.ndarray:
    """A part of a printed page: lines of letters, dark on light or light on dark."""
    paper, ink = _colours(random)
    page = Image.new("RGB", (SIDE, SIDE), paper)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(float(random.integers(*_SIZES)))
    line = font.size * 1.3  # type: ignore[union-attr]
    for row in range(int(SIDE / line) + 1):
        words = ("".join(random.choice(list(_LETTERS), random.integers(2, 9))) for _ in range(6))
        draw.text((float(random.integers(-12, 4)), row * line), " ".join(words), ink, font)
    return to_model_input(page, size)


def house_number(random: np.random.Generator, size: int) -> np.ndarray:
    """One to three digits on a wall, turned, blurred, unevenly lit and grainy, like the photographs in SVHN."""
    wall, ink = _colours(random)
    picture = Image.new("RGB", (SIDE, SIDE), wall)
    font = ImageFont.load_default(float(random.integers(44, 80)))
    digits = "".join(str(digit) for digit in random.integers(0, 10, random.integers(1, 4)))
    ImageDraw.Draw(picture).text((SIDE / 2, SIDE / 2), digits, ink, font, anchor="mm")
    turned = picture.rotate(random.uniform(-12, 12), Image.Resampling.BICUBIC, fillcolor=wall)
    pixels = np.asarray(turned.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2.5))), np.float64)
    slope = random.uniform(-0.4, 0.4, 2) @ (np.indices((SIDE, SIDE)).reshape(2, -1) / SIDE - 0.5)
    lit = pixels * (1 + slope.reshape(SIDE, SIDE, 1)) + random.normal(0, random.uniform(2, 16), pixels.shape)
    return to_model_input(Image.fromarray(lit.clip(0, 255).astype(np.uint8)), size)


STRANGERS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "noise": noise,
    "blurred noise": blurred_noise,
    "text": text,
    "house numbers": house_number,
}


def strangers(kind: str, count: int, size: int) -> np.ndarray:
    """Drawings of one kind of ``STRANGERS``, always the same, uint8 (count, size, size, 3)."""
    random = np.random.default_rng(0)
    return np.stack([STRANGERS[kind](random, size) for _ in range(count)])


def _colours(random: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Two colours that differ in lightness by 80 levels or more, the lighter one first or last at random."""
    dark, light = random.integers(0, 88, 3), random.integers(168, 256, 3)
    pair = [(int(red), int(green), int(blue)) for red, green, blue in (dark, light)]
    random.shuffle(pair)
    return pair[0], pair[1]
