"""Numbers in URL parameters, which may hold anything."""

from __future__ import annotations

import math

MOST = 10**9  # larger numbers are read as this one


def whole_number(text: str | None, low: int = 1, high: int = MOST) -> int | None:
    """A whole number from ``low`` to ``high``; None for anything else.

    >>> whole_number("07"), whole_number("0"), whole_number("-1"), whole_number("²"), whole_number(None)
    (7, None, None, None, None)
    """
    if not text or not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    value = int(digits) if len(digits) < len(str(MOST)) else MOST
    return value if low <= value <= high else None


def finite_number(text: str | None, low: float = 0.0, high: float = math.inf) -> float | None:
    """A finite number from ``low`` to ``high``; None for anything else.

    >>> finite_number("2.5e-5"), finite_number("nan"), finite_number("-1"), finite_number("")
    (2.5e-05, None, None, None)
    """
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if math.isfinite(value) and low <= value <= high else None
