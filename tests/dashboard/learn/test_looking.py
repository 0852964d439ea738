"""Learn explains looking again with the images at hand, and asks about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_up import CASCADE, looked_at
from pages import go_to, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import pictures

from dashboard.answers import looks
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.learn import looking, quiz
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan
from dfs_core.predictor import Predictor


@pytest.fixture
def shown(with_cascade: Path) -> tuple[list[Shown], Card]:
    predictor, arrays = Predictor.load(with_cascade / "tiny-cascade"), pictures(8, seed=4)
    made = [make_picture(str(index), f"{index}.png", "upload", pixels) for index, pixels in enumerate(arrays)]
    traces = predictor.predict(arrays, budget=4.0)
    return [Shown(picture, trace) for picture, trace in zip(made, traces, strict=True)], predictor.card


def test_the_step_tells_easy_from_hard_and_adds_up_the_passes(shown) -> None:
    items, card = shown
    found = looks.looked(looked_at(), CASCADE)
    for item in items:
        idea, story, paid = looking.again_words(item, card, found, other=False)
        assert "at 2 bits, and again at 4 bits and 8 bits" in idea
        assert ("looked at again" in story) == (len(item.trace.passes) > 1) == ("+" in paid)
        assert looks.times(item.trace.passes[0].lead) in story
        assert f"{item.trace.cp:.2f} %" in paid
        assert "puts 1 of them right and 1 wrong" in paid
    assert "Shown: tiny-cascade" in looking.again_words(items[0], card, None, other=True)[0].replace("\\", "")


def test_a_class_is_named_as_it_is_shown(shown) -> None:
    items, card = shown
    again = next(item for item in items if len(item.trace.passes) > 1)
    passes = tuple(replace(one, label=f"aquarium_fish_{index}") for index, one in enumerate(again.trace.passes))
    fish = replace(again, trace=replace(again.trace, passes=passes))
    story = looking.again_words(fish, card, None, other=False)[1]
    assert "aquarium fish 0 is" in story
    assert "the answer is **aquarium fish" in story


def test_another_cascade_of_the_same_data_explains_it_where_the_checkpoint_is_none(cascade_in_use: Path) -> None:
    catalogue = Catalogue(tuple(scan()[0]))
    cascade, gated = (catalogue.named(name) for name in ("tiny-cascade", "tiny-dfs-20"))
    assert catalogue.cascade_like(cascade) is cascade
    assert catalogue.cascade_like(gated) is cascade
    assert catalogue.cascade_like(replace(gated, dataset="other")) is None
    assert Catalogue((gated,)).cascade_like(gated) is None


def test_the_quiz_asks_how_often_the_network_looked_again(shown) -> None:
    items, card = shown
    found = {one.key: one for one in quiz.questions(items, card.config, "cp", cheapest=("2", []))}
    again = found["again"]
    count = sum(len(item.trace.passes) > 1 for item in items)
    assert again.choices[again.answer] == str(count)
    assert len(again.choices) == len(set(again.choices))
    assert "forced" not in found, "a pass at other bits than its own would be another cascade"
    total = sum(len(item.trace.passes) for item in items)
    once = 100 * len(items) / total
    assert f"2 bits {once:.0f} %" in found["taken"].why


@pytest.mark.parametrize("checkpoint", ["tiny-cascade", "tiny-dfs-20"])
def test_the_page_shows_the_passes_whatever_checkpoint_is_in_use(cascade_in_use: Path, checkpoint: str) -> None:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": checkpoint, "step": "6"})
    app = go_to(app, "learn").run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 1
    assert ("Shown: tiny-cascade" in text_of(app).replace("\\", "")) == (checkpoint != "tiny-cascade")
