"""The page Present and the way into a talk, without a browser."""

from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path

import pytest
import streamlit as st
from pages import go_to
from places import APP
from pptx import Presentation
from streamlit.testing.v1 import AppTest

from dashboard.export.talk import Talk
from dashboard.present import talk_file
from dashboard.ui import downloads, session_talk
from dashboard.ui.downloads import TalkFile

PAGE = "present"


@pytest.fixture
def app(tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "none"))
    return AppTest.from_file(str(APP), default_timeout=120).run()


@pytest.fixture
def made(app: AppTest) -> AppTest:
    """On the page, with the talk that it makes of what is selected."""
    return go_to(app, PAGE).run().button(key="talk_make").click().run()


def talk_of(app: AppTest) -> Talk:
    return app.session_state["talk"].talk


def titles(app: AppTest) -> list[str]:
    return [slide.title for slide in talk_of(app).slides]


def text_of(app: AppTest) -> str:
    html = "".join(element.proto.body for element in app.get("html"))
    return html + " ".join(str(element.value) for kind in (app.markdown, app.caption) for element in kind)


def test_a_view_is_added_from_its_page_and_the_empty_page_says_how(app: AppTest):
    empty = go_to(AppTest.from_file(str(APP), default_timeout=120).run(), PAGE).run()
    assert not empty.exception
    assert "Add to talk" in text_of(empty)
    assert "keeps the talk" not in text_of(empty), "there is nothing to lose"
    app.button(key="strip_add").click().run()
    assert not app.exception
    assert "Slide 1 of your talk" in app.toast[0].value
    go_to(app, PAGE).run()
    assert not app.exception
    assert "This browser keeps the talk" in text_of(app)
    (slide,) = talk_of(app).slides
    assert slide.title == "Decisions of DFS ResNet-14, budget 20 %, alpha 5e-6"
    assert slide.stamp.checkpoint == "tiny-dfs-20"
    assert slide.light.count("<image ") >= 10
    assert app.text_input[1].value == slide.title


def test_one_click_makes_a_talk_of_what_is_selected_and_its_slides_are_edited_in_place(made: AppTest):
    assert not made.exception
    first, second, third = titles(made)
    assert first.startswith("Accuracy and cp")
    assert second.startswith("Decisions of")
    assert {slide.stamp.link for slide in talk_of(made).slides} == {"/?checkpoint=tiny-dfs-20"}
    made.button(key="slide_Move down_0").click().run()
    assert titles(made) == [second, first, third]
    made.text_input[1].set_value("What it decides").run()
    made.text_area[0].set_value("Look at the cat.").run()
    assert titles(made)[0] == "What it decides"
    assert talk_of(made).slides[0].notes == "Look at the cat."
    made.text_input[0].set_value("A talk").run()
    assert talk_of(made).title == "A talk"
    made.button(key="slide_Remove_1").click().run()
    assert titles(made) == ["What it decides", third]
    made.button(key="talk_undo").click().run()
    assert titles(made) == ["What it decides", first, third]
    made.button(key="talk_clear").click().run()
    assert not made.exception
    assert titles(made) == []
    assert made.button(key="talk_make")


def test_an_edit_that_comes_with_a_click_is_kept_and_the_click_as_well(made: AppTest):
    first, second, third = titles(made)
    made.text_area[0].set_value("Look at the cat.")
    made.button(key="slide_Move down_0").click().run()
    assert titles(made) == [second, first, third]
    assert talk_of(made).slides[1].notes == "Look at the cat."
    made.text_input[1].set_value("What it decides")
    made.button(key="slide_Remove_0").click().run()
    assert titles(made) == [first, third]


def test_a_file_is_made_of_the_talk_as_it_is_when_it_is_asked_for(made: AppTest, monkeypatch: pytest.MonkeyPatch):
    makers: dict[str, tuple[TalkFile, str]] = {}
    monkeypatch.setattr(st, "download_button", lambda label, make, name, *_, **__: makers.update({label: (make, name)}))
    made.run()
    before = dict(makers)
    made.text_input[0].set_value("Named just now").run()
    monkeypatch.setattr(downloads, "WAIT_S", 0.0)
    for label, (make, name) in before.items():
        assert "what-a-dynamic" not in name  # the title may change by the very click
        written = make()
        if label == "PowerPoint":
            assert Presentation(io.BytesIO(written)).core_properties.title == "Named just now"
        else:
            assert b"Named just now" in written


def test_a_file_waits_for_what_was_typed_before_the_click():
    held = session_talk.TalkHolder()
    file = TalkFile(held, lambda talk: talk.title.encode())
    with ThreadPoolExecutor(1) as browser:
        asked = browser.submit(file)
        time.sleep(0.05)
        assert not asked.done()
        held.talk = held.talk.rename("Typed")
        file.clicked()
        assert asked.result(30) == b"Typed"


def test_presenting_stands_in_the_url_and_ends_where_the_talk_ends(made: AppTest):
    made.button(key="talk_start").click().run()
    assert not made.exception
    assert made.query_params["show"] == "1"
    assert "dfs-slide" in text_of(made)
    assert "1&nbsp;/&nbsp;3" in text_of(made)
    assert made.button(key="talk_previous").disabled
    assert 'src="data:image/svg+xml;base64,' in text_of(made)
    made.button(key="talk_next").click().run()
    assert made.query_params["show"] == "2"
    made.button(key="talk_End").click().run()
    assert made.query_params["show"] == "3"
    assert made.button(key="talk_next").disabled
    assert "Speaker notes" not in text_of(made)
    made.button(key="talk_notes").click().run()
    assert made.query_params["notes"] == "on"
    assert talk_of(made).slides[2].notes in unescape(text_of(made))
    made.button(key="talk_Home").click().run()
    assert made.query_params["show"] == "1"
    made.button(key="talk_end").click().run()
    assert not set(made.query_params) & {"show", "notes"}
    assert made.button(key="talk_start")


def test_a_link_into_a_talk_that_is_not_here_says_so(app: AppTest):
    app.query_params["show"] = "3"
    go_to(app, PAGE).run()
    assert not app.exception
    assert "a slide of a talk that is not open here" in app.info[0].value
    assert app.button(key="talk_make")


def test_a_saved_talk_is_opened_again_and_a_file_that_is_none_gets_one_line(made: AppTest):
    saved = talk_file.to_json(talk_of(made)).encode()
    made.button(key="talk_clear").click().run()
    made.file_uploader(key="talk_file_0").set_value(("notes.json", b'{"a": 1}', "application/json")).run()
    assert not made.exception
    assert len(made.error) == 1
    assert "notes.json" in made.error[0].value
    assert titles(made) == []
    made.file_uploader(key="talk_file_1").set_value(("talk.json", saved, "application/json")).run()
    assert not made.exception
    assert not made.error
    assert len(titles(made)) == 3
    assert talk_file.to_json(talk_of(made)) == saved.decode()


def test_a_picture_in_a_file_that_could_run_a_script_is_refused_in_one_line(made: AppTest):
    data = json.loads(talk_file.to_json(talk_of(made)))
    data["slides"][0]["light"] = data["slides"][0]["light"].replace("<rect ", "<script>alert(1)</script><rect ", 1)
    before = talk_of(made)
    broken = json.dumps(data).encode()
    made.file_uploader(key="talk_file_0").set_value(("talk.json", broken, "application/json")).run()
    assert not made.exception
    assert len(made.error) == 1
    assert "slide 1: its picture has 'script', which is not allowed here" in made.error[0].value.replace("\\", "")
    assert talk_of(made) == before


def test_a_late_change_to_a_slide_that_is_gone_is_left(monkeypatch: pytest.MonkeyPatch):
    from exhibits import exhibit

    session: dict[str, object] = {}
    monkeypatch.setattr("dashboard.ui.session_talk.st.session_state", session)
    monkeypatch.setattr("dashboard.ui.session_talk.st.toast", lambda *_, **__: None)
    session_talk.add(exhibit(title="one"))
    (slide,) = session_talk.current().slides
    session_talk.keep(Talk())
    session_talk.change(slide.key, lambda talk, index: talk.remove(index))
    assert session_talk.current() == Talk()
    session_talk.undo()
    assert session_talk.current().slides == (slide,)
