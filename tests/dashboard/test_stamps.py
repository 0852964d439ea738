"""Stamps of charts that show one measure of cost only, whichever is in use."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import opened

from dashboard.export.view import View
from dashboard.ui import toolbar
from dashboard.views import build


@pytest.fixture
def views(pretrained_folder: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, View]:
    """Key -> the views that pages show, with stored decisions at hand."""
    found: dict[str, View] = {}
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(pretrained_folder))
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: found.update({view.key: view}))
    return found


@pytest.mark.parametrize(
    ("page", "query", "key"),
    [
        ("learn", {"step": "3"}, "options"),
        ("learn", {"step": "4"}, "bought"),
        ("compare", {}, "class_blocks"),
    ],
)
def test_a_chart_of_cp_says_so_whatever_the_measure_in_use(
    views: dict[str, View], page: str, query: dict[str, str], key: str
):
    opened(page, cost="energy", **query)
    assert views[key].stamp.cost == "cp"
    assert "cost=energy" in views[key].stamp.link


def test_a_chart_of_the_measure_in_use_names_it(views: dict[str, View]):
    opened(cost="energy")
    assert (views["curve"].stamp.cost, views["curve"].stamp.kind) == ("energy", "measured")


def test_a_training_is_stamped_with_its_batches_and_cp(views: dict[str, View], monkeypatch: pytest.MonkeyPatch):
    log = [{"step": step, "epoch": step, "cp": 50.0, "target": 20.0} for step in (1, 2)]
    monkeypatch.setattr(build.cached, "training_log", lambda name: log)
    app = opened("present", cost="energy")
    app.button(key="talk_make").click().run()
    (stamp,) = (slide.stamp for slide in app.session_state["talk"].talk.slides if "in training" in slide.title)
    assert (stamp.cost, stamp.kind) == ("cp", "training batches")
