"""Accuracy and time on this machine, on Explore: timed by a button, beside what a user would run instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import control, said, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from surveys import survey

from dashboard.ui import cached
from dfs_core.errors import UserError
from dfs_core.timing import kept


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cached, "SURVEYED", (1, 2))
    monkeypatch.setattr(cached, "ROUNDS", 1)
    monkeypatch.setattr("dfs_core.engine.engine.library", lambda wait: None)  # no compiler in tests
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.session_state["survey_panel"] = True
    app.run()
    assert not app.exception
    return app


def test_the_button_times_all_checkpoints_and_the_chart_shows_them(app: AppTest) -> None:
    charts = len(app.get("vega_lite_chart"))
    button = app.button(key="survey_machine")
    assert button.label == "Time all checkpoints"
    button.click().run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == charts + 1
    assert "Fastest within half a point of the best" in text_of(app)
    assert f"Measured on {kept.this_machine().processor}" in text_of(app).replace("\\", "")
    assert app.button(key="survey_machine").label == "Time them again"
    control(app.segmented_control, "survey_batch").set_value(1).run()
    assert not app.exception
    assert app.query_params["batch"] in ("1", ["1"])
    app.session_state["times_table"] = True
    app.run()
    table = app.dataframe[0].value
    assert {"tiny-backbone", "tiny-dfs-20", "PyTorch, float32"} <= set(table["what"])
    assert table.set_index("what").loc["PyTorch, float32", "speed"] == 1


def test_a_network_that_cannot_be_timed_says_so(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(backbone, report):
        raise UserError("this network does not run on the engine here")

    monkeypatch.setattr(cached, "take_survey", refuse)
    app.button(key="survey_machine").click().run()
    assert "does not run on the engine" in said(app.error[0])


def test_a_survey_of_networks_without_accuracies_draws_nothing(app: AppTest) -> None:
    kept.keep_survey(survey("tiny-backbone", kept.this_machine(), [("gone", None, False, 1, 1.0)]))
    app.run()
    assert not app.exception
    assert "No timed checkpoint has an accuracy" in text_of(app)
