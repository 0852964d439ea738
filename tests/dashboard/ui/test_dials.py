"""The two linked sliders of a checkpoint for every budget."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from every_budget import NAME, Load, write_every_budget
from pages import control, go_to, rows_of, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.ui import cached, state


@pytest.fixture
def app(tmp_path: Path, pretrained_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder, folder)
    write_every_budget(folder)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("dfs_core.predictor.Predictor", Load)
    cached.shared_predictor.clear()
    yield AppTest.from_file(str(APP), default_timeout=60)
    cached.shared_predictor.clear()


def dials(app: AppTest) -> tuple[float, float]:
    return control(app.select_slider, "budget").value, control(app.select_slider, "alpha").value


def test_moving_budget_moves_alpha_and_the_other_way_round_and_the_page_says_why(app):
    app.query_params["budget"] = "5"
    app.run()
    assert not app.exception
    assert dials(app) == pytest.approx((5, 0.08 / 128), rel=1e-3)
    budgets = control(app.select_slider, "budget")
    wished = min((float(text.rstrip(" %")) for text in budgets.options), key=lambda value: abs(value - 1.25))
    budgets.set_value(wished).run()
    assert dials(app) == pytest.approx((wished, 0.32 / 128), rel=0.04)
    assert dict(app.query_params) == {"budget": f"{wished:g}"}
    alphas = control(app.select_slider, "alpha")
    assert len(alphas.options) > 150
    alphas.set_value(float(alphas.options[-1]) / 128).run()  # it shows the price, and its values are alphas
    assert dials(app) == pytest.approx((0.3, 1.28 / 128), rel=1e-3)
    assert "the price is what a full block is charged, and the budget is the cp that is spent" in text_of(app)
    assert not app.warning


def test_an_alpha_stays_where_it_was_put(app):
    app.run()
    for position in (20, 21, 100, 101):
        alphas = control(app.select_slider, "alpha")
        wished = float(alphas.options[position]) / 128
        alphas.set_value(wished).run()
        assert control(app.select_slider, "alpha").value == pytest.approx(wished, rel=1e-3)


def test_a_session_that_goes_on_for_hours_does_not_grow_with_every_move(app):
    app.query_params["budget"] = "5"
    app.run()
    seen = set()
    for turn in range(state.KEYS + 3):
        budgets = control(app.select_slider, "budget")
        budgets.set_value(float(budgets.options[20 + 5 * (turn % 7)].rstrip(" %"))).run()
        seen.add(control(app.select_slider, "alpha").key)
        assert control(app.select_slider, "alpha").value == pytest.approx(0.4 / 128 / dials(app)[0], rel=0.3)
    assert len(seen) == state.KEYS


def test_the_strip_follows_the_budget_and_words_name_both(app):
    app.query_params["budget"] = "0.5"
    app.run()
    assert len(rows_of(app)) == 10
    assert "DFS every budget ResNet-14, budget 0.5 %, price" in text_of(app)
    assert NAME in text_of(app)


def test_a_budget_out_of_range_is_not_taken_in_silence(app):
    app.query_params.update({"checkpoint": NAME, "budget": "40"})
    app.run()
    assert "serves budgets from 0.3 to 10 %, not 40 %" in app.warning[0].value
    assert dials(app)[0] == 10


def test_another_method_has_its_own_controls_and_back_the_wish_is_in_use_again(app):
    app.run()
    control(app.select_slider, "budget").set_value(10.0).run()
    control(app.selectbox, "method").set_value("SkipNet").run()
    assert "SkipNet ResNet-14, budget 50 %" in text_of(app)
    assert app.query_params["budget"] == "50"
    control(app.selectbox, "method").set_value("DFS every budget").run()
    assert dials(app)[0] == 10.0


def test_in_the_lesson_every_step_of_the_budget_has_the_same_room(app):
    app.query_params.update({"step": "4", "budget": "5"})
    go_to(app, "learn").run()
    assert not app.exception
    (chart,) = app.get("vega_lite_chart")
    places = json.loads(chart.proto.spec)["layer"][0]["encoding"]
    assert places["x"]["scale"]["type"] == places["y"]["scale"]["type"] == "log"
