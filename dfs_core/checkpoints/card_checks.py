"""What each field of a card must look like: a damaged or hand-edited card gets a message that names the field."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

FORMAT = 1
SPLITS = ("validation", "test")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _is_list_of(test: Callable[[Any], bool], value: Any, length: int | None = None) -> bool:
    return isinstance(value, tuple) and length in (None, len(value)) and all(map(test, value))


def _is_percent(value: Any) -> bool:
    return _is_number(value) and 0 < value <= 100


def _is_range(value: Any) -> bool:
    return _is_list_of(_is_percent, value, length=2) and value[0] < value[1]


# Field -> (test, what it should be). The lists of the JSON are tuples by the time this is asked.
CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "format": (lambda value: value == FORMAT, str(FORMAT)),
    "name": (_is_word, "a name"),
    "method": (_is_word, "a word such as backbone, dfs or skipnet"),
    "dataset": (_is_word, "the name of a data set"),
    "classes": (
        lambda value: _is_list_of(_is_word, value) and len(set(value)) == len(value),
        "a list of different class names",
    ),
    "mean": (lambda value: _is_list_of(_is_number, value, length=3), "three numbers"),
    "std": (lambda value: _is_list_of(_is_number, value, length=3) and min(value) > 0, "three positive numbers"),
    "model": (_is_object, "an object with the model's settings"),
    "title": (_is_text, "a text"),
    "budget": (lambda value: value is None or _is_percent(value), "a percentage or null"),
    "budget_range": (lambda value: value is None or _is_range(value), "[lowest, highest] in percent or null"),
    "alpha": (lambda value: value is None or (_is_number(value) and value >= 0), "a number or null"),
    "training": (_is_object, "an object"),
    "split": (_is_object, "an object"),
    "seed": (_is_whole, "a whole number"),
    "commit": (_is_text, "a text"),
    "versions": (_is_object, "an object"),
    "machine": (_is_object, "an object"),
    "wall_time_s": (lambda value: _is_number(value) and value >= 0, "seconds"),
    "created": (_is_text, "a time in ISO 8601"),
    "metrics": (
        lambda value: _is_object(value) and set(value) <= set(SPLITS),
        f"an object with nothing but {' and '.join(SPLITS)}",
    ),
    "weights_sha256": (
        lambda value: _is_text(value) and re.fullmatch(r"([0-9a-f]{64})?", value) is not None,
        "64 hexadecimal digits",
    ),
    "parents": (lambda value: _is_list_of(_is_word, value), "a list of checkpoint names"),
    "notes": (_is_text, "a text"),
}
