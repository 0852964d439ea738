"""A cascade on every page: no page fails, and every pass is in the costs that it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import go_to, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import pictures

from dashboard.answers import costs
from dashboard.answers.costs import MEASURES
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown, image_rows
from dashboard.image.tables import passes_in_words
from dashboard.views import ledger_entries
from dfs_core.data.sets import load_images
from dfs_core.evaluation.evaluate import run
from dfs_core.model.cost import cost_models
from dfs_core.predictor import Predictor

PAGES = sorted(path.parent.name for path in APP.parent.glob("*/page.py") if path.parent.name != "ui")
NAME = "tiny-cascade"


@pytest.fixture
def predictor(with_cascade: Path) -> Predictor:
    return Predictor.load(with_cascade / NAME)


def shown(predictor: Predictor, budget: float) -> list[Shown]:
    arrays = pictures(8, seed=4)
    traces = predictor.predict(arrays, budget=budget)
    made = [make_picture(str(index), f"{index}.png", "upload", pixels) for index, pixels in enumerate(arrays)]
    return [Shown(picture, trace) for picture, trace in zip(made, traces, strict=True)]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_it(cascade_in_use: Path, page: str) -> None:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": NAME, "budget": "4"})
    app = go_to(app, page).run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("cost", MEASURES)
def test_the_ledger_adds_up_to_what_all_passes_cost(predictor: Predictor, cost: str) -> None:
    items, card = shown(predictor, 4.0), predictor.card
    assert len({len(item.trace.passes) for item in items}) > 1
    *_, total = ledger_entries.ledger_rows(items, items[0], card, cost)
    column = MEASURES[cost].column
    assert total["focus"] == pytest.approx(costs.of_trace(items[0].trace, card.config)[column])
    mean = sum(costs.of_trace(item.trace, card.config)[column] for item in items) / len(items)
    assert total["shown"] == pytest.approx(mean)
    assert costs.of_card(card)[column] == pytest.approx(total["test"], abs=1e-3)


def test_costs_of_the_card_are_those_of_every_pass_of_every_test_image(predictor: Predictor, cifar10_dir: Path) -> None:
    card = predictor.card
    outcome = run(predictor.checkpoint.model, load_images("cifar10", cifar10_dir, "test"), card.mean, card.std)
    paid = outcome.every_pass(card.config)
    for key, measure in MEASURES.items():
        wanted = cost_models(card.config)[measure.model].total(paid)
        assert costs.of_card(card)[measure.column] == pytest.approx(wanted, abs=1e-3), key


def test_a_table_of_images_counts_their_passes(predictor: Predictor) -> None:
    items = shown(predictor, 4.0)
    assert [row["passes"] for row in image_rows(items, predictor.card.config)] == [len(i.trace.passes) for i in items]


def test_the_image_page_says_why_it_looked_again(cascade_in_use: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update({"checkpoint": NAME, "budget": "8"})
    text = text_of(go_to(app, "image").run()).replace("\\", "")
    assert "1. Pass 1 at 2 bits:" in text
    assert "were needed, so the network looked again." in text
    assert "It is the last pass, so its answer counts." in text


def test_each_pass_is_a_sentence_with_its_odds(predictor: Predictor) -> None:
    for item in shown(predictor, 4.0):
        sentences = passes_in_words(item.trace)
        assert len(sentences) == len(item.trace.passes)
        for look, sentence in zip(item.trace.passes, sentences, strict=True):
            again = look.limit is not None and look.lead < look.limit
            assert ("looked again" in sentence) == again
            assert f"{look.label}, {100 * look.confidence:.0f} %" in sentence


def test_the_table_of_every_decision_names_the_option_of_every_pass_that_it_charges(predictor: Predictor) -> None:
    item = next(item for item in shown(predictor, 4.0) if len(item.trace.passes) > 1)
    rows = ledger_entries.decision_entries(item, predictor.card.config, "cp")
    made = [row["option"] for row in rows if row["kind"] == ledger_entries.DECISIONS]
    assert made == [" + ".join(options) for options in zip(*item.trace.every_pass, strict=True)]
    assert "2 + 4" in made[0]
