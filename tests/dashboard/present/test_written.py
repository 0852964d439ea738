"""Title and text slides, the starter talk of six slides, and type that fits into its box."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from every_budget import every_budget_card
from exhibits import example_talk
from pages import go_to, opened
from pptx import Presentation
from pptx.util import Pt
from streamlit.testing.v1 import AppTest
from tiny import make_card

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.tables import Rows
from dashboard.drawing.diverging import signed
from dashboard.drawing.palette import LIGHT
from dashboard.export.talk import MAX_TITLE, Slide, Talk
from dashboard.present import show_panel, slides, talk_file
from dashboard.present.six_slides import (
    Figures,
    accuracy_in_words,
    conclusion_in_words,
    conclusion_text,
    headline,
    question_text,
)
from dashboard.ui.page import Opened
from dashboard.ui.state import State
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.checkpoints.words import SESSION
from dfs_core.evaluation.metrics import paired_difference
from dfs_core.model.config import ModelConfig, PolicyName, backbone_config

TEXT = Slide.written("text", "A <question>", "Question\n- How much?\n- <b>Really?</b>\nMethod", "Say it.")
TITLE = Slide.written("title", "Half of it is enough", "ResNet-14")
METRICS = {"n": 100, "accuracy": 91.0, "accuracy_ci95": [90.0, 92.0], "cp": 20.3, "all_in": 25.0, "policies": 3}
SHARES = [{"skip": 10.0, "8": 40.0, "16": 50.0, "full": 0.0}] * 5


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
    assert '<details><summary>Speaker notes</summary><p class="notes">Say it.</p></details>' in page, (
        "not for all to see"
    )


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
    assert f"at a cp of {test['cp']:.2f} %" in title
    assert [made.slides[place].stamp.cost for place in (0, 1, -1)] == ["cp", "", "cp and all-in"]
    assert f"{plain['accuracy']:.2f} %" in question
    assert f"{abs(plain['accuracy'] - test['accuracy']):.2f} points" in curve
    assert f"{100 - test['cp']:.2f} %" in conclusion
    assert all(re.search(r"\d", one.title) for one in made.slides)


def test_the_conclusion_has_the_interval_of_the_loss(app: AppTest, tiny_pretrained: Path):
    points = [OperatingPoint(read_card(tiny_pretrained / name)) for name in ("tiny-backbone", "tiny-dfs-20")]
    plain, dynamic = (read_traces(tiny_pretrained / point.card.name, point).correct for point in points)
    gain, low, high = paired_difference(dynamic, plain)
    said = f"Against the plain network, on the same images: {signed(gain)} points ({signed(low)} to {signed(high)})."
    assert said in app.session_state["talk"].talk.slides[-1].text


def test_a_text_slide_is_added_and_written_in_place(app: AppTest):
    app.button(key="talk_new_text").click().run()
    app.text_area(key="slide_text_6_0").set_value("- One\n\x00- Two").run()
    assert not app.exception
    made = app.session_state["talk"].talk.slides[-1]
    assert (made.kind, made.text) == ("text", "- One\n- Two")
    app.button(key="slide_start_6").click().run()
    html = "".join(element.proto.body for element in go_to(app, "present").get("html"))
    assert "<li>One</li><li>Two</li>" in html


def figures(monkeypatch: pytest.MonkeyPatch, card: Card, budget: float | None = None, measured: Rows = ()) -> Figures:
    """The figures of a checkpoint beside a plain network that is right for 90 %, with these measured points."""
    plain = make_card(
        "plain",
        "backbone",
        backbone_config(14),
        metrics={"test": METRICS | {"accuracy": 90.0, "shares": [{"full": 100.0}] * 5}},
    )
    monkeypatch.setattr("dashboard.views.cached.measured", lambda: list(measured))
    cards = Catalogue((plain, replace(card, parents=("plain",))))
    return Figures.of(Opened(cards, State(card.name), OperatingPoint(cards.cards[1], budget), LIGHT))


def test_what_was_not_measured_is_not_said_to_be(monkeypatch: pytest.MonkeyPatch):
    unknown = figures(monkeypatch, every_budget_card(), 0.8)
    assert "decides" in headline(unknown)
    assert "not measured" in accuracy_in_words(unknown)


def test_what_is_interpolated_is_said_to_be_about(monkeypatch: pytest.MonkeyPatch):
    row = {"checkpoint": every_budget_card().name, "n": 10_000, "low": 1.0, "high": 99.0, "all_in": 5.0}
    row |= {"macs": None, "energy": None}
    ends = [row | {"budget": budget, "cp": budget, "accuracy": 88 + budget} for budget in (0.5, 1.5)]
    between = figures(monkeypatch, every_budget_card(), 1.0, ends)
    assert between.images is None
    assert between.which == "test images"
    name = between.network
    assert headline(between) == f"{name} is right for about 89.00 % of the test images at a cp of about 1.00 %"
    said = "At a cp of about 1.00 %, the accuracy is about 89.00 %, about 1.00 points below the plain network"
    assert accuracy_in_words(between) == said
    said = "Saving about 99.00 % of cp costs about 1.00 points of accuracy"
    assert conclusion_in_words(between) == said
    text = conclusion_text(between)
    assert "about 89.00 %, of the test images, interpolated between two measured budgets" in text
    assert "10,000" not in text
    exact = figures(monkeypatch, every_budget_card(), 1.5, ends)
    assert headline(exact) == f"{name} is right for 89.50 % of the test images at a cp of 1.50 %"
    assert "of 10,000 test images" in conclusion_text(exact)


def test_a_session_checkpoint_is_said_to_be_measured_on_validation_images(monkeypatch: pytest.MonkeyPatch):
    config = ModelConfig(depth=14, budget=20.0)
    made = figures(
        monkeypatch, make_card("tuned", SESSION, config, metrics={"validation": METRICS | {"shares": SHARES}})
    )
    assert headline(made) == f"{made.network} is right for 91.00 % of the validation images at a cp of 20.30 %"
    assert accuracy_in_words(made) == "At a cp of 20.30 %, the accuracy is 91.00 % on validation images"
    assert "of 100 validation images" in conclusion_text(made)
    assert made.backbone is None, "which was measured on test images"


def test_without_its_backbone_an_operating_point_was_measured_all_the_same():
    alone = Figures("n", None, 91.0, 90.0, 92.0, 20.0, 25.0, 10_000)
    assert alone.loss is None
    assert conclusion_in_words(alone) == "With 80.00 % of cp saved, 91.00 % of the test images are right"
    assert "of 10,000 test images" in conclusion_text(alone)


def test_figures_in_words_have_their_stamp_on_every_medium(app: AppTest):
    made = app.session_state["talk"].talk
    title, text = (next(one for one in made.slides if one.kind == kind) for kind in ("title", "text"))
    for slide in (title, text):
        assert slide.stamp.line() in show_panel._slide(slide, 1, 6, None, False)
    page = slides.to_html(made).decode()
    assert page.count("<footer>") == len(made.slides)
    for shown, slide in zip(Presentation(io.BytesIO(slides.to_pptx(made))).slides, made.slides, strict=True):
        assert any(slide.stamp.checkpoint in shape.text_frame.text for shape in shown.shapes if shape.has_text_frame)


def test_what_costs_no_accuracy_is_said_to_cost_none():
    better = Figures("n", 90.0, 91.0, 90.0, 92.0, 3.0, 5.0, 100)
    assert (
        conclusion_in_words(better) == "Saving 97.00 % of cp cost no accuracy: 1.00 points more than the plain network"
    )


def test_no_difference_is_told_without_an_interval_of_no_width():
    same = Figures("n", 91.0, 91.0, 90.0, 92.0, 20.0, 25.0, 48, against=(0.0, 0.0, 0.0))
    assert conclusion_in_words(same) == "Saving 80.00 % of cp costs no accuracy"
    assert "on the same images: each is right on the same ones." in conclusion_text(same)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("utility", "- A gate looks at the image before each block"),
        ("one-shot", "- After the first block, a small network looks at its output once"),
        ("confidence", "- Before each block a small classifier says how sure it is"),
        ("table", "- One rule, the same for every image"),
    ],
)
def test_the_slide_on_the_method_says_who_decides(policy: PolicyName, words: str):
    config = replace(every_budget_card().config, policy=policy)
    assert words in question_text(make_card("x", "every-budget", config))


def test_no_line_of_a_title_begins_with_a_unit():
    slide = Slide.written("title", "It is right for 70.45 % of them at 8 bits", "ResNet-14")
    (made,) = Presentation(io.BytesIO(slides.to_pptx(Talk("A talk", (slide,))))).slides
    wanted = "It is right for 70.45\N{NO-BREAK SPACE}% of them at 8\N{NO-BREAK SPACE}bits"
    assert made.shapes.title.text == wanted
    assert wanted in slides.to_html(Talk("A talk", (slide,))).decode()
    assert slide.title == "It is right for 70.45 % of them at 8 bits", "as it was written"
