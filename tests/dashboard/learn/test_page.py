"""The Learn page without a browser: six steps, the quiz and its score, the glossary."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from every_budget import CONFIG, ByRule, every_budget_card
from made_up import looked_at
from pages import breakable, control, opened, said, text_of, unlinked
from PIL import Image
from streamlit.testing.v1 import AppTest
from tiny import make_card, make_network, picture, pictures

from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.drawing.palette import LIGHT
from dashboard.learn import charts, lesson
from dashboard.learn.glossary import TERMS, as_html
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.model.config import ModelConfig, PolicyName
from dfs_core.results.agreement import Agreement

PAGE = "learn"


@pytest.fixture(autouse=True)
def _no_data(tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "none"))


def sentences(app: AppTest) -> list[str]:
    said = (breakable(unlinked(element.value)) for element in app.markdown)
    return [text for text in said if not text.startswith(("#", "**Question"))]


def test_the_six_steps_follow_one_another_and_each_says_three_sentences():
    app = opened(PAGE)
    for number in lesson.STEPS:
        assert not app.exception
        assert app.markdown[0].value == f"## {number}. {lesson.title_of(number, 32)}"
        assert len(sentences(app)) == 3
        assert len(app.get("vega_lite_chart")) == (number not in ("1", "6")), "of these checkpoints none is a cascade"
        app.button(key="go_Next").click().run()
        if number != "6":
            assert app.query_params["step"] == str(int(number) + 1)
    assert app.query_params["step"] == "quiz"


def test_a_large_picture_is_shown_as_given_and_reduced():
    app = opened(PAGE, image="frog")
    assert "could you still tell" in " ".join(sentences(app))
    assert text_of(app).partition("</section>")[2].count("<img") == 2
    assert not [one for one in app.toggle if one.key.startswith("drawn")]


def test_where_nothing_is_lost_one_picture_is_shown_and_a_drawing_can_be_set_beside_it(cifar10_dir, monkeypatch):
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    app = opened(PAGE, image="test-0")
    assert "32 by 32 already, so nothing is lost" in " ".join(sentences(app))
    assert text_of(app).partition("</section>")[2].count("<img") == 1
    control(app.toggle, "drawn").set_value(True).run()
    assert app.query_params["drawn"] == "1"
    assert "The drawing of an airplane" in " ".join(sentences(app))
    assert text_of(app).partition("</section>")[2].count("<img") == 3


def test_a_test_image_of_another_size_is_shown_as_it_is_stored_and_loses_what_it_loses(tmp_path, monkeypatch):
    for place, name in enumerate(("cat", "dog", "frog")):
        folder = tmp_path / "data" / "cifar10" / "test" / name
        folder.mkdir(parents=True)
        Image.fromarray(np.full((48, 64, 3), 60 * place, np.uint8)).save(folder / "0.png")
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    app = opened(PAGE, image="test-0")
    words = " ".join(sentences(app))
    assert "Its 64 by 48 pixels are cut to the middle square. No budget brings back" in words
    assert "nothing is lost" not in words
    assert text_of(app).partition("</section>")[2].count("<img") == 2


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((32, 32), "32 by 32 already, so nothing is lost"),
        ((16, 16), "only 16 by 16 pixels and is enlarged: nothing is lost"),
        ((64, 64), "No budget brings back"),
        ((16, 40), "Its 16 by 40 pixels are cut to the middle square"),
    ],
)
def test_what_a_picture_loses_is_told_by_its_own_size(size: tuple[int, int], words: str):
    made = make_picture("k", "p", "upload", Image.new("RGB", size))
    said = lesson.picture_words(Shown(made, ByRule().predict([made.seen])[0]))[1]
    assert words in said
    assert ("nothing is lost" in said) == ("nothing is lost" in words)


@pytest.mark.parametrize(("second", "words"), [(0.4003, "near tie"), (0.3997, "Its margin is 10 points")])
def test_a_near_tie_is_what_reads_as_one(second: float, words: str):
    made = make_picture("k", "p", "upload", pictures(1)[0])
    trace = ByRule().predict([made.seen], budget=1.25)[0]
    best = 0.5
    rest = (1 - best - second) / (len(trace.options) - 2)
    gates = ((best, second) + (rest,) * (len(trace.options) - 2),) * len(trace.probabilities)
    item = Shown(made, replace(trace, probabilities=gates))
    assert words in " ".join(lesson.gate_words(item, every_budget_card(), 3))


def test_of_a_table_no_decision_is_called_a_near_tie_and_no_probability_is_shown():
    made = make_picture("k", "p", "upload", pictures(1)[0])
    trace = ByRule().predict([made.seen], budget=1.25)[0]
    close = (0.41, 0.4) + (0.19 / (len(trace.options) - 2),) * (len(trace.options) - 2)
    item = Shown(made, replace(trace, probabilities=(close,) * len(trace.probabilities)))
    card = make_card("x", "mixed", replace(CONFIG, policy="table"))
    words = " ".join(lesson.gate_words(item, card, 3))
    assert "the same for every image" in words
    assert "Mirroring the image cannot flip this decision" in words
    assert "near tie" not in words
    rows = charts.gate_rows(item, card.config)
    assert {row["probability"] for row in rows} == {0.0, 100.0}
    assert all(row["chosen"] == (row["probability"] == 100) for row in rows)


def test_step_two_of_a_static_mix_shows_blocks_and_no_gates(tmp_path, monkeypatch):
    config = replace(CONFIG, policy="table")
    card = make_card("mix", "mixed", config, budget_range=config.budget_range)
    save_checkpoint(tmp_path / "mix", make_network(config), card)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    app = opened(PAGE, step="2")
    assert not app.exception
    (chart,) = app.get("vega_lite_chart")
    assert "share of images" in chart.proto.spec
    assert [one.label for one in app.expander] == ["Table of blocks"]


def test_an_image_of_ones_own_is_looked_at_as_soon_as_it_is_there():
    buffer = io.BytesIO()
    Image.fromarray(picture(3, 64)).save(buffer, "PNG")
    app = opened(PAGE, image="frog")
    app.file_uploader(key="uploads").set_value([("mine.png", buffer.getvalue(), "image/png")]).run()
    assert not app.exception
    chosen = control(app.selectbox, "lesson_image")
    assert chosen.value.startswith("upload-")
    app.file_uploader(key="uploads").set_value([("notes.png", b"these are notes", "image/png")]).run()
    assert "notes.png" in app.error[0].value
    assert not control(app.selectbox, "lesson_image").value.startswith("upload-")


def test_the_last_step_tests_on_the_same_images_what_was_lost(tiny_pretrained: Path):
    folders = [tiny_pretrained / name for name in ("tiny-backbone", "tiny-dfs-20")]
    plain, own = (read_traces(folder, OperatingPoint(read_card(folder))) for folder in folders)
    words = " ".join(sentences(opened(PAGE, step="5")))
    assert "plain network is right on as many" in words, "the two are right on as many"
    assert f"{len(np.unique(own.decisions, axis=0))} different decision vectors" in words
    better = replace(own, predictions=own.labels)
    found = Agreement.of(plain, better)
    item = Shown(make_picture("a", "a", "drawing", pictures(1)[0], "cat"), ByRule().predict(pictures(1))[0])
    figures = {"images": 40, "what": "test set", "accuracy": 1.0, "low": 0.0, "high": 2.0, "cp": 3.0, "all_in": 4.0}
    words = " ".join(lesson.sum_words(item, figures, better, plain))
    assert (
        f"{found.gain:.2f} points more than the plain network on the same 40 images, more than chance explains" in words
    )
    assert "(p < 0.0001)" in words
    words = " ".join(sentences(opened(PAGE, step="5", checkpoint="tiny-backbone")))
    assert "The points are other networks" in words


def test_of_a_cascade_the_last_step_says_how_many_images_it_looked_at_again():
    item = Shown(make_picture("a", "a", "drawing", pictures(1)[0], "cat"), ByRule().predict(pictures(1))[0])
    figures = {"images": 6, "what": "test set", "accuracy": 1.0, "low": 0.0, "high": 2.0, "cp": 3.0, "all_in": 4.0}
    traces = looked_at()
    assert traces.looks is not None
    said = lesson.sum_words(item, figures, traces, None)[-1]
    assert said == f"{100 * (traces.looks.passes > 1).sum() / 6:.1f} % of the 6 test images are looked at again."


def test_a_link_opens_a_step_with_its_block():
    app = opened(PAGE, step="2", block="5")
    assert control(app.slider, "block").value == 5
    assert "For block 5" in " ".join(sentences(app))
    control(app.slider, "block").set_value(3).run()
    assert app.query_params["block"] == "3"


@pytest.mark.parametrize("query", [{"step": "2", "block": "²"}, {"step": "quiz", "question": "²"}])
def test_a_number_in_other_digits_is_no_error(query: dict[str, str]):
    app = opened(PAGE, **query)
    assert not app.exception
    assert app.query_params["step"] == query["step"]


def test_forcing_every_block_gives_the_cost_of_that_option():
    app = opened(PAGE, step="3")
    control(app.segmented_control, "force").set_value("8").run()
    assert "With every block at **8 bits**, cp is 6.25 %" in " ".join(sentences(app))


@pytest.mark.parametrize("step", ["2", "3", "4", "5", "quiz"])
def test_no_number_is_parted_from_its_unit_at_the_end_of_a_line(step: str):
    app = opened(PAGE, step=step, force="8", question="6")
    said = " ".join(unlinked(element.value) for element in app.markdown)
    assert re.search(r"\d\N{NO-BREAK SPACE}(%|bits)", said)
    assert not re.search(r"\d (%|bits)", said)


def test_an_unknown_step_of_a_link_is_named_and_the_first_is_shown():
    app = opened(PAGE, step="99")
    assert "The link's step '99' is none of this page's" in said(app.warning[0])
    assert app.markdown[0].value.startswith("## 1. ")


def test_of_a_network_without_few_bits_step_three_speaks_of_none():
    skipnet = sentences(opened(PAGE, step="3", checkpoint="tiny-skipnet-50"))
    assert skipnet[0].startswith("This network has no option with fewer bits: a skipped block costs nothing")
    assert skipnet[-1].startswith("Choose an option below")
    backbone = sentences(opened(PAGE, step="3", checkpoint="tiny-backbone"))
    assert backbone[0] == "This network runs every block in full, so it saves nothing."
    assert not any("Choose an option" in text for text in backbone)


def test_a_network_without_gates_has_its_own_words():
    app = opened(PAGE, step="2", checkpoint="tiny-backbone")
    assert "no gates" in " ".join(sentences(app))
    (chart,) = app.get("vega_lite_chart")
    assert "share of images" in chart.proto.spec
    assert "probability, %" not in chart.proto.spec
    assert [one.label for one in app.expander] == ["Table of blocks"]
    app = opened(PAGE, step="4", checkpoint="tiny-backbone")
    assert not app.exception
    assert "This network has no budget" in " ".join(sentences(app))


def test_the_quiz_reveals_keeps_the_score_and_begins_again_with_other_images():
    app = opened(PAGE, step="quiz")
    assert not app.exception
    assert app.button(key="reveal").disabled
    app.radio[0].set_value(0).run()
    app.button(key="reveal").click().run()
    verdict = [*app.success, *app.error]
    assert len(verdict) == 1
    assert "%" in verdict[0].value
    app.button(key="following").click().run()
    assert app.query_params["question"] == "2"
    assert not [*app.success, *app.error]
    app.button(key="others").click().run()
    assert app.query_params["gallery"] == "2"
    assert app.button(key="reveal").disabled


def test_an_answer_of_the_quiz_stands_as_it_was_scored_after_another_budget_was_asked_about():
    def answer(choice: int) -> None:
        app.radio[0].set_value(choice).run()
        app.button(key="reveal").click().run()

    app = opened(PAGE, step="quiz", checkpoint="tiny-dfs-20")
    answer(0)
    verdict = [one.value for one in (*app.success, *app.error)]
    control(app.select_slider, "budget").set_value(30.0).run()
    assert app.radio[0].value is None, "this question is another one"
    answer(1)
    control(app.select_slider, "budget").set_value(20.0).run()
    assert app.radio[0].disabled
    assert app.radio[0].value == 0
    assert [one.value for one in (*app.success, *app.error)] == verdict
    control(app.selectbox, "cost").set_value("all-in").run()
    assert app.radio[0].value is None, "another measure may have another answer"


@pytest.mark.parametrize("link", ["page", "image"])
def test_after_the_last_page_of_the_gallery_the_quiz_goes_on_with_the_first(link: str):
    last = control(opened(PAGE, gallery="2").selectbox, "lesson_image").options[0]
    query = {"gallery": "2"} if link == "page" else {"image": last}  # an image's own page is shown
    app = opened(PAGE, step="quiz", budget="13", **query)
    assert app.warning, "no checkpoint was trained for this budget"
    before = text_of(app)
    app.button(key="others").click().run()
    assert not app.exception
    assert not app.warning
    assert not {"gallery", "image"} & set(app.query_params)
    assert text_of(app) != before


@pytest.mark.parametrize("number", range(1, 10))
def test_no_picture_of_the_quiz_is_called_by_its_class(number: int):
    app = opened(PAGE, step="quiz", question=str(number))
    names = re.findall(r'alt="([^"]*)"', text_of(app)) + re.findall(r"<figcaption>([^<]*)<", text_of(app))
    assert names
    assert set(names) <= {"This image", "First image", "Second image", *(f"Image {place}" for place in range(1, 99))}


def test_the_glossary_has_an_anchor_for_every_term():
    app = opened(PAGE, step="glossary")
    html = as_html()
    assert 'id="term-cp"' in text_of(app)
    assert len(set(re.findall(r'id="(term-[a-z-]+)"', html))) == len(TERMS)
    assert set(re.findall(r'href="#(term-[a-z-]+)"', html)) == {f"term-{term.key}" for term in TERMS}


def test_every_word_that_people_ask_for_is_there():
    wanted = "option gate decision cp all-in macs energy budget alpha signed-cost price dial margin interval stage"
    found = {term.key for term in TERMS}
    assert set(wanted.split()) | {"variation", "differ", "vector"} <= found
    assert not {"trace", "pareto", "quantisation"} & found, "no page says these"
    names = [term.name.lower() for term in TERMS]
    assert names == sorted(names)


def test_at_each_measured_budget_the_test_sets_cost_stands_beside_the_images():
    card = every_budget_card()
    measured = [
        {"checkpoint": card.name, "budget": 1.25, "cp": 1.3},
        {"checkpoint": card.name, "budget": None, "cp": 9.0},  # of a dial
        {"checkpoint": "another", "budget": 1.25, "cp": 5.0},
    ]
    (row,) = lesson.budget_rows(OperatingPoint(card, 1.25), [], measured)
    assert row == {"budget": 1.25, "cp": 1.3, "checkpoint": card.name, "what": lesson.TEST_SET, "in_use": True}
    (row,) = lesson.budget_rows(OperatingPoint(card, 2.5), [], measured)
    assert not row["in_use"]


def test_what_budgets_buy_lies_on_equal_axes_of_either_scale_and_keeps_its_figures():
    rows = [
        {"budget": budget, "cp": cp, "checkpoint": "x", "what": what, "in_use": False}
        for budget in (0.3, 1.0, 30.0)
        for what, cp in ((lesson.TEST_SET, budget), (lesson.THIS_IMAGE, 0.0 if budget < 1 else budget * 1.1))
    ]
    for scale in ("log", "linear"):
        figure = charts.bought(rows, scale, LIGHT)
        layer = figure.spec["layer"][0]["encoding"]
        assert layer["x"]["scale"] == layer["y"]["scale"]
        assert layer["x"]["scale"]["type"] == scale
        low, high = layer["x"]["scale"]["domain"]
        assert all(low <= row["budget"] <= high and low <= row["y"] <= high for row in figure.data["points"])
        assert [row["cp"] for row in figure.data["points"]] == [row["cp"] for row in rows]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("utility", "Before each of 5 blocks a gate looks at channel averages of its input"),
        ("confidence", "Before each of 5 blocks a small classifier says how sure it is"),
        ("one-shot", "After the first block, a small policy network looks at its output once"),
        ("table", "No gate looks at the image"),
    ],
)
def test_each_kind_of_gate_is_told_as_what_it_is(policy: PolicyName, words: str):
    made = make_picture("k", "p", "upload", pictures(1)[0])
    item = Shown(made, ByRule().predict([made.seen], budget=1.25)[0])
    card = make_card("x", "every-budget", replace(CONFIG, policy=policy))
    assert words in lesson.gate_words(item, card, 3)[0]


def test_a_budget_of_time_is_not_called_a_cp():
    item = Shown(make_picture("k", "p", "upload", pictures(1)[0]), ByRule().predict(pictures(1), budget=1.25)[0])
    card = make_card("x", "dfs", ModelConfig(depth=8, budget=50.0), alpha=5e-6, training={"cost": "time"})
    words = " ".join(lesson.budget_words(item, OperatingPoint(card), []))
    assert "50 %, is a share of the time" in words
    assert f"a cp of **{item.trace.cp:.2f} %**" in words


def test_where_nothing_can_be_changed_learn_does_not_speak_of_it(monkeypatch: pytest.MonkeyPatch):
    item = Shown(make_picture("k", "p", "upload", pictures(1)[0]), ByRule().predict(pictures(1), budget=1.25)[0])
    card = make_card("x", "dfs", ModelConfig(depth=8, budget=20.0), alpha=5e-6)
    row = {"in_use": True, "what": lesson.TEST_SET, "cp": 20.0}
    words = lesson.budget_words(item, OperatingPoint(card), [row])
    assert "The laboratory shows how it works" in words[1]
    monkeypatch.setenv("DFS_READ_ONLY", "1")
    assert "laboratory" not in " ".join(lesson.budget_words(item, OperatingPoint(card), [row]))
