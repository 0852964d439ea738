"""Title and text slides, the starter talk of six slides, and type that fits into its box."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from exhibits import example_talk
from pages import go_to, opened
from pptx import Presentation
from pptx.util import Pt
from streamlit.testing.v1 import AppTest

from dashboard.export.talk import MAX_TITLE, Slide, Talk
from dashboard.present import slides, talk_file
from dashboard.present.six_slides import Figures, accuracy_in_words, conclusion_in_words, headline
from dfs_core.checkpoints.card_files import read_card

TEXT = Slide.written("text", "A <question>", "Question\n- How much?\n- <b>Really?</b>\nMethod", "Say it.")
TITLE = Slide.written("title", "Half of it is enough", "ResNet-14")


@pytest.fixture(scope="module")
def talk() -> Talk:
    views = example_talk().slides
    return Talk("A talk", (TITLE, TEXT, views[0]))


def test_written_slides_are_kept_in_a_file_with_their_text(talk: Talk):
    assert talk_file.from_json(talk_file.to_json(talk).encode()) == talk


def test_powerpoint_has_written_slides_and_no_second_title_slide(talk: Talk):
    first, second, third = Presentation(io.BytesIO(slides.to_pptx(talk))).slides
    assert [one.shapes.title.text for one in (first, second)] == ["Half of it is enough", "A <question>"]
    assert second.shapes[1].text_frame.text == "Question\n• How much?\n• <b>Really?</b>\nMethod"
    assert second.notes_slide.notes_text_frame.text == "Say it."
    assert any(shape.shape_type == 13 for shape in third.shapes)


def test_the_page_of_a_talk_shows_text_as_text(talk: Talk):
    page = slides.to_html(talk).decode()
    assert "<p>Question</p><ul><li>How much?</li><li>&lt;b&gt;Really?&lt;/b&gt;</li></ul><p>Method</p>" in page


@pytest.mark.parametrize("title", ["Short", "Two lines of a title " * 5, "W" * 40 + " " + "M" * 60, "word " * 32])
def test_a_title_fits_into_its_box_in_powerpoint(talk: Talk, title: str):
    long = replace(talk, slides=tuple(replace(one, title=title[:MAX_TITLE].strip()) for one in talk.slides))
    for slide in Presentation(io.BytesIO(slides.to_pptx(long))).slides:
        shape = slide.shapes.title
        size = shape.text_frame.paragraphs[0].runs[0].font.size
        lines = 1 + len(title.strip()) * 0.5 * size // shape.width  # a letter is about half as wide as it is high
        assert lines * 1.2 * size <= shape.height
        assert size >= Pt(10)


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path) -> AppTest:
    made = opened("present").button(key="talk_story_six").click().run()
    assert not made.exception
    return made


def test_the_starter_talk_has_six_slides_whose_titles_say_stored_figures(app: AppTest, tiny_pretrained: Path):
    made = app.session_state["talk"].talk
    assert [one.kind for one in made.slides] == ["title", "text", "view", "view", "view", "text"]
    test = read_card(tiny_pretrained / "tiny-dfs-20").metrics["test"]
    plain = read_card(tiny_pretrained / "tiny-backbone").metrics["test"]
    title, question, curve, *_, conclusion = (one.title for one in made.slides)
    assert f"{test['accuracy']:.2f} %" in title
    assert f"{test['cp']:.2f} %" in title
    assert f"{plain['accuracy']:.2f} %" in question
    assert f"{abs(plain['accuracy'] - test['accuracy']):.2f} points" in curve
    assert f"{100 - test['cp']:.2f} %" in conclusion
    assert all(re.search(r"\d", one.title) for one in made.slides)


def test_a_text_slide_is_added_and_written_in_place(app: AppTest):
    app.button(key="talk_new_text").click().run()
    app.text_area(key="slide_text_6_0").set_value("- One\n\x00- Two").run()
    assert not app.exception
    made = app.session_state["talk"].talk.slides[-1]
    assert (made.kind, made.text) == ("text", "- One\n- Two")
    app.button(key="slide_start_6").click().run()
    html = "".join(element.proto.body for element in go_to(app, "present").get("html"))
    assert "<li>One</li><li>Two</li>" in html


def test_what_was_not_measured_or_is_interpolated_is_not_said_to_be_exact():
    assert "decides" in headline(Figures("ResNet-8 on x"))
    assert "not measured" in accuracy_in_words(Figures("ResNet-8 on x", backbone=90.0))
    between = Figures("n", 90.0, 89.0, None, None, 3.0, 5.0, None)
    assert "about 89.00 %" in accuracy_in_words(between)
    better = Figures("n", 90.0, 91.0, 90.0, 92.0, 3.0, 5.0, 100)
    assert (
        conclusion_in_words(better)
        == "Leaving out 97.00 % of cp cost no accuracy: 1.00 points more than the plain network"
    )
