"""The one validator: plain data from files becomes a dataclass, or a one-line error that names the key.

msgspec checks the types. This module holds the types that several dataclasses share, with their bounds and the words
for errors, and it reads JSON and CSV.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from dfs_core.errors import UserError

T = TypeVar("T")
LONGEST_QUOTE = 200  # characters of a value that an error quotes
DEEPEST = 50  # levels of nested tables
# Not a path, no glob pattern, no control character.
_NAME = r"^(?!\.{1,2}$)[^/\\*?\[\]\x00-\x1f\x7f]+$"
_WORD = r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f]+$"  # charts are XML, which has no way to write control characters
_HALF = r"[\ud800-\udfff]"  # what Python makes of bytes in a file's name that are not UTF-8

Text = Annotated[str, Meta(max_length=100_000, description="a text of at most 100,000 characters")]
Word = Annotated[str, Meta(max_length=200, pattern=_WORD, description="a word of at most 200 characters")]
Name = Annotated[str, Meta(max_length=200, pattern=_NAME, description="a name without slashes and wildcards")]
Count = Annotated[int, Meta(ge=1, le=10**9, description="a whole number from 1 to a thousand million")]
Percent = Annotated[float, Meta(ge=0, le=100, description="a percentage from 0 to 100")]
Budget = Annotated[float, Meta(gt=0, le=100, description="a percentage above 0 and up to 100")]
Cost = Annotated[float, Meta(ge=0, le=10_000, description="a cost in percent, 0 or more")]  # gates make it exceed 100
Points = Annotated[float, Meta(ge=-100, le=100, description="a number of points from -100 to 100")]
Price = Annotated[float, Meta(ge=-1e6, le=1e6, description="a number of nats")]


def is_word(text: str) -> bool:
    """Whether a text is a ``Word``: a card that names a class otherwise could not be read again."""
    return len(text) <= 200 and re.search(_WORD, text) is not None and not re.search(_HALF, text)


WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", dict: "a table"}


def build(kind: type[T], data: Any, where: str = "", strict: bool = True) -> T:
    """Build a dataclass from plain data.

    Args:
        kind: the dataclass. Nested dataclasses are tables.
        data: its fields by name.
        where: prefix for the keys that errors name, such as ``model``.
        strict: if False, a text such as ``"3.5"`` is accepted for a number.

    Raises:
        UserError: ``data`` is not a table, a key is unknown or missing, or a value has the wrong type or range. The
            message names the key.
    """
    if not isinstance(data, dict):
        raise UserError(f"{where or 'it'} must be a table, not {quote(data)}")
    unknown = sorted(_unknown(kind, data, where))
    if unknown:
        raise UserError(f"unknown key {', '.join(unknown)}{_near(kind, unknown[0])}")
    if odd := next(_odd(data, where), None):
        raise UserError(odd)
    try:
        return msgspec.convert(data, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise UserError(_in_words(error, kind, data, where)) from None


def parse_json(text: str) -> Any:
    """Read a JSON text.

    Raises:
        UserError: the text is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"not readable as JSON ({error})") from None


def read_rows(path: Path, kind: type[T]) -> list[T]:
    """The rows of a CSV file with a header, each as a dataclass; none if there is no file.

    Columns without a field are ignored. An empty cell is None if the field may be None.

    Raises:
        UserError: the file cannot be read, a column is missing, or a cell is wrong. The message names file, row and
            column.
    """
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    hints = get_type_hints(kind, include_extras=True)
    made = []
    for number, row in enumerate(rows, start=1):
        cells = {key: row[key] or (None if _optional(hints[key]) else "") for key in hints if row.get(key) is not None}
        try:
            made.append(build(kind, cells, strict=False))
        except UserError as error:
            raise UserError(f"{path}, row {number}: {error}") from None
    return made


def quote(value: Any) -> str:
    """A value as an error quotes it, shortened if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number with thousands of digits, deeply nested lists
        return "what it is"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}..."


def _unknown(kind: type, data: dict[Any, Any], where: str) -> Iterator[str]:
    hints = get_type_hints(kind)
    for key, value in data.items():
        path = f"{where}.{key}" if where else str(key)
        if key not in hints:
            yield path[:LONGEST_QUOTE]
        elif is_dataclass(hints[key]) and isinstance(value, dict):
            yield from _unknown(hints[key], value, path)


def _near(kind: type, path: str) -> str:
    """The known key that is most like an unknown one, as the end of a message; empty if none is."""
    *tables, key = path.split(".")
    for table in tables:
        kind = get_type_hints(kind).get(table, kind)
    near = get_close_matches(key, get_type_hints(kind), n=1)
    return f": did you mean {near[0]}?" if near else ""


def _odd(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """Errors that no type catches: numbers that are not finite, lone surrogates, and endlessly nested tables."""
    if depth > DEEPEST:
        yield f"{path[:LONGEST_QUOTE]} is nested more than {DEEPEST} deep"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} must be a number, not {value}"
    elif isinstance(value, str) and not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        yield f"{path} must be a text, not {quote(value)}"
    elif isinstance(value, dict):
        for key, item in value.items():
            below = f"{path}.{key}" if path else str(key)
            yield from _odd(str(key), f"{path}: a key" if path else "a key")
            yield from _odd(item, below, depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _odd(item, f"{path}[{index}]", depth + 1)


def _in_words(error: msgspec.ValidationError, kind: Any, data: Any, where: str) -> str:
    """msgspec's error as a line that starts with the key. Errors that the dataclass itself raised keep their words."""
    text, _, place = str(error).partition(" - at `")
    steps = re.findall(r"\.(\w+)|\[(\d+)\]", place.rstrip("`"))
    hint, path, value = kind, where, data
    for name, index in steps:
        hint, value = _below(hint, name, index), value[name] if name else value[int(index)]
        path = f"{path}.{name}" if name and path else path + (name or f"[{index}]")
    if isinstance(error.__cause__, ValueError):
        return f"{path}: {text}" if path else text
    if missing := re.search(r"missing required field `(\w+)`", text):
        return f"{path}: missing key {missing[1]}" if path else f"missing key {missing[1]}"
    bare = _bare(hint)
    if get_origin(bare) is Literal and isinstance(value, str):
        return f"{path} {quote(value)} is unknown: use {' or '.join(map(str, get_args(bare)))}"
    return f"{path} must be {_words(hint)}, not {quote(value)}"


def _below(hint: Any, name: str, index: str) -> Any:
    """The type of a field, or of an item of a list, within ``hint``."""
    bare = _bare(hint)
    if name:
        return get_type_hints(bare, include_extras=True)[name] if is_dataclass(bare) else get_args(bare)[1]
    arguments = get_args(bare)
    return arguments[0] if arguments[-1] is Ellipsis else arguments[int(index)]


def _bare(hint: Any) -> Any:
    """A type without its bounds and without ``| None``."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if _is_union(hint):
        return _bare(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def _optional(hint: Any) -> bool:
    return _is_union(hint) and type(None) in get_args(hint)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)  # ``X | None`` becomes a Union if X has bounds


def _words(hint: Any) -> str:
    """A description of a type for an error."""
    if _is_union(hint):
        words = [_words(part) for part in get_args(hint) if part is not type(None)]
        return " or ".join([*words, "null"] if _optional(hint) else words)
    if get_origin(hint) is Annotated:
        described = [meta.description for meta in hint.__metadata__ if isinstance(meta, Meta) and meta.description]
        return described[0] if described else _words(get_args(hint)[0])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "a word"
    if origin is tuple:
        each = f", each item {_words(arguments[0])}"
        return f"a list{each}" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}{each}"
    return "a table" if is_dataclass(hint) else WORDS.get(origin or hint, "a value of another kind")
