"""A talk as a readable JSON file, and back. A file may come from anybody, so it is checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from dashboard.export import kept_svg
from dashboard.export.stamp import Kind, Stamp
from dashboard.export.talk import MAX_ALT, MAX_BYTES, MAX_NOTES, MAX_SLIDES, MAX_TITLE, Slide, SlideKind, Talk
from dfs_core.checked import build, parse_json
from dfs_core.errors import UserError
from dfs_core.files import json_text

FORMAT, WITH_PROGRAMS = "dfs-explorer-talk 2", "dfs-explorer-talk 1"
SUFFIX = "talk.json"
MAX_FILE = 24 * 2**20  # bytes: enough for the largest talk as JSON
_MAX_NAME, _MAX_OTHERS = 200, 1_000  # others: a chart may show every checkpoint of a machine
_MAX_LINK, _MAX_MACHINE = 50_000, 1_000  # a link may name many classes, each letter of them in nine characters

T = TypeVar("T")
_Title = Annotated[str, Meta(max_length=MAX_TITLE, description=f"a text of at most {MAX_TITLE:,} characters")]
_Alt = Annotated[str, Meta(max_length=MAX_ALT, description=f"a text of at most {MAX_ALT:,} characters")]
_Notes = Annotated[str, Meta(max_length=MAX_NOTES, description=f"a text of at most {MAX_NOTES:,} characters")]
_Svg = Annotated[str, Meta(max_length=MAX_BYTES, description=f"a text of at most {MAX_BYTES:,} characters")]
_Name = Annotated[str, Meta(max_length=_MAX_NAME, description=f"a text of at most {_MAX_NAME:,} characters")]
_Machine = Annotated[str, Meta(max_length=_MAX_MACHINE, description=f"a text of at most {_MAX_MACHINE:,} characters")]
_Link = Annotated[
    str,
    Meta(
        max_length=_MAX_LINK,
        pattern=r"(?a)\A(?:/(?:[\w.-]+)?(?:\?[\w.~%&=+-]*)?)?\Z",
        description="a link into the app",
    ),
]
_Others = Annotated[
    tuple[tuple[_Name, _Name], ...],
    Meta(max_length=_MAX_OTHERS, description=f"a list of at most {_MAX_OTHERS} pairs of name and hash"),
]
_Slides = Annotated[list[Any], Meta(max_length=MAX_SLIDES, description=f"a list of at most {MAX_SLIDES} slides")]


@dataclass(frozen=True, slots=True)
class _TalkFile:
    title: _Title
    slides: _Slides


@dataclass(frozen=True, slots=True)
class _SlideFile:
    title: _Title
    notes: _Notes
    alt: _Alt
    link: _Link
    light: _Svg = ""
    dark: _Svg = ""
    kind: SlideKind = "view"
    text: _Notes = ""


@dataclass(frozen=True, slots=True)
class _StampFile:
    checkpoint: _Name
    weights_sha256: _Name
    cost: _Name
    kind: Kind
    others: _Others = ()
    network: _Alt = ""
    machine: _Machine = ""


def to_json(talk: Talk) -> str:
    """The talk as JSON."""
    slides = [_slide_to_dict(slide) for slide in talk.slides]
    return json_text({"format": FORMAT, "title": talk.title, "slides": slides})


def from_json(data: bytes) -> Talk:
    """Read a talk.

    Raises:
        UserError: it is not a talk, or one of its pictures fails ``kept_svg.check``.
    """
    if len(data) > MAX_FILE:
        raise UserError(f"the file is larger than {MAX_FILE >> 20} MB")
    try:
        read = parse_json(data.decode("utf-8"))
    except (UnicodeDecodeError, UserError):
        raise UserError("this is not a talk: the file is not JSON") from None
    form = read.get("format") if isinstance(read, dict) else None
    if form == WITH_PROGRAMS:
        raise UserError(
            "this talk is from an old version that saved charts as programs, which are not run any more: add the views"
            " again and save the talk"
        )
    if form != FORMAT:
        raise UserError(f"this is not a talk: its format is not '{FORMAT}'")
    talk = _known(_TalkFile, read)
    made = []
    for number, slide in enumerate(talk.slides, start=1):
        try:
            made.append(_slide_from_dict(slide))
        except UserError as error:
            raise UserError(f"slide {number}: {error}") from None
    return Talk(talk.title, tuple(made))


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
            "network": stamp.network,
        }
        | ({"machine": stamp.machine} if stamp.machine else {}),
    } | (
        {"light": slide.light, "dark": slide.dark} if slide.kind == "view" else {"kind": slide.kind, "text": slide.text}
    )


def _slide_from_dict(data: Any) -> Slide:
    slide = _known(_SlideFile, data)
    stamp = _known(_StampFile, data.get("stamp"), "stamp")
    if slide.kind == "view":
        for picture in (slide.light, slide.dark):
            kept_svg.check(picture)
    drawn = {"light": slide.light, "dark": slide.dark} if slide.kind == "view" else {}
    return Slide(
        title=slide.title,
        alt=slide.alt,
        stamp=Stamp(**asdict(stamp), link=slide.link),
        **drawn,
        notes=slide.notes,
        kind=slide.kind,
        text=slide.text,
    )


def _known(kind: type[T], data: Any, where: str = "") -> T:
    """A part of the file; keys that it should not have are ignored. Errors as for ``build``."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return build(kind, {key: data[key] for key in names & data.keys()} if isinstance(data, dict) else data, where)
