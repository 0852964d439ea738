"""A talk as a file that people can read, and back. What is opened may come from anybody."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

from dashboard.export import kept_svg
from dashboard.export.stamp import Kind, Stamp
from dashboard.export.talk import MAX_ALT, MAX_BYTES, MAX_NOTES, MAX_SLIDES, MAX_TITLE, Slide, Talk
from dfs_core.errors import UserError
from dfs_core.files import json_text

FORMAT, WITH_PROGRAMS = "dfs-explorer-talk 2", "dfs-explorer-talk 1"
SUFFIX = "talk.json"
MAX_FILE = 24 * 2**20  # bytes: what fits into a talk, as JSON
_LINK = re.compile(r"/(?:[\w.-]+)?(?:\?[\w.~%&=+-]*)?", re.ASCII)
_MAX_NAME, _MAX_OTHERS = 200, 20


class TalkError(UserError):
    """A file that is no talk, or one that cannot be shown here; one line that says why."""


def to_json(talk: Talk) -> str:
    """The talk as JSON."""
    slides = [_slide_to_dict(slide) for slide in talk.slides]
    return json_text({"format": FORMAT, "title": talk.title, "slides": slides})


def from_json(data: bytes) -> Talk:
    """Read a talk.

    Raises:
        TalkError: it is none, or one of its pictures could do more than draw.
    """
    if len(data) > MAX_FILE:
        raise TalkError(f"the file is larger than {MAX_FILE >> 20} MB")
    try:
        read = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise TalkError("this is no talk: the file is not JSON") from None
    if isinstance(read, dict) and read.get("format") == WITH_PROGRAMS:
        raise TalkError(
            "this talk is from a version that kept charts as programs, and those are not run any more: add the views"
            " anew and save it again"
        )
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
        "light": slide.light,
        "dark": slide.dark,
    }


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
    light, dark = (_text(data, name, MAX_BYTES) for name in ("light", "dark"))
    for picture in (light, dark):
        kept_svg.check(picture)
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
