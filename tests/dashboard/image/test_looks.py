"""Image says why a cascade looked again, and what another limit does to the image and to the test set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import control, go_to, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import pictures

from dashboard.answers import looks
from dashboard.answers.pictures import make_picture
from dashboard.drawing.palette import LIGHT
from dashboard.image import film, tables
from dashboard.image.looks_chart import first_limit, look_rows, looks_chart
from dashboard.image.probes import force, stability
from dashboard.image.tables import Subject
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.predictor import Predictor

PIXELS = pictures(1, seed=4)[0]
PICTURE = make_picture("p", "p", "upload", PIXELS)


@pytest.fixture
def predictor(with_cascade: Path) -> Predictor:
    return Predictor.load(with_cascade / "tiny-cascade")


def test_the_chart_has_the_images_passes_and_the_test_sets_figures_at_every_budget(predictor, with_cascade) -> None:
    card, config = predictor.card, predictor.card.config
    reel = film.shoot(predictor, PIXELS, config)
    subject = Subject(PICTURE, config, "cp")
    budgets = stored_budgets(with_cascade / card.name)
    stored = looks.budget_rows(
        [(budget, read_traces(with_cascade / card.name, OperatingPoint(card, budget))) for budget in budgets], config
    )
    rows = look_rows(reel, subject)
    assert [row["passes"] for row in rows] == [len(trace.passes) for trace in reel.traces]
    assert {row["passes"] for row in rows} >= {1, 3}
    figure = looks_chart(reel, 2.5, stored, subject, LIGHT)
    assert [run["start"] for run in figure.data["runs"][1:]] == [run["end"] for run in figure.data["runs"][:-1]]
    assert figure.data["runs"][-1]["fill"] == LIGHT.option("8")
    numbers = {row["band"]: row["text"] for row in figure.data["points"] if row["text"]}
    here = next(row for row in stored if row["budget"] == 2.5)
    assert numbers == {"again": f"{here['again']:.1f}", "accuracy": f"{here['accuracy']:.2f}"}
    assert "points" in looks_chart(reel, 2.5, [], subject, LIGHT).data, "without stored decisions the image remains"


def test_more_is_asked_of_the_first_answer_at_a_larger_budget(predictor) -> None:
    config = predictor.card.config
    low, high = config.budget_range
    odds = [float(first_limit(config, budget).replace(",", "")) for budget in np.geomspace(low, high, 8)]
    assert odds == sorted(odds)
    assert odds[0] < odds[-1]


def test_forcing_a_block_leaves_the_others_to_their_pass(predictor) -> None:
    (free,) = predictor.predict([PIXELS], budget=8.0)
    assert len(free.passes) > 1
    found = force(predictor, PIXELS, free, {1: "8"}, hold=True)
    first = found.forced.passes[0].decisions
    assert first == ("2", "8", "2", "2", "2")
    assert found.followed == ()
    rows = tables.path_rows(found, predictor.card.config, "cp")
    assert {row["option"] for row in rows if row["gated"] and not row["forced"]} == {rows[-1]["free"]}
    assert rows[-1]["so_far"] == pytest.approx(found.forced.cp)


def test_a_change_of_the_image_flips_no_gate_but_may_need_other_passes(predictor) -> None:
    (free,) = predictor.predict([PIXELS], budget=8.0)
    once = replace(free, passes=free.passes[:1], decisions=free.passes[0].decisions)
    rows = tables.stability_rows(once, stability(predictor, PIXELS), PICTURE, predictor.card.config)
    assert not any(row["flipped"] for row in rows)
    assert {row["passes"] for row in rows if row["picture"] == "as given"} == {1}


@pytest.fixture
def app(cascade_in_use: Path) -> AppTest:
    found = AppTest.from_file(str(APP), default_timeout=300)
    found.query_params.update({"checkpoint": "tiny-cascade", "budget": "8", "force": "3:8"})
    return go_to(found, "image").run()


def test_the_limit_is_moved_and_the_outcome_follows(app: AppTest) -> None:
    text = text_of(app)
    assert "<td>this image, 8 %</td><td>3 passes</td>" in text
    assert "40 test images" in text
    assert "Every pass runs a forced block at the forced option." in text
    assert "A cascade has no gates" in text
    assert not [toggle for toggle in app.toggle if toggle.key.startswith("gate_hold")]
    app.button(key="when_again_add").click().run()
    (slide,) = app.session_state["talk"].talk.slides
    assert slide.title.startswith("When tiny-cascade looks again")
    lowest = film.positions(read_card("tiny-cascade").config)[0]
    control(app.select_slider, "look_limit").set_value(lowest).run()
    assert not app.exception
    assert "<td>1 pass</td>" in text_of(app)
