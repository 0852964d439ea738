"""A chart as plain data that a file can hold: in JSON's own types, and with no address in it."""

from __future__ import annotations

import math
import re
from typing import Any

from dashboard.drawing.figure import Figure
from dashboard.export import harmless

_SCHEME = re.compile(r"\b(?:https?|ftp)://", re.I)


def freeze(figure: Figure) -> Figure:
    """A copy of a figure, in plain JSON's types, that ``harmless.check`` lets through.

    Raises:
        UserError: the chart does what a chart in a file may not do.
    """
    spec = _without_addresses(plain(figure.spec))
    frozen = Figure(
        {key: value for key, value in spec.items() if key != "$schema"}, _plain_tables(figure), figure.legend
    )
    harmless.check(frozen)
    return frozen


def plain(value: Any) -> Any:
    """A value as JSON has it: NumPy's numbers as Python's, tuples as lists, and nothing that is not finite.

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


def _plain_tables(figure: Figure) -> dict[str, list[dict[str, Any]]]:
    return {name: [_without_addresses(plain(row)) for row in rows] for name, rows in figure.data.items()}


def _without_addresses(value: Any) -> Any:
    """Sources that are quoted as addresses stay readable, but are no addresses any more."""
    if isinstance(value, str):
        return value if value.startswith("data:") else _SCHEME.sub("", value)
    if isinstance(value, list):
        return [_without_addresses(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_addresses(item) for key, item in value.items()}
    return value
