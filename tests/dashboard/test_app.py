"""The page's logic, without a browser: controls, uploads, galleries, and what is said where something is missing."""

from __future__ import annotations

import gc
import io
import json
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pytest
from pages import control, go_to, rows_of, said, text_of
from PIL import Image
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import picture

from dashboard.answers.naming import WORD_JOINER


def png(seed: int, size: int = 48) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed, size)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


def test_the_page_opens_with_drawings_a_strip_and_a_curve_and_says_what_is_in_use(app):
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 2
    assert len(rows_of(app)) == 10
    assert "DFS ResNet-14, budget 20 %, alpha 5e-6" in text_of(app)
    assert "tiny-dfs-20" in text_of(app)
    assert "drawings, page 1 of 2" in text_of(app)


def test_what_is_loaded_is_kept_from_the_garbage_collector_that_runs_after_every_page(app):
    deadline = time.monotonic() + 30
    while not gc.get_freeze_count() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gc.get_freeze_count() > 100_000  # torch and Altair alone have more


def test_the_slider_offers_trained_budgets_only_and_moves_checkpoint_and_link(app):
    slider = control(app.select_slider, "budget")
    assert list(slider.options) == ["10 %", "20 %", "30 %"]
    slider.set_value(30.0).run()
    assert "DFS ResNet-14, budget 30 %, alpha 5e-6" in text_of(app)
    assert dict(app.query_params) == {"checkpoint": "tiny-dfs-30", "budget": "30"}
    assert not app.warning
    control(app.select_slider, "budget").set_value(20.0).run()
    assert dict(app.query_params) == {}


def test_both_charts_hand_back_the_number_of_choices_so_that_a_second_click_is_news(app):
    def turns() -> list[set[int]]:
        tables = {}
        for chart in app.get("vega_lite_chart"):
            for dataset in chart.proto.datasets:
                tables[dataset.name] = pa.ipc.open_stream(dataset.data.data).read_all()
        return [set(tables[name]["click_id"].to_pylist()) for name in ("cells", "measured")]

    assert turns() == [{0}, {0}]
    control(app.select_slider, "budget").set_value(30.0).run()
    assert turns() == [{1}, {1}]


def test_alpha_moves_to_its_checkpoint(app):
    control(app.segmented_control, "alpha").set_value(1e-6).run()
    assert "budget 20 %, alpha 1e-6" in text_of(app)
    assert dict(app.query_params) == {"checkpoint": "tiny-dfs-20-alpha1e-6", "alpha": "1e-6"}


def test_a_pair_that_was_not_trained_is_never_passed_off_as_one(app):
    control(app.segmented_control, "alpha").set_value(1e-6).run()
    control(app.select_slider, "budget").set_value(30.0).run()
    assert "Alpha 1e-6 was trained at 20 % only, not at 30 %" in app.warning[0].value
    assert "In use instead: DFS ResNet-14, budget 30 %, alpha 5e-6" in said(app.warning[0])
    assert control(app.segmented_control, "alpha").value == 5e-6
    assert "tiny-dfs-30" in text_of(app)
    control(app.select_slider, "budget").set_value(10.0).run()
    assert not app.warning


def test_another_method_is_used_at_its_nearest_budget_and_that_is_said(app):
    control(app.segmented_control, "method").set_value("SkipNet").run()
    assert "SkipNet ResNet-14, budget 50 %" in text_of(app)
    assert "SkipNet has nothing here with a cp of 20 %. The nearest is 50 %." in app.warning[0].value
    control(app.segmented_control, "method").set_value("Backbone").run()
    assert "Backbone has nothing here with a cp of 20 %" in app.warning[0].value
    assert "Backbone ResNet-14" in text_of(app)
    assert not app.select_slider


def test_a_link_opens_its_state(tiny_pretrained, no_data):
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params.update({"budget": "30", "image": "frog", "cost": "all-in", "scale": "linear"})
    app.run()
    assert "tiny-dfs-30" in text_of(app)
    assert control(app.selectbox, "focus").value == "frog"
    assert control(app.selectbox, "cost").value == "all-in"
    assert control(app.segmented_control, "scale").value == "linear"


def test_a_link_to_a_budget_that_was_not_trained_says_which_one_is_used(tiny_pretrained, no_data):
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.query_params["budget"] = "26"
    app.run()
    assert "No DFS checkpoint was trained for 26 %" in app.warning[0].value
    assert control(app.select_slider, "budget").value == 30


def test_of_two_uploads_the_bad_one_gets_one_message_and_the_good_one_works(app):
    files = [("holiday.png", png(3), "image/png"), ("notes.png", b"these are notes", "image/png")]
    app.file_uploader(key="uploads").set_value(files).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "notes.png" in app.error[0].value
    assert rows_of(app) == ["1. holiday.png"]


def test_own_images_can_be_shown_with_the_gallery_and_the_same_file_twice_is_one_row(app):
    files = [(name, png(4), "image/png") for name in ("a.png", "b.png")]
    app.file_uploader(key="uploads").set_value(files).run()
    assert rows_of(app) == ["1. a.png"]
    control(app.segmented_control, "show").set_value("Both").run()
    assert len(rows_of(app)) == 11
    app.file_uploader(key="uploads").set_value(files[1:]).run()
    assert rows_of(app)[0] == "1. b.png", "the other of the two is still there"
    app.file_uploader(key="uploads").set_value(None).run()
    assert len(rows_of(app)) == 10


def test_two_files_of_one_name_are_told_apart(app):
    files = [("photo.png", png(seed), "image/png") for seed in (4, 5)]
    app.file_uploader(key="uploads").set_value(files).run()
    assert rows_of(app) == ["1. photo.png", "2. photo.png (2)"]


def test_a_link_to_an_image_of_the_gallery_shows_it_beside_ones_own(app):
    app.file_uploader(key="uploads").set_value([("mine.png", png(4), "image/png")]).run()
    assert rows_of(app) == ["1. mine.png"]
    app.query_params["image"] = "frog"
    app.run()
    assert len(rows_of(app)) == 11
    assert control(app.selectbox, "focus").value == "frog"
    control(app.segmented_control, "show").set_value("Mine").run()
    assert rows_of(app) == ["1. mine.png"], "until somebody chooses otherwise"
    go_to(app, "learn").run()
    go_to(app, "explore").run()
    assert control(app.segmented_control, "show").value == "Mine", "whatever page was open in between"


@pytest.mark.parametrize(
    "query",
    [
        {"checkpoint": "![a](http://evil.example/p.png)"},
        {"image": "[a](http://evil.example)"},
        {"image": "www.evil.example"},
        {"checkpoint": "a@evil.example"},
    ],
)
def test_a_link_puts_no_content_of_its_own_into_a_page(app, query):
    app.query_params.update(query)
    app.run()
    (text,) = query.values()
    assert text not in app.warning[0].value, "as Markdown it would be a link or a picture"
    assert text in said(app.warning[0]).replace(WORD_JOINER, "")


def test_turning_the_page_shows_other_images_and_goes_round(app):
    first = rows_of(app)
    app.button(key="turn_Next images").click().run()
    assert len(rows_of(app)) == 4
    assert app.query_params["gallery"] == "2"
    app.button(key="turn_Next images").click().run()
    assert rows_of(app) == first


def test_test_images_are_shown_with_their_class_where_they_are_on_the_machine(
    tiny_pretrained, cifar10_dir, monkeypatch
):
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert "CIFAR-10 test images, page 1 of 4" in text_of(app)
    assert len(rows_of(app)) == 10
    assert "of 10 right" in text_of(app)
    assert not [button for button in app.button if button.key == "download"]


def test_a_download_without_network_gives_one_honest_message(app, monkeypatch):
    def no_network(dataset: str, folder: Path, progress: object) -> None:
        from dfs_core.errors import UserError

        raise UserError(f"{dataset} could not be downloaded (no route): check the network")

    monkeypatch.setattr("dfs_core.data.download.download", no_network)
    app.button(key="download").click().run()
    assert not app.exception
    assert [error.value.replace("\\", "") for error in app.error] == [
        "cifar10 could not be downloaded (no route): check the network"
    ]
    assert len(rows_of(app)) == 10


def test_after_a_download_the_gallery_shows_the_test_images(app, no_data, cifar10_dir, monkeypatch):
    def copied(dataset: str, folder: Path, progress) -> None:
        progress(0.5, "half")
        shutil.copytree(cifar10_dir, folder, dirs_exist_ok=True)

    monkeypatch.setattr("dfs_core.data.download.download", copied)
    app.query_params["image"] = "frog"  # a drawing, which the test images take the place of
    app.run()
    app.button(key="download").click().run()
    assert "CIFAR-10 test images, page 1 of 4" in text_of(app)
    assert not app.warning


def test_tables_are_made_when_they_are_opened(app):
    assert not app.dataframe
    app.session_state["points_table"] = True
    app.run()
    table = app.dataframe[0].value
    looks = json.loads(app.dataframe[0].proto.columns)
    assert (looks["all_in"]["label"], looks["all_in"]["type_config"]["format"]) == ("all-in %", "%.2f")
    assert set(table["group"]) == {"DFS", "SkipNet", "Backbone", "published"}
