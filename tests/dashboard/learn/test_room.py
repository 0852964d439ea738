"""Learn in front of a room, its beginning, its explained terms, and the read-only mode."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import opened, text_of
from tiny import UNTRACED

from dashboard.drawing.palette import DARK, LIGHT
from dashboard.learn import why
from dashboard.learn.glossary import TERMS, explained
from dashboard.learn.room_panel import address_html
from dashboard.ui.read_only import VARIABLE


def test_learn_begins_with_why_and_a_picture_of_the_four_parts(tiny_pretrained: Path, no_data: Path):
    text = text_of(opened("learn"))
    assert "<h2>Why</h2>" in text
    for name in ("stem", "block", "skipped", "answer", "shortcut", "gate"):
        assert f">{name}</text>" in why.drawing(LIGHT)
    assert LIGHT.ink in why.drawing(LIGHT)
    assert DARK.ink in why.drawing(DARK)
    assert "<h2>Why</h2>" not in text_of(opened("learn", step="2"))


def test_a_term_is_explained_once_where_it_stands_and_links_to_the_glossary():
    known: set[str] = set()
    gate = next(term for term in TERMS if term.key == "gate")
    first = explained("Two gates before a **block**.", known)
    assert first.startswith(f'Two [gates](/learn?step=glossary#term-gate "{gate.text}") before')
    assert "**[block](" in first
    assert explained("A gate and a cp.", known).startswith("A gate and a [cp]")


def test_a_link_to_the_glossary_leaves_the_session_and_its_talk_in_their_tab():
    links = re.findall(r"<a [^>]*>", why.as_html(LIGHT))
    assert links
    assert all('target="_blank"' in one and 'rel="noopener noreferrer"' in one for one in links)


def test_in_every_step_the_image_is_in_view(tiny_pretrained: Path, no_data: Path):
    for step in ("2", "3", "4", "5"):
        assert "as given" in text_of(opened("learn", step=step))


def test_a_room_has_large_type_no_controls_and_the_address(tiny_pretrained: Path, no_data: Path):
    app = opened("learn", room="1")
    assert ".st-key-controls { display: none; }" in text_of(app)
    assert ".st-key-controls { display: none; }" not in text_of(opened("learn"))


def test_the_address_is_a_code_or_what_to_do_where_only_this_machine_reaches_it():
    for local in ("http://127.0.0.1:8501/learn", "http://localhost:8501/", "http://0.0.0.0:8501/", None):
        assert "--server.address=0.0.0.0" in address_html(local)
    html = address_html("http://192.168.1.20:8501/learn?room=1")
    assert "<figcaption>http://192.168.1.20:8501/learn</figcaption>" in html
    assert re.search(r'<img src="data:image/svg\+xml', html)


def test_read_only_has_no_laboratory_and_takes_no_pictures(
    tiny_pretrained: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
):
    assert opened().file_uploader
    monkeypatch.setenv(VARIABLE, "1")
    for page in ("explore", "image", "learn"):
        assert not opened(page).file_uploader
    assert not [one for one in opened("learn", step="4").button if one.key == "to_laboratory"]
    missing = opened("testset", checkpoint=UNTRACED)
    assert "they are not stored yet" in missing.info[0].value
    assert not [one for one in missing.button if str(one.key).startswith("store_")]
    assert not missing.code
    moved = opened("laboratory")
    assert "Accuracy and cost" in text_of(moved), "its address leads to the first page"
