"""Whether a chart from a file can be shown: it may draw what is in it, and neither fetch nor execute anything.

Vega-Lite can load data and pictures from addresses, turn marks into links, and evaluate expressions. Of these, only
pictures that travel in the data and expressions of plain arithmetic over the data are let through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.drawing.figure import Figure
from dfs_core.errors import UserError

MAX_DEPTH, MAX_NODES = 40, 20_000  # of a specification
_IMAGE = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}")
_ADDRESS = re.compile(r"//|url\(|^(?:https?|ftp|wss?|javascript|vbscript|blob|filesystem):|^(?:data|file):[a-z/]", re.I)
_IGNORED_IN_ADDRESSES = re.compile(r"[\x00-\x20]")
_FORBIDDEN_KEYS = {"href", "usermeta", "bind", "datasets", "formatType", "__proto__"}
_EXPRESSIONS = {"filter", "calculate", "expr", "labelExpr", "test", "signal", "update"}
_ARITHMETIC = "abs min max round floor ceil pow sqrt log exp clamp length toNumber toString lower upper"
_FUNCTIONS = {"if", "isValid", "isNumber", "isString", "format", "split", *_ARITHMETIC.split()}
_NAMES = _FUNCTIONS | {"datum", "width", "height", "true", "false", "null", "PI", "parent"}
_TEXTS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_BARE_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*")
_CALLED = re.compile(r"([A-Za-z_$][\w$]*)\s*\(")
_CALL_OF_A_MEMBER = re.compile(r"(?:\.\s*[A-Za-z_$][\w$]*|[\])])\s*\(|`")
_INNER = re.compile(r"__|constructor|prototype")
_EVENTS = re.compile(r"[a-z, ]{1,60}")


def check(figure: Figure) -> None:
    """Accept a figure that only draws.

    Raises:
        UserError: it could fetch or execute something, or draws data that it does not have; in one line.
    """
    for table in figure.data.values():
        for row in table:
            for value in row.values():
                _check_text(value)
    nodes = list(_walk(figure.spec, 0))
    if len(nodes) > MAX_NODES:
        raise UserError("the chart is too large")
    allowed = _NAMES | {str(node["name"]) for _, node in nodes if isinstance(node, dict) and "name" in node}
    made = {name for key, node in nodes if key == "as" for name in (node if isinstance(node, list) else [node])}
    for key, node in nodes:
        if key in _FORBIDDEN_KEYS and (key, node) != ("bind", "scales"):  # zooming is fine, fields to fill in are not
            raise UserError(f"the chart has '{key}', which is not allowed here")
        if key == "data":
            _check_source(node, figure)
        elif key == "url":
            _check_picture(node, figure, made)
        elif key == "tooltip":
            _check_tooltip(node)
        elif key == "on" and isinstance(node, str) and not _EVENTS.fullmatch(node):
            raise UserError("the chart waits for an event that is not allowed here")
        elif key in _EXPRESSIONS and isinstance(node, str):
            _check_expression(node, allowed)
        elif key != "url":
            _check_text(node)
    if "image" in made:
        raise UserError("the chart computes a picture's address")


def is_image(value: object) -> bool:
    """Whether it is a picture that travels in its text."""
    return isinstance(value, str) and _IMAGE.fullmatch(value) is not None


def _walk(node: Any, depth: int, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a specification, with the key that it stands under."""
    if depth > MAX_DEPTH:
        raise UserError("the chart is nested too deeply")
    yield key, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _walk(value, depth + 1, name)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value, depth + 1, key)


def _check_text(value: object) -> None:
    """No text but a picture may be an address, as lenient as browsers are in reading one."""
    if isinstance(value, str) and not is_image(value):
        bare = _IGNORED_IN_ADDRESSES.sub("", value).replace("\\", "/")
        if _ADDRESS.search(bare):
            raise UserError(f"the chart refers to another address: '{value[:60]}'")


def _check_source(node: Any, figure: Figure) -> None:
    """A table of the figure, or rows of numbers written out: what is no text is no address."""
    if isinstance(node, dict) and set(node) == {"name"} and node["name"] in figure.data:
        return
    rows = node.get("values") if isinstance(node, dict) and set(node) == {"values"} else None
    plain = (int, float, type(None))
    if not isinstance(rows, list) or not all(
        isinstance(row, dict) and all(isinstance(value, plain) for value in row.values()) for row in rows
    ):
        raise UserError("the chart draws data that are not in the file")


def _check_picture(node: Any, figure: Figure, made: set[Any]) -> None:
    """A picture is one itself, or a column that holds nothing else."""
    value = node.get("value") if isinstance(node, Mapping) and set(node) == {"value"} else node
    if is_image(value):
        return
    name = node.get("field") if isinstance(node, Mapping) and not {"condition", "value"} & set(node) else None
    column = [row[name] for table in figure.data.values() for row in table if name in row]
    if not isinstance(name, str) or name in made or not all(v in (None, "") or is_image(v) for v in column):
        raise UserError("the chart takes pictures from elsewhere")


def _check_tooltip(node: Any) -> None:
    """Tooltips show a value named ``image`` as the picture at that address."""
    _check_text(node)
    if isinstance(node, Mapping):  # a list's members are visited one by one
        if not {"field", "value"} & set(node) or {"expr", "signal", "content"} & set(node):
            raise UserError("the chart has a tooltip that is not allowed here")
        if str(node.get("title") or node.get("field")).strip().lower() == "image":
            raise UserError("the chart's tooltip takes a picture from elsewhere")
        if isinstance(node.get("value"), Mapping):
            raise UserError("the chart has a tooltip that is not allowed here")


def _check_expression(text: str, allowed: set[str]) -> None:
    _check_text(text)
    for literal in _TEXTS.findall(text):
        _check_text(literal[1:-1])
    bare = _TEXTS.sub(" ", text)
    unknown = set(_BARE_NAME.findall(bare)) - allowed | set(_CALLED.findall(bare)) - _FUNCTIONS
    if unknown or _CALL_OF_A_MEMBER.search(bare) or _INNER.search(text):
        what = f" ('{min(unknown)}')" if unknown else ""
        raise UserError(f"the chart computes something that is not allowed here{what}")
