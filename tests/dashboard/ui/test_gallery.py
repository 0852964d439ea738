"""The gallery: which page of it a link opens, and drawings that a link names where test images are the gallery."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from pages import control, opened, rows_of, text_of
from streamlit.testing.v1 import AppTest
from tiny import UNTRACED

from dashboard.ui import cached
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.locate import find
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.data.sets import load_images
from dfs_core.model.cost import cost_models


def test_a_link_to_a_drawing_shows_it_before_the_test_images_that_are_the_gallery(with_data):
    usual = [row.partition(". ")[2] for row in rows_of(opened(gallery="2"))]
    app = opened(gallery="2", image="frog")
    assert not app.warning
    assert [row.partition(". ")[2] for row in rows_of(app)] == ["frog", *usual]
    assert control(app.selectbox, "focus").value == "frog"
    assert dict(app.query_params) == {"gallery": "2", "image": "frog"}
    assert "test images, page 2 of 4" in text_of(app)
    app.button(key="turn_Previous images").click().run()
    assert len(rows_of(app)) == 10
    assert "frog" not in str(rows_of(app))


@pytest.mark.parametrize(("page", "widget"), [("image", "image_shown"), ("compare", "image_A")])
def test_other_pages_show_the_drawing_of_a_link_too(with_data, page, widget):
    app = opened(page, image="frog", **({"what": "images"} if page == "compare" else {}))
    assert not app.warning
    assert control(app.selectbox, widget).value == "frog"


def test_the_other_image_that_is_compared_may_be_a_drawing_too(with_data):
    app = opened("compare", what="images", other="frog")
    assert control(app.selectbox, "image_B").value == "frog"


def test_what_is_neither_a_drawing_nor_a_test_image_is_still_named(with_data):
    app = opened(image="unicorn")
    assert "which is not here" in app.warning[0].value
    assert len(rows_of(app)) == 10


@pytest.mark.parametrize("page", ["999999", "9" * 30])
def test_a_page_that_the_gallery_has_not_is_its_last_and_that_is_said(with_data, page):
    app = opened(gallery=page)
    assert "test images, page 4 of 4" in text_of(app)
    assert dict(app.query_params) == {"gallery": "4"}
    assert "the last one is 4" in app.warning[0].value
    app.button(key="turn_Next images").click().run()
    assert "test images, page 1 of 4" in text_of(app)
    assert not app.warning
    assert dict(app.query_params) == {}


def test_drawings_have_a_last_page_too(tiny_pretrained, no_data):
    app = opened(gallery="3")
    assert "drawings, page 2 of 2" in text_of(app)
    assert dict(app.query_params) == {"gallery": "2"}


def test_the_gallery_goes_to_an_image_by_its_number_and_to_a_class(with_data):
    app = opened()
    number = next(one for one in app.number_input if one.key.startswith("jump_number"))
    number.set_value(37).run()
    assert dict(app.query_params) == {"image": "test-37", "network": "resnet-14-cifar10"}
    assert control(app.selectbox, "focus").value == "test-37"
    control(app.selectbox, "jump_class").set_value("frog").run()
    assert not app.exception
    assert re.search("is frog", text_of(app))
    assert app.query_params["image"] != "test-37"
    assert control(app.selectbox, "jump_class").value is None


def all_keys(app: AppTest) -> list[str]:
    """Keys of the gallery's images, page after page."""
    found: list[str] = []
    while not found or str(app.query_params.get("gallery", "1")) != "1":
        box = control(app.selectbox, "focus")
        found += [f"test-{image_number(option)}" for option in box.options]
        app.button(key="turn_Next images").click().run()
        assert not app.exception
    return found


def image_number(option: str) -> int:
    return int(re.search(r"(\d+)\D*$", option.partition(". ")[2])[1])


def test_by_class_the_gallery_shows_one_class_after_the_other(with_data, cifar10_dir):
    app = opened(gallery_order="class")
    assert "page 1 of 4, by class" in text_of(app)
    labels = load_images("cifar10", cifar10_dir, "test").labels.tolist()
    numbers = [int(key.removeprefix("test-")) for key in all_keys(app)]
    assert sorted(numbers) == list(range(len(labels)))
    assert [labels[number] for number in numbers] == sorted(labels)


@pytest.mark.parametrize(("order", "words", "sign"), [("cheap", "cheapest", 1), ("dear", "most expensive", -1)])
def test_by_cost_the_gallery_follows_what_the_network_in_use_spends(with_data, order, words, sign):
    app = opened(checkpoint="tiny-dfs-20")
    control(app.selectbox, "gallery_order").set_value(order).run()
    assert app.query_params["gallery_order"] == order
    assert f"page 1 of 4, {words} first" in text_of(app)
    point = OperatingPoint(read_card("tiny-dfs-20"))
    spent = cost_models(point.card.config)["cp"].per_image(read_traces(find("tiny-dfs-20"), point).decisions)
    numbers = [int(key.removeprefix("test-")) for key in all_keys(app)]
    assert sorted(numbers) == list(range(len(spent)))
    assert len(set(spent.round(6))) > 2
    assert [round(sign * spent[number], 6) for number in numbers] == sorted((sign * spent).round(6))


def test_without_stored_decisions_there_is_no_order_by_cost_and_a_link_to_it_says_so(with_data):
    app = opened(checkpoint=UNTRACED)
    assert len(control(app.selectbox, "gallery_order").options) == 2
    assert "mixed, as their costs are not stored" in text_of(opened(checkpoint=UNTRACED, gallery_order="dear"))


@pytest.fixture
def own(cifar10_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that a test may change."""
    monkeypatch.setenv("DFS_DATA_DIR", str(shutil.copytree(cifar10_dir, tmp_path / "data")))
    return tmp_path / "data"


def test_a_test_image_that_is_put_right_in_place_is_found_after_a_while(tiny_pretrained, own):
    broken = next((own / "cifar10" / "test").rglob("*.png"))
    good = broken.read_bytes()
    broken.write_bytes(b"no picture")
    card = read_card("tiny-dfs-20")
    assert broken.name in cached.test_images(card)
    broken.write_bytes(good)
    assert isinstance(cached.test_images(card), str), "at first it is not looked at again"
    cached._why_no_test_images.clear()  # as time does
    assert len(cached.test_images(card)) == 40


def test_a_picture_of_a_set_that_is_read_from_disk_may_be_put_right(tiny_pretrained, own, monkeypatch):
    monkeypatch.setattr("dfs_core.data.sets.fits_memory", lambda count, size: False)
    images = cached.test_images(read_card("tiny-dfs-20"))
    file = next(iter(images.images.sources))
    good = file.read_bytes()
    file.write_bytes(b"no picture")
    place = next(index for index in range(40) if isinstance(cached.test_picture(images, index), str))
    file.write_bytes(good)
    assert cached.test_picture(images, place).origin == "test"


def test_without_test_images_the_other_image_may_be_a_drawing_of_another_page(tiny_pretrained, no_data, monkeypatch):
    monkeypatch.setattr("dashboard.ui.image_bar.PAGE_SIZE", 4)
    monkeypatch.setattr("dashboard.ui.cached.PAGE_SIZE", 4)
    far = [picture.key for picture in cached.drawn(read_card("tiny-dfs-20"))][-1]
    app = opened("compare", what="images", other=far)
    assert control(app.selectbox, "image_B").value == far
    assert not app.warning


def test_an_image_b_that_is_not_here_is_named(with_data):
    app = opened("compare", what="images", other="test-4000")
    assert "'test-4000', which is not here" in app.warning[0].value
