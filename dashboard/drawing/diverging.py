"""Differences in computation: blue for less, orange for more, and a sign for readers who see no hue."""

from __future__ import annotations

from dashboard.drawing.figure import Key
from dashboard.drawing.palette import Palette, between

FAINTEST = 0.18  # colour strength of the smallest difference


def colour_of(more: float, colours: Palette) -> str:
    """Fill for a difference between -1 and 1: blue for less, orange for more, the background for none.

    The strength is the square root of the difference, so that small ones are visible: 8 bits against skip is 1/16.
    """
    if not more:
        return colours.background
    strength = FAINTEST + (1 - FAINTEST) * min(abs(more), 1.0) ** 0.5
    return between((colours.background, colours.accent if more > 0 else colours.families[0]), strength)


def sign_of(more: float) -> str:
    """``+`` for more, a minus sign for less, empty for no difference."""
    return "+" if more > 0 else "\N{MINUS SIGN}" if more < 0 else ""


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign.

    >>> signed(-0.5), signed(0.001)
    ('−0.50', '0.00')
    """
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else f"{sign_of(value)}{text}"


def difference_keys(colours: Palette) -> tuple[Key, ...]:
    """Legend of the colours and signs of a difference."""
    meant = ((-1.0, "B computes less"), (0.0, "the same"), (1.0, "B computes more"))
    return tuple(Key(f"{sign_of(more)} {text}".strip(), colour_of(more, colours), "cell") for more, text in meant)
