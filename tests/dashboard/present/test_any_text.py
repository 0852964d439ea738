"""Whatever characters a talk's file or a file's name holds, every export can be made of it; its pictures stay cheap."""

from __future__ import annotations

import io
import json
import threading
import time
from typing import Any

import exhibits
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation

from dashboard.answers.naming import clean
from dashboard.answers.pictures import read_upload
from dashboard.export import drawing
from dashboard.export.drawing import Drawing
from dashboard.export.formats import export_figure
from dashboard.export.kept_svg import MAX_AREA, check
from dashboard.export.talk import Talk
from dashboard.present import slides, talk_file
from dfs_core.errors import UserError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60">{}</svg>'
CONTROL = "\x00\x07\x0b\x1b\x7f\x85\ufffe\uffff"
ODD = st.text(st.characters() | st.sampled_from(f"{CONTROL}\ud800\udfff\u202e\n\t"), max_size=20)
FIELDS = (("title",), ("slides", 0, "title"), ("slides", 0, "notes"), ("slides", 0, "alt"))
STAMP = tuple(("slides", 0, "stamp", name) for name in ("checkpoint", "weights_sha256", "cost", "kind", "others"))


def saved() -> dict[str, Any]:
    return {
        "format": talk_file.FORMAT,
        "title": "One",
        "slides": [
            {
                "title": "a",
                "notes": "b",
                "alt": "c",
                "link": "/",
                "stamp": {"checkpoint": "d", "weights_sha256": "e", "cost": "cp", "kind": "measured", "others": []},
                "light": SVG.format(""),
                "dark": SVG.format(""),
            }
        ],
    }


def put(data: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        data = data[step]
    data[path[-1]] = value


def opened(path: tuple[Any, ...], value: Any) -> Talk | None:
    """The talk with another value in one place; None if that is refused, which takes one line."""
    data, said = saved(), ""
    put(data, path, value)
    try:
        return talk_file.from_json(json.dumps(data).encode())
    except UserError as error:
        said = str(error)
    assert "\n" not in said
    return None


@settings(max_examples=12)
@given(st.sampled_from(FIELDS + STAMP[:3]), ODD)
def test_whatever_text_a_talk_holds_powerpoint_and_html_are_made_of_it(path: tuple[Any, ...], text: str) -> None:
    talk = opened(path, text)
    if talk is not None:
        assert len(Presentation(io.BytesIO(slides.to_pptx(talk))).slides) == 2
        assert slides.to_html(talk)
        assert talk_file.from_json(talk_file.to_json(talk).encode()) == talk


@settings(max_examples=150)
@given(
    st.sampled_from([*FIELDS, *STAMP, ("slides", 0, "link"), ("slides", 0, "light"), ("slides", 0), ("slides",)]),
    ODD
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.lists(st.integers() | ODD | st.lists(ODD, max_size=3), max_size=3)
    | st.dictionaries(ODD, st.integers(), max_size=2),
)
def test_a_value_of_any_type_in_a_talk_is_taken_or_refused_in_one_line(path: tuple[Any, ...], value: Any) -> None:
    opened(path, value)


@given(ODD)
def test_a_clean_text_can_be_written_in_xml_and_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    clean(text).encode()
    assert not set(clean(text)) & set(CONTROL)


def test_a_name_of_an_upload_with_control_characters_does_not_spoil_the_chart() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40)).save(buffer, "PNG")
    picture = read_upload(buffer.getvalue(), "a\x00b\x1b\ud800" + "c" * 400 + ".png")
    assert picture.name.startswith("ab\ufffdc")
    assert len(picture.name) == 200
    for kind in ("svg", "pdf"):
        assert export_figure(exhibits.exhibit(title=picture.name), kind)  # type: ignore[arg-type]


def test_markup_in_texts_stays_text_in_every_export() -> None:
    hostile = "\"'><img src=http://elsewhere.invalid/a>![m](http://elsewhere.invalid/b)<script>alert(1)</script>"
    view = exhibits.exhibit(title=hostile, alt=hostile, notes=hostile, tables={hostile: lambda: [{hostile: hostile}]})
    for kind in ("svg", "html"):
        found = export_figure(view, kind).decode()  # type: ignore[arg-type]
        assert "&lt;img src=http" in found
        assert "<img src=http" not in found
        assert "<script>alert" not in found
    talk = Talk(hostile).add(view)
    assert "<img src=http" not in slides.to_html(talk).decode()


def test_a_kept_picture_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(UserError, match=f"more than {MAX_AREA:,} square pixels"):
        check(SVG.replace('"90"', '"6000"').replace('"60"', '"6000"').format(""))


RUNAWAY = (
    SVG.replace('"90"', '"2400"')
    .replace('"60"', '"2400"')
    .format('<circle cx="1200" cy="1200" r="1100" fill="#000" opacity="0.5"/>' * 20_000)
)


def test_memory_of_what_draws_kept_pictures_is_limited() -> None:
    # Time enough for the whole picture: without the limit it is drawn.
    kept = Drawing(300.0, 700 * 2**20)
    with pytest.raises(UserError, match="try again"):
        kept.ask("svg_to_png", SVG.replace('"90"', '"20000"').replace('"60"', '"20000"').format(""), scale=1.0)
    assert kept.ask("svg_to_png", SVG.format(""), scale=1.0), "the next one is drawn"
    kept.close()


def test_nobodys_chart_waits_for_a_runaway_picture_of_a_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Drawing(5.0, 700 * 2**20)
    monkeypatch.setattr(drawing, "drawing_kept", lambda: kept)
    drawing.svg_to_png(SVG.format(""), scale=1.0)  # both processes are there
    drawing.svg_to_png(SVG.format(""), scale=1.0, kept=True)
    ended: list[BaseException | None] = []

    def run_away() -> None:
        try:
            drawing.svg_to_png(RUNAWAY, scale=1.0, kept=True)
            ended.append(None)
        except (UserError, ValueError) as error:
            ended.append(error)

    thread = threading.Thread(target=run_away)
    thread.start()
    time.sleep(0.2)
    drawing.svg_to_png(SVG.format(""), scale=1.0)
    drawn_meanwhile = not ended
    thread.join()
    assert drawn_meanwhile
    assert isinstance(ended[0], UserError), "it did run away, and was stopped"
    kept.close()
