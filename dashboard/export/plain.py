"""Conversion to plain JSON values."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Convert a value for JSON: NumPy numbers to Python's, tuples to lists, numbers that are not finite to None.

    >>> plain({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float | None) else str(value)
