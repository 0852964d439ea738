"""Two networks on one machine, of two data sets: one is shown at a time, and going to the other loses little."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from pages import control, go_to, opened, said, text_of
from PIL import Image
from places import APP, made_once
from streamlit.testing.v1 import AppTest
from tiny import make_card, make_network
from two_networks import OTHER, write_two_networks

from dashboard.laboratory import run_panel
from dashboard.laboratory.cached import laboratory
from dashboard.ui import toolbar
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.data.known import KNOWN
from dfs_core.model.config import ModelConfig, backbone_config

PAGES = sorted(path.parent.name for path in APP.parent.glob("*/page.py") if path.parent.name != "ui")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pretrained_folder: Path) -> Path:
    return made_once(tmp_path_factory, "two/pretrained", lambda folder: write_two_networks(folder, pretrained_folder))


@pytest.fixture
def in_force(folder: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both networks; of cifar100 there are no images."""
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))


def switch(app: AppTest, wished: str) -> AppTest:
    chosen = control(app.selectbox, "network")
    chosen.set_value(next(one for one in chosen.options if one == wished)).run()
    assert not app.exception
    return app


def methods(app: AppTest) -> list[str]:
    found = [one for one in (*app.segmented_control, *app.selectbox) if one.key.rpartition("_")[0] == "method"]
    return [getattr(option, "content", option) for option in found[0].proto.options]


def test_with_one_network_there_is_no_control_of_it(tiny_pretrained: Path, no_data: Path):
    assert not [one for one in opened().selectbox if one.key.startswith("network")]


@pytest.mark.usefixtures("in_force")
def test_another_network_has_its_own_methods_keeps_the_budget_and_stands_in_the_link():
    app = opened(checkpoint="tiny-dfs-10", image="test-3", gallery="2")
    assert methods(app) == ["DFS", "SkipNet", "Backbone"]
    switch(app, "ResNet-20 on CIFAR-100")
    assert methods(app) == ["DFS", "Static uniform", "Backbone"]
    assert dict(app.query_params) == {"network": OTHER, "checkpoint": "c100-dfs-10", "budget": "10"}, (
        "no image of cifar10"
    )
    assert not app.warning
    switch(app, "ResNet-14 on CIFAR-10")
    assert app.query_params["checkpoint"] == "tiny-dfs-10"


@pytest.mark.usefixtures("in_force")
def test_what_another_network_has_not_is_said_and_comes_back_with_the_way_back():
    app = opened(checkpoint="tiny-dfs-30")
    switch(app, "ResNet-20 on CIFAR-100")
    assert "DFS has nothing here with a cp of 30 %. The nearest is 20 %." in [said(one) for one in app.warning]
    switch(app, "ResNet-14 on CIFAR-10")
    assert app.query_params["checkpoint"] == "tiny-dfs-30", "the wish is kept"
    assert not app.warning


@pytest.mark.usefixtures("in_force")
def test_a_method_that_another_network_lacks_comes_back_with_the_way_back():
    app = opened(checkpoint="tiny-skipnet-50")
    switch(app, "ResNet-20 on CIFAR-100")
    assert "There is no SkipNet of ResNet-20 on CIFAR-100 here." in said(app.warning[0])
    switch(app, "ResNet-14 on CIFAR-10")
    assert app.query_params["checkpoint"] == "tiny-skipnet-50"
    assert not app.warning


@pytest.mark.usefixtures("in_force")
def test_forced_gates_stay_with_their_network():
    app = opened("image", checkpoint="tiny-dfs-10", force="4:full", block="4")
    switch(app, "ResNet-20 on CIFAR-100")
    assert "force" not in app.query_params
    assert "Filters and forced gates of the former network were removed." in said(app.warning[0])


@pytest.mark.usefixtures("in_force")
def test_neither_do_they_go_along_with_a_checkpoint_of_another_network(folder: Path, tmp_path: Path, monkeypatch):
    kept = shutil.ignore_patterns("c100-dfs-*")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(shutil.copytree(folder, tmp_path / "pretrained", ignore=kept)))
    app = opened("image", checkpoint="c100-static4", force="4:4", block="4")
    assert app.query_params["force"] == "4:4"
    go_to(app, "laboratory").run()
    next(one for one in app.button if one.key.startswith("start_")).click().run()
    assert "Filters and forced gates of the former network were removed." in said(app.warning[0])
    go_to(app, "image").run()
    assert "force" not in app.query_params


@pytest.mark.usefixtures("in_force")
def test_if_the_last_checkpoint_of_a_network_goes_only_what_speaks_of_it_goes_along(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    own = shutil.copytree(folder, tmp_path / "pretrained")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(own))
    app = opened("image", checkpoint="c100-static4", force="4:4")
    go_to(app, "learn").run()
    control(app.toggle, "room").set_value(True).run()
    for one in own.glob("c100-*"):
        shutil.rmtree(one)
    app.run()
    assert "'c100-static4' no longer exists" in said(app.warning[0])
    assert "of the former network were removed" in said(app.warning[0])
    assert app.query_params["room"] == "1"
    go_to(app, "image").run()
    assert "force" not in app.query_params


@pytest.mark.usefixtures("in_force")
def test_a_method_that_costs_more_does_not_end_the_wish():
    app = opened(checkpoint="tiny-dfs-10")
    for title, name in (("Backbone", "tiny-backbone"), ("SkipNet", "tiny-skipnet-50"), ("DFS", "tiny-dfs-10")):
        control(app.segmented_control, "method").set_value(title).run()
        assert app.query_params["checkpoint"] == name
        assert bool(app.warning) == (title != "DFS")


@pytest.mark.usefixtures("in_force")
def test_a_link_names_a_network_alone_or_with_a_budget_or_one_that_is_not_here():
    app = opened(network=OTHER)
    assert "<code>c100-dfs-20</code>, trained on CIFAR-100" in text_of(app)
    assert dict(app.query_params) == {"network": OTHER}
    assert "<code>c100-dfs-10</code>" in text_of(opened(network=OTHER, budget="10"))
    moved = opened(network=OTHER, checkpoint="tiny-dfs-10")
    assert "<code>c100-dfs-10</code>" in text_of(moved)
    lost = opened(network="resnet-99-cifar10")
    assert "There is no network 'resnet-99-cifar10' here." in said(lost.warning[0])


@pytest.mark.usefixtures("in_force")
def test_the_curve_shows_one_network_and_every_stamp_names_it(monkeypatch: pytest.MonkeyPatch):
    views: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.setdefault(view.key, view))
    opened(network=OTHER)
    assert views["curve"].title == "Accuracy and cp of ResNet-20 on CIFAR-100"
    assert not [row for row in views["curve"].tables["points"]() if row["checkpoint"].startswith("tiny")]
    for view in views.values():
        assert "network ResNet-20 on CIFAR-100" in view.stamp.line()


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_the_other_network_and_without_its_images(page: str):
    assert not opened(page, network=OTHER).error


@pytest.mark.usefixtures("in_force")
def test_b_is_given_the_cost_of_a(monkeypatch: pytest.MonkeyPatch):
    app = opened("compare", checkpoint="tiny-dfs-10", right="tiny-skipnet-50")
    app.button(key="match_cost").click().run()
    assert not app.exception
    assert "SkipNet has nothing here with a cp of 10 %. The nearest is 50 %." in [said(one) for one in app.warning]
    same = opened("compare", checkpoint="tiny-dfs-10", right="tiny-dfs-20")
    assert same.button(key="match_cost").disabled
    other = opened("compare", checkpoint="tiny-dfs-10", right="c100-dfs-20")
    other.button(key="match_cost").click().run()
    assert other.query_params["right"] == "c100-dfs-10"
    assert not other.warning


@pytest.mark.usefixtures("in_force")
def test_image_b_of_compare_does_not_become_another_image_of_the_same_number():
    app = opened("compare", what="images", checkpoint="tiny-dfs-10", image="test-3", other="test-5", gallery="1")
    assert app.query_params["other"] == "test-5"
    switch(app, "ResNet-20 on CIFAR-100")
    assert "other" not in app.query_params
    app = opened("compare", what="images", checkpoint="tiny-dfs-10", image="test-3", other="test-5", gallery="1")
    go_to(app, "explore").run()
    switch(app, "ResNet-20 on CIFAR-100")
    go_to(app, "compare").run()
    assert app.query_params["what"] == "images"
    assert "other" not in app.query_params, "nor does it by a change on another page"


@pytest.mark.usefixtures("in_force")
def test_the_laboratory_offers_checkpoints_of_the_network_in_use_or_says_of_which_data_set_others_are(folder: Path):
    app = opened("laboratory", checkpoint="c100-static4")
    assert {one.key for one in app.button if one.key.startswith("start_")} == {"start_c100-dfs-10", "start_c100-dfs-20"}
    app = opened("laboratory", checkpoint="c100-static4", image="test-3")
    assert "on CIFAR-10" not in " ".join(one.label for one in app.button)


@pytest.mark.usefixtures("in_force")
def test_where_no_checkpoint_of_the_network_can_be_tuned_the_laboratory_names_the_others_data_set(
    folder: Path, tmp_path: Path, monkeypatch
):
    kept = shutil.ignore_patterns("c100-dfs-*")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(shutil.copytree(folder, tmp_path / "pretrained", ignore=kept)))
    app = opened("laboratory", checkpoint="c100-static4")
    labels = [one.label for one in app.button if one.key.startswith("start_")]
    assert labels
    assert all(label.endswith(" on CIFAR\\-10") or label.endswith(" on CIFAR-10") for label in labels), labels


@pytest.mark.usefixtures("in_force")
def test_without_images_of_cifar100_there_are_drawings_of_its_superclasses():
    text = text_of(opened(network=OTHER))
    assert "drawings, page 1 of 2" in text
    assert re.search(r"\d+ of 10 right", text)
    assert "does not know" not in text


@pytest.mark.usefixtures("in_force")
def test_drawings_of_no_class_of_the_network_are_neither_right_nor_wrong(folder: Path, tmp_path: Path, monkeypatch):
    shutil.copytree(folder, tmp_path / "pretrained")
    digits = KNOWN["svhn"]
    for name, method, config in (("plain", "backbone", backbone_config(14)), ("gated", "dfs", ModelConfig(depth=14))):
        card = make_card(name, method, config, dataset="svhn", classes=digits.classes, mean=digits.mean, std=digits.std)
        save_checkpoint(tmp_path / "pretrained" / name, make_network(config), card)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    text = text_of(opened(checkpoint="gated"))
    assert "of a class that the network does not know" in text
    assert "The network knows only 10 classes: 0, 1," in text.replace("\\", "")
    assert not re.search(r"\d+ of \d+ right|✗|✓ is", text)
    assert "of a class that the network does not know" in text_of(opened("image", checkpoint="gated"))
    assert "the picture is of a class that the network does not know" in text_of(opened("learn", checkpoint="gated"))
    compared = text_of(opened("compare", checkpoint="gated", right="plain"))
    assert "→" in compared
    assert not re.search("both right|both wrong|becomes", compared)


@pytest.mark.usefixtures("in_force")
def test_where_the_card_names_no_cost_none_is_said_to_be_always_the_same(folder: Path, tmp_path: Path, monkeypatch):
    shutil.copytree(folder, tmp_path / "pretrained")
    for name in ("imported", "imported-2"):
        card = make_card(name, "dfs", ModelConfig(depth=14))
        save_checkpoint(tmp_path / "pretrained" / name, make_network(card.config), card)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    app = opened(checkpoint="imported")
    assert control(app.segmented_control, "run").label == "Checkpoint: its card names no budget"
    labels = [str(one.label) for kind in (app.segmented_control, app.select_slider, app.slider) for one in kind]
    assert "always" not in " ".join((text_of(app), *labels))
    control(app.segmented_control, "method").set_value("Backbone").run()
    assert "The cost of imported is not on its card, so it cannot be kept." in said(app.warning[0])


@pytest.mark.usefixtures("in_force")
def test_titles_and_so_the_names_of_files_say_the_data_set(monkeypatch: pytest.MonkeyPatch):
    views: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.update({view.key: view}))
    for name, wanted in (("tiny-dfs-20", "ResNet-14 on CIFAR-10"), ("c100-dfs-20", "ResNet-20 on CIFAR-100")):
        opened(checkpoint=name)
        assert views["strip"].title.startswith(f"Decisions of DFS {wanted}, budget 20 %")


@pytest.mark.usefixtures("in_force")
def test_a_stamps_link_names_the_checkpoint_also_where_it_is_the_default(monkeypatch: pytest.MonkeyPatch):
    views: dict = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.update({view.key: view}))
    app = opened(network=OTHER)
    assert "checkpoint" not in app.query_params
    assert "checkpoint=c100-" in views["strip"].stamp.link


@pytest.mark.usefixtures("in_force")
def test_the_laboratory_goes_on_with_another_checkpoint_without_the_note_of_the_choice_before():
    app = opened("laboratory", checkpoint="tiny-dfs-10")
    chosen = next(one for one in app.segmented_control if one.key.rpartition("_")[0] == "method")
    chosen.set_value(next(one for one in chosen.options if "Backbone" in str(one))).run()
    assert "The nearest is" in text_of(app) + " ".join(said(one) for one in (*app.info, *app.warning))
    next(one for one in app.button if one.key.startswith("start_") and one.label.startswith("Continue")).click().run()
    assert not app.exception
    assert "The nearest is" not in text_of(app) + " ".join(said(one) for one in (*app.info, *app.warning))


@pytest.mark.usefixtures("in_force")
def test_a_picture_whose_class_was_told_for_other_classes_is_of_none_of_these():
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), (90, 60, 30)).save(stream, "PNG")
    app = opened("image", checkpoint="tiny-dfs-20")
    app.file_uploader(key="uploads").set_value([("brown.png", stream.getvalue(), "image/png")]).run()
    control(app.selectbox, "own_truth").set_value("cat").run()
    assert control(app.selectbox, "own_truth").value == "cat"
    switch(app, "ResNet-20 on CIFAR-100")
    assert control(app.selectbox, "own_truth").value == "None of these classes"


@pytest.mark.usefixtures("in_force")
def test_a_run_of_the_laboratory_is_shown_with_its_own_network_only(folder: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list = []
    monkeypatch.setattr(run_panel, "curves", lambda page, job: shown.append(job))
    app = opened("laboratory", checkpoint="tiny-dfs-20", steps="20")
    job = SimpleNamespace(
        about=SimpleNamespace(parent=read_card(folder / "c100-dfs-20")), ended=True, state="cancelled"
    )
    monkeypatch.setattr(laboratory().jobs, "get", lambda key: job)
    app.query_params["run"] = "abc"
    app.run()
    assert shown[-1] is None
    job.about.parent = read_card(folder / "tiny-dfs-10")
    monkeypatch.setattr(run_panel, "ended", lambda page, job: None)
    app.run()
    assert shown[-1] is job


@pytest.mark.usefixtures("in_force")
def test_both_sides_of_a_comparison_say_their_data_set_and_long_titles_of_methods_drop_down():
    app = opened("compare", checkpoint="tiny-dfs-10", right="c100-dfs-20")
    assert re.findall(r"DFS ResNet-\d+ on (\S+), budget", text_of(app))[:2] == ["CIFAR-10", "CIFAR-100"]
    assert [one.key for one in opened(network=OTHER).selectbox if one.key.startswith("method")], "27 characters"
