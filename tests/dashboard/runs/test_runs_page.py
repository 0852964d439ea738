"""Runs of one's own: they appear by themselves, are followed, and checkpoints from elsewhere are brought in."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
import zipfile
from pathlib import Path

import pytest
import streamlit as st
import torch
from pages import opened, said, text_of
from reference_forward import random_state
from tiny import UNTRACED, make_card, make_network

from dashboard.answers import places
from dashboard.export.talk import Slide, Talk
from dashboard.present import talk_file
from dashboard.runs import logs, watch_panel
from dashboard.runs.importing import import_file
from dashboard.ui import cached, toolbar
from dashboard.views.cached import measured
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.store_traces import measure_traces
from dfs_core.data.sets import load_images
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig

LINES = [{"step": step, "epoch": step / 4, "loss": 2.0 / step, "accuracy": 40.0 + step, "cp": 50.0} for step in (1, 2)]


def zipped(folder: Path, *more: tuple[str, bytes], inside: str = "") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{inside}{path.name}")
        for name, data in more:
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.fixture
def runs(tmp_path: Path, tiny_pretrained: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs: a copy of a published checkpoint, one of its name with other weights, and one in progress."""
    folder = tmp_path / "runs"
    shutil.copytree(tiny_pretrained / "tiny-dfs-10", folder / "tiny-dfs-10")
    found = load_checkpoint(tiny_pretrained / "tiny-dfs-20")
    with torch.no_grad():
        found.model.body.classifier.bias += 1
    save_checkpoint(folder / "tiny-dfs-20", found.model, found.card)
    (folder / "mine").mkdir()
    (folder / "mine" / ".lock").touch()
    (folder / "mine" / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    monkeypatch.setenv("DFS_RUNS_DIR", str(folder))
    return folder


def test_own_runs_are_among_the_checkpoints_with_their_place_and_never_the_default(runs: Path, tiny_pretrained: Path):
    published = places.read(tiny_pretrained, {})
    both = places.read(tiny_pretrained, {"runs": runs})
    assert both.problems == published.problems
    assert both.places == {"tiny-dfs-20@runs": "runs"}, "one of equal weights; none of a run in progress"
    assert both.folders["tiny-dfs-20@runs"] == runs / "tiny-dfs-20"
    assert both.folders["tiny-dfs-20"] == tiny_pretrained / "tiny-dfs-20"
    assert both.default == published.default
    app = opened(checkpoint="tiny-dfs-20@runs")
    assert "your own in runs" in text_of(app)
    assert "tiny-dfs-20@runs" in text_of(app)
    (runs / "tiny-dfs-20" / "log.jsonl").write_text("")
    named = {folder: name for name, folder in both.folders.items()}
    assert "tiny-dfs-20@runs" in [run.name for run in logs.find({"runs": runs}, named)], "as on the other pages"


def test_the_stored_budgets_of_an_own_checkpoint_are_points_with_figures(
    runs: Path, with_data: Path, cifar10_dir: Path
):
    config = ModelConfig(depth=8, options="skip,4,full", policy="utility", prices=((1.0, 40.0), (100.0, 0.1)))
    save_checkpoint(runs / "many", make_network(config), make_card("many", "every-budget", config))
    saved, images = load_checkpoint(runs / "many"), load_images("cifar10", cifar10_dir, "test")
    for budget in (0.4, 20.0):
        measure_traces(saved, OperatingPoint(saved.card, budget), images).store()
    rows = {row["budget"]: row for row in measured() if row["checkpoint"] == "many"}
    assert rows
    budget, row = rows.popitem()
    app = opened(checkpoint="many", budget=f"{budget:g}")
    assert f"{row['accuracy']:.2f} %" in text_of(app)
    assert "not measured here" not in text_of(app)


def test_a_run_that_others_are_to_start_from_is_no_method(runs: Path, tiny_pretrained: Path):
    config = ModelConfig(depth=8, options="lowbit", policy="table")
    shared = make_card("shared", "every-budget", config, training={"stage": "supernet"})
    save_checkpoint(runs / "shared", make_network(config), shared)
    assert places.read(tiny_pretrained, {"runs": runs}).named("shared") is None


def test_an_own_run_under_a_taken_name_is_shown_with_its_own_costs(runs: Path):
    config = ModelConfig(depth=8, options="skip,2,3,full", budget=20.0)
    shutil.rmtree(runs / "tiny-dfs-20")
    save_checkpoint(runs / "tiny-dfs-20", make_network(config), make_card("tiny-dfs-20", "dfs", config))
    app = opened(checkpoint="tiny-dfs-20@runs")
    assert re.search(r"cp \d+\.\d\d %", text_of(app))


def test_the_page_follows_runs_and_says_which_go_on(runs: Path, monkeypatch: pytest.MonkeyPatch):
    views: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.update({view.key: view}))
    app = opened("runs")
    table = app.dataframe[0].value.set_index("run")
    assert table.loc["mine", "state"] == "in progress"
    assert table.loc["mine", ["step", "loss", "accuracy", "cp"]].tolist() == [2, 1.0, 42.0, 50.0]
    assert app.multiselect(key="runs_chosen").value == ["mine"]
    assert len(app.get("vega_lite_chart")) == 3, "no validation yet"
    columns = list(app.dataframe[0].proto.column_order)
    assert "cp" in columns
    assert "validation_accuracy" not in columns, "nothing to show in it"
    with (runs / "mine" / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": 3, "epoch": 1, "validation_accuracy": 12.0, "validation_cp": 50.0}) + "\n")
    app.run()
    assert app.dataframe[0].value.set_index("run").loc["mine", "validation_accuracy"] == 12.0
    assert "validation_accuracy" in app.dataframe[0].proto.column_order
    assert len(app.get("vega_lite_chart")) == 4
    assert {key: (view.stamp.cost, view.stamp.kind) for key, view in views.items()} == {
        "runs_loss": ("", "training batches"),
        "runs_accuracy": ("", "training batches"),
        "runs_cp": ("cp", "training batches"),
        "runs_validation_accuracy": ("", "validation images"),
    }


def test_a_chart_of_six_runs_with_long_names_can_be_kept_in_a_talk(runs: Path, monkeypatch: pytest.MonkeyPatch):
    names = [f"supernet-skipnet-resnet38-cifar100-seed{seed}" for seed in range(5)]
    for name in names:
        shutil.copytree(runs / "mine", runs / name)
    views: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.update({view.key: view}))
    opened("runs")
    stamp = views["runs_loss"].stamp
    assert sorted(stamp.checkpoints) == sorted([*names, "mine"])
    kept = Talk("t", (Slide.of(views["runs_loss"]),))
    assert talk_file.from_json(talk_file.to_json(kept).encode()).slides[0].stamp == stamp


def test_the_page_looks_for_a_run_that_begins_later(
    tmp_path: Path, tiny_pretrained: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, asked, fragment = tmp_path / "runs", [], watch_panel.st.fragment
    monkeypatch.setenv("DFS_RUNS_DIR", str(folder))
    monkeypatch.setattr(watch_panel.st, "fragment", lambda run_every: asked.append(run_every) or fragment)
    app = opened("runs")
    assert "There are no runs" in said(app.info[0])
    assert asked == [watch_panel.IDLE_S]
    (folder / "mine").mkdir(parents=True)
    (folder / "mine" / ".lock").touch()
    (folder / "mine" / "log.jsonl").write_text(json.dumps(LINES[0]) + "\n")
    app.run()
    assert asked[-1] == watch_panel.EVERY_S
    assert app.dataframe[0].value["run"].tolist() == ["mine"]


def test_a_run_has_stopped_when_its_log_does_not_grow_and_finished_when_it_has_a_card(runs: Path):
    now = time.time()
    os.utime(runs / "mine" / "log.jsonl", (now - 2 * logs.ALIVE_S,) * 2)
    (runs / "tiny-dfs-20" / "log.jsonl").write_text("")
    os.utime(runs / "tiny-dfs-20" / "card.json")
    found = {run.name: run.state(now) for run in logs.find({"runs": runs}, {})}
    assert found["mine"] == "stopped"
    assert found["tiny-dfs-20"] == "finished"
    os.utime(runs / "mine" / "log.jsonl", (now, now))
    (runs / "mine" / ".lock").unlink()
    (mine,) = (run for run in logs.find({"runs": runs}, {}) if run.name == "mine")
    assert mine.state(now) == "stopped", "a folder that was copied just now"


def test_a_long_log_is_drawn_as_means_of_neighbours():
    log = [{"step": step, "loss": float(step % 2)} for step in range(1, 2001)]
    rows = logs.metric_rows({"a": log}, "loss")
    assert len(rows) <= logs.MOST
    assert rows[-1]["step"] == 2000
    assert all(abs(row["value"] - 0.5) < 0.1 for row in rows)


def test_a_named_folder_counts_and_is_remembered(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(runs / "tiny-dfs-20", tmp_path / "shelf" / "from-a-friend")
    app = opened("runs")
    try:
        app.text_input(key="named_folder").set_value(str(tmp_path / "shelf")).run()
        assert "from-a-friend" in cached.on_disk().folders
        assert cached.on_disk().places["from-a-friend"] == "shelf"
        assert places.named_folder() == tmp_path / "shelf"
        app.text_input(key="named_folder").set_value(str(tmp_path / "nowhere")).run()
        assert "There is no folder" in text_of(app)
        assert places.named_folder() == tmp_path / "shelf"
        assert "from-a-friend" in cached.on_disk().folders, "a slip of the pen forgets nothing"
        (tmp_path / "there").mkdir()
        (tmp_path / "shelf").rename(tmp_path / "there" / "runs")
        app.text_input(key="named_folder").set_value(str(tmp_path / "there" / "runs")).run()
        assert cached.on_disk().places["from-a-friend"] == "there-runs"
        assert "runs" in cached.own_roots(), "one's own runs stay"
        app.text_input(key="named_folder").set_value("").run()
        assert "from-a-friend" not in cached.on_disk().folders
        assert places.named_folder() is None
    finally:
        cached.named_folders().clear()


def test_nothing_is_imported_into_an_app_that_is_read_only(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DFS_READ_ONLY", "1")
    app = opened("runs")
    assert "read-only" in app.info[-1].value
    assert not app.file_uploader
    assert not app.text_input


def test_an_import_from_another_machine_is_not_offered(runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(st.context), "ip_address", "192.168.1.7")
    app = opened("runs")
    assert "Only a browser on the machine of the app may import" in app.info[-1].value
    assert not app.file_uploader
    assert not app.text_input


def test_dropped_files_are_imported_or_refused_in_words(runs: Path, tiny_pretrained: Path):
    app = opened("runs")
    data = zipped(tiny_pretrained / "tiny-dfs-30", ("friend/../../evil.json", b"{}"), inside="friend/")
    app.file_uploader(key="import_file").set_value(("friend.zip", data, "application/zip")).run()
    app.button(key="import_start").click().run()
    assert "Imported as friend" in text_of(app)
    assert read_card(runs / "friend").weights_sha256 == read_card(tiny_pretrained / "tiny-dfs-30").weights_sha256
    assert not list(runs.parent.rglob("*evil*"))
    app.button(key="import_start").click().run()
    assert "exists already" in text_of(app)


def test_a_reference_checkpoint_and_damaged_files(runs: Path, tiny_pretrained: Path, tmp_path: Path):
    torch.save({"state_dict": random_state(1, 10, 4)}, tmp_path / "model_best.pth.tar")
    assert read_card(import_file(tmp_path / "model_best.pth.tar")).name == "model_best"
    spoilt = tmp_path / "spoilt"
    shutil.copytree(tiny_pretrained / "tiny-dfs-30", spoilt)
    (spoilt / "weights.safetensors").write_bytes(b"no weights")
    before = sorted(runs.iterdir())
    for name, content, why in (
        ("a.zip", zipped(spoilt), "no usable checkpoint"),
        ("b.zip", zipped(spoilt)[:-40], "b.zip cannot be unpacked"),
        ("c.zip", zipped(spoilt, ("two/card.json", b"{}")), "has 2 checkpoints"),
        ("d.pth.tar", b"nothing", "d.pth.tar contains more than tensors"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=why):
            import_file(tmp_path / name)
    assert sorted(runs.iterdir()) == before, "nothing half is left"


def test_a_button_stores_test_decisions(
    tmp_path: Path, pretrained_folder: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(pretrained_folder, tmp_path / "pretrained")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    app = opened("testset", checkpoint=UNTRACED)
    assert "--checkpoint" in app.code[0].value
    (button,) = [button for button in app.button if button.label == "Store test decisions"]
    button.click().run()
    assert not app.exception
    assert (tmp_path / "pretrained" / UNTRACED / "traces.parquet").is_file()
    assert not [button for button in app.button if button.label == "Store test decisions"]
