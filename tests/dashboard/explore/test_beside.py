"""A second network of the same data set beside the one in use, and never one of another data set."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import control, opened
from tiny import make_card, make_network
from two_networks import OTHER, write_two_networks

from dashboard.explore import panels
from dashboard.ui import toolbar
from dashboard.ui.links import State
from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.model.config import ModelConfig, backbone_config

BESIDE = "resnet-8-cifar10"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pretrained_folder: Path) -> Path:
    """ResNet-14 and ResNet-8 on CIFAR-10, ResNet-20 on CIFAR-100."""
    made = write_two_networks(tmp_path_factory.mktemp("beside") / "pretrained", pretrained_folder)
    test = {"n": 100, "accuracy": 91.0, "accuracy_ci95": [90.0, 92.0], "cp": 20.3, "all_in": 25.0, "policies": 3}
    for name, method, config, options in (
        ("small-backbone", "backbone", backbone_config(8), ("full",)),
        ("small-dfs-20", "dfs", ModelConfig(depth=8, budget=20.0), ("skip", "8", "16", "full")),
    ):
        shares = [dict.fromkeys(options, 100 / len(options))] * config.gated_blocks
        card = make_card(name, method, config, metrics={"test": test | {"shares": shares}})
        save_checkpoint(made / name, make_network(config), card)
    return made


@pytest.fixture
def views(folder: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    found: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: found.update({view.key: view}))
    return found


def test_another_network_of_the_data_set_is_shown_beside_and_named_in_axis_title_table_and_stamp(views: dict):
    app = opened(checkpoint="tiny-dfs-20")
    chooser = control(app.selectbox, "beside")
    nothing, small = chooser.options
    assert (nothing, small) == ("Beside: no other network", "Beside: ResNet-8 on CIFAR-10"), "none of another data set"
    chooser.set_value(small).run()
    assert not app.exception
    assert app.query_params["beside"] == BESIDE
    view = views["curve"]
    assert view.title == "Accuracy and cp of ResNet-14 and ResNet-8 on CIFAR-10"
    assert "network ResNet-14 and ResNet-8 on CIFAR-10" in view.stamp.line()
    assert {row["network"] for row in view.tables["points"]()} >= {"ResNet-14 on CIFAR-10", "ResNet-8 on CIFAR-10"}
    control(app.selectbox, "beside").set_value(nothing).run()
    assert "beside" not in app.query_params
    assert views["curve"].title == "Accuracy and cp of ResNet-14 on CIFAR-10"


def test_a_link_cannot_put_two_data_sets_on_one_axis(views: dict):
    opened(checkpoint="tiny-dfs-20", beside=OTHER)
    assert "ResNet-20" not in views["curve"].title
    assert not [row for row in views["curve"].tables["points"]() if "CIFAR-100" in row["network"]]


def test_a_click_on_a_point_of_the_network_beside_takes_no_forced_gate_along(views: dict, monkeypatch):
    session = {"shared_state": State("tiny-dfs-20"), "shared_pages": {"/image": {"force": "4:full"}}}
    monkeypatch.setattr("dashboard.ui.state.st.session_state", session)
    panels._use_point({"checkpoint": "small-dfs-20"})
    state = session["shared_state"]
    assert (state.checkpoint, state.page["beside"]) == ("small-dfs-20", "resnet-14-cifar10")
    assert "forced gates of the former network were removed" in state.note
    assert session["shared_pages"] == {"/image": {}}


def test_a_point_of_a_checkpoint_that_is_not_here_says_so(views: dict, monkeypatch):
    session = {"shared_state": State("tiny-dfs-20")}
    monkeypatch.setattr("dashboard.ui.state.st.session_state", session)
    panels._use_point({"checkpoint": ""})
    assert session["shared_state"] == State("tiny-dfs-20"), "of what was published there is none to use"
    panels._use_point({"checkpoint": "gone"})
    assert session["shared_state"].note == "The checkpoint 'gone' is not on this machine."
