"""The laboratory's page without a browser: start, cancel, result, keep, and what is said where something is missing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from pages import control, go_to, opened, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.answers.shared_predictor import MAX_ADOPTED, Recent
from dashboard.export.view import View
from dashboard.laboratory import run_panel
from dashboard.laboratory.cached import laboratory
from dashboard.laboratory.form_panel import OWNER
from dashboard.laboratory.jobs import Job
from dashboard.ui import cached, toolbar

PAGE = "laboratory"
LINK = {"target": "60", "pull": "1e-3", "steps": "20"}


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "none"))


def finish(app: AppTest) -> AppTest:
    (job,) = laboratory().jobs.of(app.session_state[OWNER])
    deadline = time.monotonic() + 300
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job.state == "done", job.error
    return app.run()


def test_a_run_from_start_to_a_kept_checkpoint(tiny_pretrained, with_data):
    app = opened(PAGE, **LINK)
    assert not app.exception
    assert control(app.number_input, "target").value == 60
    app.button(key="start").click().run()
    assert app.query_params["run"]
    finish(app)
    assert not app.exception
    assert "gates tuned live" in text_of(app)
    assert "10 validation images cp went from" in text_of(app)
    app.button(key="keep").click().run()
    assert "Kept as" in text_of(app)
    (name,) = app.session_state["kept_checkpoints"]
    assert app.button(key="see")
    for page in ("testset", "compare"):
        elsewhere = AppTest.from_file(str(APP), default_timeout=120)
        elsewhere.query_params.update(checkpoint=name)
        go_to(elsewhere.run(), page).run()
        assert not elsewhere.exception
        assert any("write it to disk first" in info.value for info in elsewhere.info)
        assert not any(name in code.value for code in elsewhere.code)
    app.button(key="see").click().run()
    app.run()  # Explore, at rest: it may have been on its way there
    assert not app.exception
    assert name in text_of(app)
    assert "validation images" in text_of(app)
    assert not (tiny_pretrained / name).exists()


def test_a_kept_checkpoint_that_gave_way_to_others_can_be_kept_again_and_written(
    tiny_pretrained, no_data, monkeypatch, tmp_path
):
    app = opened(PAGE, **LINK)
    app.button(key="start").click().run()
    finish(app)
    app.button(key="keep").click().run()
    assert app.button(key="see")
    shared = cached.shared_predictor()
    monkeypatch.setattr(shared, "_adopted", Recent(MAX_ADOPTED))
    app.run()
    assert "see" not in {button.key for button in app.button}
    app.button(key="keep").click().run()
    assert app.button(key="see")
    monkeypatch.setenv("DFS_RUNS_DIR", str(tmp_path / "runs"))
    app.button(key="write").click().run()
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"Written to {folder}" in text_of(app).replace("\\", "")
    app.button(key="unwrite").click().run()
    assert "Deleted from disk" in text_of(app)
    assert not folder.exists()
    assert app.button(key="write")


def test_broken_test_images_do_not_make_a_run_a_toy(tiny_pretrained, cifar10_dir, tmp_path, monkeypatch):
    shutil.copytree(cifar10_dir, tmp_path / "data")
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    next((tmp_path / "data" / "cifar10" / "test").rglob("*.png")).write_bytes(b"no picture")
    assert not opened(PAGE, **LINK).warning
    shutil.rmtree(tmp_path / "data" / "cifar10" / "train")
    assert "The training images are not on this machine" in opened(PAGE, **LINK).warning[0].value


def test_without_the_data_set_it_is_a_toy_and_says_so(tiny_pretrained, no_data):
    app = opened(PAGE, **LINK)
    assert "toy" in app.warning[0].value
    app.button(key="start").click().run()
    finish(app)
    assert any("the very same ones" in warning.value for warning in app.warning)


def test_a_run_can_be_cancelled_and_another_begun(tiny_pretrained, no_data, monkeypatch):
    app = opened(PAGE, **LINK | {"steps": "300"})
    app.button(key="start").click().run()
    assert app.button(key="start").disabled
    app.button(key="cancel").click()
    with monkeypatch.context() as patch:  # a job that has yet to come to a report
        patch.setattr(Job, "ended", False)
        app.run()
        assert "Cancelling" in [bar.proto.text for bar in app.get("progress")]
        assert app.button(key="cancel").disabled
    (job,) = laboratory().jobs.of(app.session_state[OWNER])
    deadline = time.monotonic() + 120
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app.run()
    assert "Cancelled after" in app.info[0].value
    assert not app.button(key="start").disabled


def test_a_run_that_the_page_does_not_show_is_named_and_leads_there(tiny_pretrained, no_data):
    app = opened(PAGE, **LINK | {"steps": "300"})
    app.button(key="start").click().run()
    (job,) = laboratory().jobs.of(app.session_state[OWNER])
    del app.query_params["run"]
    app.query_params["target"] = "61"
    app.run()
    assert any("goes on" in info.value for info in app.info)
    app.button(key=f"show_{job.key}").click().run()
    assert app.query_params["run"] == job.key
    assert not any("goes on" in info.value for info in app.info)
    app.button(key="cancel").click().run()
    deadline = time.monotonic() + 120
    while not job.ended:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_begins_with_what_was_typed_just_before_the_click(tiny_pretrained, no_data):
    app = opened(PAGE, **LINK)
    control(app.number_input, "target").set_value(27.0)
    app.button(key="start").click().run()  # both changes arrive together
    (job,) = laboratory().jobs.of(app.session_state[OWNER])
    assert (app.query_params["target"], job.about.settings.budget) == ("27", 27)
    finish(app)


def test_a_live_run_is_stamped_with_what_it_started_from_and_recordings_with_their_own(
    tiny_pretrained, no_data, monkeypatch
):
    views: dict[str, View] = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.update({view.key: view}))
    log = [{"step": 1, "cp": 50.0, "target": 20.0}]
    monkeypatch.setattr(run_panel, "training_log", lambda name: log if "dfs" in name else [])
    app = opened(PAGE, **LINK | {"target": "30", "cost": "energy"}, checkpoint="tiny-dfs-20")
    app.button(key="start").click().run()
    finish(app)
    app.query_params["checkpoint"] = "tiny-dfs-30"
    app.run()
    assert not app.exception
    for key, cost in (("chase", "cp"), ("chase_accuracy", "")):
        assert (views[key].stamp.checkpoints, views[key].stamp.kind) == (("tiny-dfs-20",), "live run")
        assert views[key].stamp.cost == cost, "what the chart shows, whatever the measure in use"
    assert "Recorded: the checkpoints' own training at 20 %" in text_of(app)
    assert not any("published" in view.title for view in views.values()), "on Explore that means by others"
    recorded = [views[key].stamp for key in sorted(views) if key.startswith("recorded")]
    assert [set(stamp.checkpoints) for stamp in recorded] == [{"tiny-dfs-30"}, {"tiny-dfs-20", "tiny-dfs-20-alpha1e-6"}]
    assert {(stamp.kind, stamp.cost) for stamp in recorded} == {("training batches", "cp")}


def test_a_network_without_gates_offers_at_the_top_one_to_go_on_with(tiny_pretrained, no_data):
    app = opened(PAGE, checkpoint="tiny-backbone")
    assert not app.exception
    assert "cannot be tuned here" in app.markdown[0].value
    offered = [button for button in app.button if button.key.startswith("start_")]
    assert [button.label for button in offered if button.proto.type == "primary"] == [
        "Continue with DFS ResNet-14, budget 20 %, alpha 5e-6"
    ]
    assert "DFS ResNet-14, budget 30 %, alpha 5e-6" in {button.label for button in offered}
    assert not any("backbone" in button.label for button in offered)
    app.button(key="start_tiny-dfs-20").click().run()
    assert app.button(key="start")
    assert "cannot be tuned here" not in text_of(app)


def test_what_is_chosen_stands_in_the_link_and_a_run_that_is_gone_is_no_error(tiny_pretrained, no_data):
    app = opened(PAGE, run="deadbeef")
    assert not app.exception
    control(app.number_input, "target").set_value(33.0).run()
    control(app.select_slider, "pull").set_value(5e-5).run()
    assert (app.query_params["target"], app.query_params["pull"]) == ("33", "5e-5")
