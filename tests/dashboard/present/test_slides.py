"""Talks as PowerPoint and as one page: titles, pictures, notes, links and stamps, all without a network."""

from __future__ import annotations

import base64
import io
import re
import socket
from dataclasses import replace

import pytest
from exhibits import INSIDE, example_talk
from pptx import Presentation
from pptx.util import Inches

from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export.talk import Talk
from dashboard.present import slides, talk_file
from dfs_core.errors import UserError


@pytest.fixture(scope="module")
def talk() -> Talk:
    return example_talk()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an export asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_powerpoint_has_titles_pictures_with_alt_text_notes_links_and_stamps(talk: Talk, no_network: None):
    deck = Presentation(io.BytesIO(slides.to_pptx(talk, "http://dfs.example.org/dfs/")))
    first, *others = deck.slides
    assert first.shapes.title.text == "A talk <about> skipping"
    assert "3 slides from DFS Explorer\ncheckpoint: tiny-dfs-20" in [
        s.text_frame.text for s in first.shapes if s.has_text_frame
    ]
    assert [slide.shapes.title.text for slide in others] == ["View 1", "View 2", "View 3"]
    link = "http://dfs.example.org/dfs/image?block=3&image=frog"
    for slide in others:
        (picture,) = (shape for shape in slide.shapes if shape.shape_type == 13)
        assert picture._element._nvXxPr.cNvPr.get("descr") == "Two bars & a picture"
        assert picture.click_action.hyperlink.address == link
        width, height = picture.image.size
        assert picture.image.dpi == (300, 300)
        assert picture.width / picture.height == pytest.approx(width / height, rel=0.01)
        assert 0 <= picture.left <= picture.left + picture.width <= deck.slide_width
        assert Inches(1) <= picture.top <= picture.top + picture.height <= deck.slide_height - Inches(0.5)
        foot = [shape for shape in slide.shapes if shape.has_text_frame][-1].text_frame
        assert foot.text == replace(INSIDE, link=link).line()
        assert foot.paragraphs[0].runs[0].hyperlink.address == link
        assert slide.notes_slide.notes_text_frame.text.startswith("Say this.\nThen that.")


def test_a_talk_without_an_address_has_no_links_into_nowhere(talk: Talk):
    deck = Presentation(io.BytesIO(slides.to_pptx(replace(talk, slides=talk.slides[:1]))))
    texts = [shape.text_frame for shape in deck.slides[1].shapes if shape.has_text_frame]
    runs = [run for text in texts for paragraph in text.paragraphs for run in paragraph.runs]
    assert runs
    assert all(run.hyperlink.address is None for run in runs)


def test_the_page_of_a_talk_has_every_slide_and_asks_for_nothing(talk: Talk, no_network: None):
    html = slides.to_html(talk, "http://dfs.example.org/").decode()
    assert "<h1>A talk &lt;about&gt; skipping</h1>" in html
    assert [f"<h2>View {n}</h2>" in html for n in (1, 2, 3)] == [True] * 3
    assert "default-src 'none'" in html
    sources = re.findall(r'src="([^"]*)"', html)
    assert [source.partition(",")[0] for source in sources] == ["data:image/svg+xml;base64"] * 3
    assert base64.b64decode(sources[0].partition(",")[2]).decode() == talk.slides[0].light
    assert html.count('alt="Two bars &amp; a picture"') == 3
    assert "<script" not in html, "pictures need no program"
    assert 'href="' not in html


def test_an_empty_talk_is_not_exported():
    for make in (slides.to_pptx, slides.to_html):
        with pytest.raises(UserError, match="the talk is empty"):
            make(Talk())


def test_a_legend_travels_with_the_slide(talk: Talk):
    opened = talk_file.from_json(talk_file.to_json(talk).encode()).slides[0]
    for picture, colours in ((opened.light, LIGHT), (opened.dark, DARK)):
        assert ">full</text>" in picture
        assert f'<rect x="-9" y="-7" width="18" height="14" rx="3" fill="{colours.ink}"' in picture
