"""Settings as they stand in TOML or JSON, checked against a dataclass: unknown names and wrong types get one line."""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dfs_core.errors import UserError

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def check_settings(kind: type, data: Any, what: str) -> None:
    """Refuse data that a dataclass cannot be built from; a nested dataclass is a table, and checks its own contents.

    Args:
        kind: the dataclass.
        data: the settings by name.
        what: what they set, for the message, such as ``model setting``.

    Raises:
        UserError: not a table, a name that no field has, or a value of a wrong type.
    """
    if not isinstance(data, dict):
        raise UserError(f"{what}s must be a table, not {data!r}")
    hints = get_type_hints(kind)
    if unknown := sorted(str(name) for name in set(data) - set(hints)):
        raise UserError(f"unknown {what} {', '.join(unknown)}")
    for name, value in data.items():
        if not _fits(value, hints[name]):
            raise UserError(f"{name} must be {_words(hints[name])}, not {value!r}")


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list | tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is Literal:
        return isinstance(value, str)  # the class itself names the words that it knows
    if is_dataclass(hint):
        return isinstance(value, dict)
    if isinstance(value, bool):  # to Python it is a whole number, to a reader of settings it is not
        return hint is bool
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    if isinstance(hint, UnionType):
        return _words(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return f"a list, each item {_words(get_args(hint)[0])}"
    return "a table" if is_dataclass(hint) else WORDS.get(hint, "a word")
