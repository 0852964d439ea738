"""Talks: what they keep, that a file gives the same talk back, and that a file from anybody can do no harm."""

from __future__ import annotations

import base64
import copy
import io
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from exhibits import INSIDE, bars, example_talk, exhibit
from PIL import Image

from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export import kept_svg
from dashboard.export.talk import MAX_ALT, MAX_BYTES, MAX_NOTES, MAX_SLIDES, Slide, Talk
from dashboard.present import talk_file
from dfs_core.errors import UserError


@pytest.fixture(scope="module")
def talk() -> Talk:
    return example_talk()


def titles(talk: Talk) -> list[str]:
    return [slide.title for slide in talk.slides]


def test_slides_are_moved_renamed_annotated_and_removed(talk: Talk):
    assert titles(talk) == ["View 1", "View 2", "View 3"]
    assert titles(talk.move(0, 1)) == ["View 2", "View 1", "View 3"]
    assert titles(talk.move(2, -9)) == ["View 3", "View 1", "View 2"]
    assert titles(talk.remove(1)) == ["View 1", "View 3"]
    changed = talk.edit(1, title="  Another\ntitle ").edit(1, notes="Say\nthat.")
    assert (changed.slides[1].title, changed.slides[1].notes) == ("Another title", "Say\nthat.")
    assert titles(talk.edit(0, title=" ")) == titles(talk)
    assert talk.rename("  ").title == talk.title
    assert titles(talk) == ["View 1", "View 2", "View 3"]


def test_a_slide_keeps_the_pictures_of_the_chart_as_it_was_in_both_themes():
    rows = copy.deepcopy(bars(LIGHT).data["rows"])
    slide = Slide.of(exhibit(lambda colours: Figure(bars(colours).spec, {"rows": rows}, bars(colours).legend)))
    before = slide.light
    rows[0]["cp"] = 99.0
    assert slide.light == before
    assert Slide.of(exhibit(lambda colours: Figure(bars(colours).spec, {"rows": rows}))).light != before
    assert slide.picture("dark") == slide.dark != slide.light == slide.picture(None)
    assert DARK.background in slide.dark
    assert LIGHT.background in slide.light
    assert "published &lt;us&gt;" in slide.light, "its legend is in it"
    for picture in (slide.light, slide.dark):
        kept_svg.check(picture)


def test_a_chart_of_many_checkpoints_with_the_longest_names_is_read_again(talk: Talk):
    many = tuple((f"{number:03}" + 197 * "n", "89abcdef" * 8) for number in range(300))
    stamp = replace(INSIDE, others=many, network=", ".join(f"ResNet-{depth} on CIFAR-100" for depth in range(8, 80, 6)))
    kept = Talk("many", (replace(talk.slides[0], stamp=stamp),))
    assert talk_file.from_json(talk_file.to_json(kept).encode()) == kept


def test_a_slide_of_many_classes_and_a_machine_with_a_long_name_are_read_again(talk: Talk):
    names = "+".join(quote("很长的类别名称" * 2) for _ in range(60))
    stamp = replace(INSIDE, link=f"/testset?class={names}", machine="Some processor with a long name, " * 12)
    kept = Talk("many", (replace(talk.slides[0], stamp=stamp),))
    assert talk_file.from_json(talk_file.to_json(kept).encode()) == kept


def test_several_checkpoints_and_a_machine_are_kept_in_the_file_and_files_from_before_have_none():
    both = replace(INSIDE, others=(("tiny-dfs-40", "89abcdef" * 8),), machine="Some processor, 2 cores")
    talk = Talk().add(exhibit(bars, stamp=both))
    written = talk_file.to_json(talk)
    assert talk_file.from_json(written.encode()).slides[0].stamp == both
    older = json.loads(written)
    del older["slides"][0]["stamp"]["others"], older["slides"][0]["stamp"]["machine"]
    assert talk_file.from_json(json.dumps(older).encode()).slides[0].stamp == INSIDE


def test_a_talk_is_bounded(talk: Talk):
    full = replace(talk, slides=talk.slides[:1] * MAX_SLIDES)
    with pytest.raises(UserError, match="at most 60 slides"):
        full.add(exhibit())
    heavy = replace(talk.slides[0], light="x" * (MAX_BYTES - 1000))
    with pytest.raises(UserError, match="20 MB"):
        replace(talk, slides=(heavy,)).add(exhibit())


def test_what_fits_into_a_talk_fits_into_a_file(talk: Talk):
    quotes = replace(talk.slides[0], light='"' * 1000, dark="")
    assert quotes.size >= 2000, "counted as the file writes it"
    assert MAX_BYTES + MAX_SLIDES * 4 * (MAX_NOTES + MAX_ALT) < talk_file.MAX_FILE


def test_a_file_gives_the_same_talk_back_and_people_can_read_it(talk: Talk):
    text = talk_file.to_json(talk)
    assert talk_file.from_json(text.encode()) == talk
    assert '"title": "View 1"' in text
    assert '"link": "/image?block=3&image=frog"' in text


def test_a_talk_from_before_kept_programs_and_says_why_it_is_not_opened():
    with pytest.raises(UserError, match="saved charts as programs, which are not run any more: add the v"):
        talk_file.from_json(b'{"format": "dfs-explorer-talk 1", "title": "", "slides": []}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no talk",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"format": "dfs-explorer-talk 3", "title": "", "slides": []}',
        b'{"format": "dfs-explorer-talk 2"}',
        b'{"format": "dfs-explorer-talk 2", "title": 3, "slides": []}',
        b'{"format": "dfs-explorer-talk 2", "title": "", "slides": [7]}',
        b'{"format": "dfs-explorer-talk 2", "title": "", "slides": [{}]}',
        b"[" * 100_000,
        b'{"format": NaN}',
    ],
)
def test_a_file_that_is_no_talk_gets_one_line(data: bytes):
    with pytest.raises(UserError) as caught:
        talk_file.from_json(data)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_even_read():
    with pytest.raises(UserError, match="larger than 24 MB"):
        talk_file.from_json(b" " * (24 * 2**20 + 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("link",), "//elsewhere.org"),
        (("link",), "javascript:alert(1)"),
        (("stamp", "kind"), "invented"),
        (("stamp", "others"), [["a"]]),
        (("title",), "x" * 161),
        (("light",), {}),
        (("dark",), ""),
        (("dark",), "<svg"),
    ],
)
def test_a_talk_with_one_part_that_does_not_fit_is_refused(talk: Talk, path: tuple[str, ...], value: object):
    data = json.loads(talk_file.to_json(talk))
    place = data["slides"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match=r"^slide 1: ") as caught:
        talk_file.from_json(json.dumps(data).encode())
    assert "\n" not in str(caught.value)


def drawn(inside: str = "", attributes: str = "") -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="20" height="10"'
        f"{attributes}>{inside}</svg>"
    )


def png(width: int = 1, height: int = 1) -> str:
    buffer = io.BytesIO()
    Image.new("L", (width, height)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    "svg",
    [
        "",
        "bars",
        "<html xmlns='http://www.w3.org/1999/xhtml'/>",
        '<svg width="9" height="9"/>',
        '<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + drawn("<text>&a;</text>"),
        '<?xml-stylesheet href="http://elsewhere.org/a.css"?>' + drawn(),
        drawn("<![CDATA[<script>alert(1)</script>]]>"),
        drawn("<script>alert(1)</script>"),
        drawn("<style>@import 'http://elsewhere.org/a.css';</style>"),
        drawn("<foreignObject/>"),
        drawn('<a xlink:href="javascript:alert(1)"/>'),
        drawn('<use xlink:href="#a"/>'),
        drawn('<animate attributeName="href" to="javascript:alert(1)"/>'),
        drawn('<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'),
        drawn('<rect onload="alert(1)"/>'),
        drawn(attributes=' onload="alert(1)"'),
        drawn('<rect href="http://elsewhere.org"/>'),
        drawn('<rect xlink:href="#a"/>'),
        drawn('<image xlink:href="http://elsewhere.org/a.png"/>'),
        drawn('<image xlink:href="/etc/hostname"/>'),
        drawn('<image xlink:href="file:///etc/hostname"/>'),
        drawn('<image href="a.png"/>'),
        drawn(f'<image xlink:href="data:image/svg+xml;base64,{base64.b64encode(b"<svg/>").decode()}"/>'),
        drawn('<image xlink:href="data:image/png;base64,aGFsbG8="/>'),
        drawn(f'<image xlink:href="{png(5000, 5000)}"/>'),
        drawn('<rect fill="url(http://elsewhere.org/a#b)"/>'),
        drawn('<rect fill="URL(//elsewhere.org)"/>'),
        drawn('<rect fill="u\\72l(//elsewhere.org)"/>'),
        drawn('<rect clip-path="url(http://elsewhere.org/a#b)"/>'),
        drawn('<rect style="background: url(//elsewhere.org)"/>'),
        drawn('<rect style="image-rendering: pixelated; fill: red"/>'),
        drawn('<text font-family="@font-face"/>'),
        drawn("<g>" * 70 + "</g>" * 70),
        drawn("<g/>" * 70_000),
        drawn().replace('"20"', '"1e9"'),
        drawn().replace('"20"', '"100%"'),
        drawn().replace(' width="20"', ""),
        drawn().replace('"20"', '"0"'),
    ],
)
def test_a_picture_that_could_do_more_than_draw_is_refused(svg: str):
    with pytest.raises(UserError) as caught:
        kept_svg.check(svg)
    assert "\n" not in str(caught.value)


def test_pictures_that_only_draw_pass():
    inside = '<defs><clipPath id="c1"><rect width="9" height="9"/></clipPath></defs><g clip-path="url(#c1)">'
    look = "image-rendering: optimizeSpeed; image-rendering: pixelated;"
    inside += f'<image xlink:href="{png(300, 200)}" style="{look}"/>'
    kept_svg.check(drawn(inside + '<text fill="#333" font-size="11">1/16: a &lt;b&gt; http://a.org</text></g>'))


def test_a_view_whose_picture_could_not_be_opened_again_is_not_kept():
    rows = [row | {"uri": "http://elsewhere.org/a.png"} for row in bars(LIGHT).data["rows"]]
    with pytest.raises(UserError, match=r"could not be drawn|refers to an image outside it"):
        Slide.of(exhibit(lambda colours: Figure(bars(colours).spec, {"rows": rows})))
