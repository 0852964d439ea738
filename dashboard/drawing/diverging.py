"""More or less computation: a blue and an orange that nobody confuses, and a sign, so that no hue has to be seen."""

from __future__ import annotations

from dashboard.drawing.figure import Key
from dashboard.drawing.palette import Palette, between

FAINTEST = 0.18  # of the way to the full colour: the smallest difference that is one


def colour_of(more: float, colours: Palette) -> str:
    """Fill for a difference between -1 and 1: blue for less, orange for more, the page's own colour for none.

    The strength goes with its square root, as bits do with cost: 8 bits against skip is 1/16 of a block and still seen.
    """
    if not more:
        return colours.background
    strength = FAINTEST + (1 - FAINTEST) * min(abs(more), 1.0) ** 0.5
    return between((colours.background, colours.accent if more > 0 else colours.families[0]), strength)


def sign_of(more: float) -> str:
    """``+`` for more, a minus sign for less, nothing for none."""
    return "+" if more > 0 else "\N{MINUS SIGN}" if more < 0 else ""


def signed(value: float, digits: int = 2) -> str:
    """A difference as people write it.

    >>> signed(-0.5), signed(0.001)
    ('−0.50', '0.00')
    """
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else f"{sign_of(value)}{text}"


def difference_keys(colours: Palette) -> tuple[Key, ...]:
    """What the colours and signs of a difference mean, for a legend."""
    meant = ((-1.0, "B computes less"), (0.0, "the same"), (1.0, "B computes more"))
    return tuple(Key(f"{sign_of(more)} {text}".strip(), colour_of(more, colours), "cell") for more, text in meant)
