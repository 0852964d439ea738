"""A talk as a file that people can read, and back. What is opened may come from anybody.

The tables of a chart are stored once, and again for the dark theme only where they hold other colours.
"""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from dashboard.answers.tables import Rows
from dashboard.drawing.figure import Figure, Key
from dashboard.export import harmless
from dashboard.export.stamp import Kind, Stamp
from dashboard.export.talk import MAX_ALT, MAX_BYTES, MAX_NOTES, MAX_SLIDES, MAX_TITLE, Slide, Talk
from dfs_core.errors import UserError
from dfs_core.files import json_text

FORMAT = "dfs-explorer-talk 1"
SUFFIX = "talk.json"
MAX_FILE = 24 * 2**20  # bytes: what fits into a talk, in JSON that people can read
_LINK = re.compile(r"/(?:[\w.-]+)?(?:\?[\w.~%&=+-]*)?", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-z]{3,20}")
_MAX_KEYS, _MAX_NAME, _MAX_OTHERS = 40, 200, 20


class TalkError(UserError):
    """A file that is no talk, or one that cannot be shown here; one line that says why."""


def to_json(talk: Talk) -> str:
    """The talk as JSON."""
    slides = [_slide_to_dict(slide) for slide in talk.slides]
    return json_text({"format": FORMAT, "title": talk.title, "slides": slides})


def from_json(data: bytes) -> Talk:
    """Read a talk.

    Raises:
        TalkError: it is none, or one of its charts does what a chart may not do.
    """
    if len(data) > MAX_FILE:
        raise TalkError(f"the file is larger than {MAX_FILE >> 20} MB")
    try:
        read = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise TalkError("this is no talk: the file is not JSON") from None
    if not isinstance(read, dict) or read.get("format") != FORMAT:
        raise TalkError(f"this is no talk: its format is not '{FORMAT}'")
    slides = _list(read, "slides", MAX_SLIDES)
    title = _text(read, "title", MAX_TITLE)
    made = []
    for number, slide in enumerate(slides, start=1):
        try:
            made.append(_slide_from_dict(slide))
        except UserError as error:
            raise TalkError(f"slide {number}: {error}") from None
    return Talk(title, tuple(made))


def _slide_to_dict(slide: Slide) -> dict[str, Any]:
    stamp = slide.stamp
    same = {name: rows for name, rows in slide.dark.data.items() if rows == slide.light.data.get(name)}
    return {
        "title": slide.title,
        "notes": slide.notes,
        "alt": slide.alt,
        "link": stamp.link,
        "stamp": {
            "checkpoint": stamp.checkpoint,
            "weights_sha256": stamp.weights_sha256,
            "cost": stamp.cost,
            "kind": stamp.kind,
            "others": [list(pair) for pair in stamp.others],
        },
        "light": _chart_to_dict(slide.light, {}),
        "dark": _chart_to_dict(slide.dark, same),
    }


def _chart_to_dict(figure: Figure, known: dict[str, Rows]) -> dict[str, Any]:
    return {
        "legend": [[key.text, key.colour, key.shape] for key in figure.legend],
        "spec": figure.spec,
        "data": {name: _table_to_dict(rows) for name, rows in figure.data.items() if name not in known},
    }


def _table_to_dict(rows: Rows) -> dict[str, Any]:
    """Names once and values in lines: half as long as objects."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return {"columns": columns, "rows": [[row.get(column) for column in columns] for row in rows]}


def _slide_from_dict(data: Any) -> Slide:
    if not isinstance(data, dict):
        raise TalkError("not an object")
    says = data.get("stamp")
    if not isinstance(says, dict) or says.get("kind") not in get_args(Kind):
        raise TalkError("its stamp is not readable")
    link = _text(data, "link", MAX_ALT)
    if link and not _LINK.fullmatch(link):
        raise TalkError("its link does not lead into the app")
    checkpoint, weights, cost = (_text(says, name, _MAX_NAME) for name in ("checkpoint", "weights_sha256", "cost"))
    others = tuple(_pair(entry) for entry in _list(says, "others", _MAX_OTHERS)) if "others" in says else ()
    light = _chart_from_dict(data.get("light"), {})
    dark = _chart_from_dict(data.get("dark"), light.data)
    for figure in (light, dark):
        harmless.check(figure)
    return Slide(
        title=_text(data, "title", MAX_TITLE),
        alt=_text(data, "alt", MAX_ALT),
        stamp=Stamp(checkpoint, weights, cost, says["kind"], link, others),
        light=light,
        dark=dark,
        notes=_text(data, "notes", MAX_NOTES),
    )


def _pair(entry: Any) -> tuple[str, str]:
    """Name and hash of a checkpoint."""
    if not (isinstance(entry, list) and len(entry) == 2 and all(isinstance(text, str) for text in entry)):
        raise TalkError("its stamp is not readable")
    return entry[0][:_MAX_NAME], entry[1][:_MAX_NAME]


def _chart_from_dict(data: Any, known: dict[str, Rows]) -> Figure:
    if not (isinstance(data, dict) and isinstance(data.get("spec"), dict) and isinstance(data.get("data"), dict)):
        raise TalkError("its chart is not readable")
    keys = []
    for entry in _list(data, "legend", _MAX_KEYS):
        if not (isinstance(entry, list) and len(entry) == 3 and all(isinstance(part, str) for part in entry)):
            raise TalkError("its legend is not readable")
        text, colour, shape = entry
        if not _COLOUR.fullmatch(colour) or not re.fullmatch(r"[a-z-]{1,20}", shape):
            raise TalkError("its legend is not readable")
        keys.append(Key(text[:MAX_TITLE], colour, shape))
    tables = {name: _table_from_dict(table) for name, table in data["data"].items()}
    return Figure(data["spec"], {**known, **tables}, tuple(keys))


def _table_from_dict(data: Any) -> Rows:
    if not isinstance(data, dict):
        raise TalkError("its data are not readable")
    columns, rows = _list(data, "columns", _MAX_NAME), _list(data, "rows", MAX_BYTES)
    if not all(isinstance(column, str) for column in columns):
        raise TalkError("its data are not readable")
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise TalkError("its data are not readable")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _text(data: dict[str, Any], key: str, most: int) -> str:
    value = data.get(key)
    if not isinstance(value, str) or len(value) > most:
        raise TalkError(f"'{key}' must be a text of at most {most:,} characters")
    return value


def _list(data: dict[str, Any], key: str, most: int) -> list[Any]:
    value = data.get(key)
    if not isinstance(value, list) or len(value) > most:
        raise TalkError(f"'{key}' must be a list of at most {most:,}")
    return value


def _refuse(word: str) -> float:
    raise ValueError(word)
