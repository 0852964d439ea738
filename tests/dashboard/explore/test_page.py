"""Explore's switches, ledger and empty states, without a browser."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from pages import control, go_to, rows_of, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.views import cached as views_cached
from dfs_core.checkpoints.card_files import read_card, save_card


@pytest.fixture
def app(tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    return AppTest.from_file(str(APP), default_timeout=60)


def table(app: AppTest, name: str):
    app.session_state[f"{name}_table"] = True
    app.run()
    return app.dataframe[0].value


def test_a_family_switched_off_leaves_chart_table_and_link_and_comes_back(app):
    app.run()
    assert set(table(app, "points")["group"]) == {"DFS", "SkipNet", "Backbone", "published"}
    control(app.pills, "families").set_value(["dfs", "backbone"]).run()
    assert not app.exception
    assert dict(app.query_params) == {"hide": "published.skipnet"}
    assert set(app.dataframe[0].value["group"]) == {"DFS", "Backbone"}
    control(app.pills, "families").set_value(["dfs", "skipnet", "backbone", "published"]).run()
    assert dict(app.query_params) == {}
    assert set(app.dataframe[0].value["group"]) == {"DFS", "SkipNet", "Backbone", "published"}


def test_what_a_link_hides_and_how_close_it_looks_is_restored_and_kept_on_another_axis(app):
    app.query_params.update({"hide": "published.skipnet", "close": "1"})
    app.run()
    assert control(app.pills, "families").value == ["dfs", "backbone"]
    assert control(app.toggle, "curve_close").value is True
    control(app.selectbox, "cost").set_value("energy").run()
    assert dict(app.query_params) == {"cost": "energy", "hide": "published.skipnet", "close": "1"}
    control(app.toggle, "curve_close").set_value(False).run()
    assert "close" not in app.query_params


@pytest.mark.parametrize("page", ["explore", "image", "compare", "testset", "learn"])
def test_every_page_that_shows_costs_has_one_switch_of_their_measure(app, page):
    go_to(app, page).run()
    control(app.selectbox, "cost").set_value("energy").run()
    assert not app.exception
    assert app.query_params["cost"] == "energy"
    assert control(app.selectbox, "cost").value == "energy"
    assert "Horowitz" in control(app.selectbox, "cost").help


def test_the_head_names_the_chosen_measure_beside_cp_and_all_in(app):
    app.query_params["cost"] = "macs"
    app.run()
    heads = text_of(app)
    for name in ("cp", "all-in", "MACs"):
        assert f">{name}</th>" in heads
    assert ">energy</th>" not in heads


@pytest.mark.parametrize(("cost", "names"), [("cp", ("cp", "all-in")), ("energy", ("cp", "all-in", "energy"))])
def test_the_image_in_focus_is_told_in_the_chosen_measure_too(app, cost, names):
    app.query_params["cost"] = cost
    app.run()
    (about,) = re.findall(r'<div class="dfs-focus">.*?<p>(.*?)</p>', text_of(app), re.DOTALL)
    assert re.findall(r" · ([\w-]+) \d+\.\d\d %", about) == list(names)


def test_the_ledger_sums_to_the_figures_at_the_head(app):
    app.query_params["cost"] = "all-in"
    app.session_state["costs_panel"] = True
    app.session_state["ledger_table"] = True
    app.run()
    assert not app.exception
    rows = app.dataframe[0].value
    assert rows["part"].tolist()[-1] == "all of it"
    for subject in ("focus", "shown", "test"):
        assert rows[subject][:-1].sum() == pytest.approx(rows[subject].iloc[-1])
    for subject in ("shown", "test"):
        assert f"{rows[subject].iloc[-1]:.2f} %" in text_of(app)


def test_one_checkpoint_alone_is_enough(app, tiny_pretrained, tmp_path, monkeypatch):
    folder = tmp_path / "one"
    shutil.copytree(tiny_pretrained / "tiny-backbone", folder / "tiny-backbone")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    app.run()
    assert not app.exception
    assert len(rows_of(app)) == 10
    assert "Checkpoint: its cost is always the same" in text_of(app)
    assert "decides the same for every image" in text_of(app)


def test_a_folder_that_cannot_be_written_is_named_and_what_to_do_about_it(app, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "file" / "data"))
    app.run()
    app.button(key="download").click().run()
    assert not app.exception
    assert "cannot be written" in app.error[0].value
    assert "set DFS_DATA_DIR" in text_of(app)
    assert len(rows_of(app)) == 10


def test_a_link_to_a_test_image_without_test_images_says_so(app):
    app.query_params["image"] = "test-17"
    app.run()
    assert "names the image 'test-17', which is not here" in app.warning[0].value


def test_training_is_offered_only_where_its_log_has_a_cp(app, monkeypatch):
    log = [{"step": step, "epoch": step / 10, "cp": 50.0 - step, "target": 20.0} for step in range(3)]
    monkeypatch.setattr(views_cached, "training_log", lambda name: log if name == "tiny-dfs-20" else [{"step": 1}])
    for name, offered in (("tiny-dfs-20", True), ("tiny-dfs-30", False)):
        app.query_params["checkpoint"] = name
        app.run()
        assert not app.exception
        assert any("in training" in panel.label for panel in app.expander) is offered


def test_what_moved_the_gates_after_training_is_said_below_it(app, tiny_pretrained, tmp_path, monkeypatch):
    own = shutil.copytree(tiny_pretrained, tmp_path / "own")
    card = read_card(own / "tiny-dfs-30")
    save_card(own / "tiny-dfs-30", replace(card, training=card.training | {"hold_budget": True}))
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(own))
    log = [{"step": step, "epoch": step / 10, "cp": 25.0, "target": 20.0} for step in range(3)]
    monkeypatch.setattr(views_cached, "training_log", lambda name: log)
    for name, held in (("tiny-dfs-20", False), ("tiny-dfs-30", True)):
        app.query_params["checkpoint"] = name
        app.session_state["training_panel"] = True
        app.run()
        assert not app.exception
        assert ("After training, one price on the gates' options" in text_of(app)) is held
