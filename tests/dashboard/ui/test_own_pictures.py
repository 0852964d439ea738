"""The user's own pictures: what they really show, which square is seen, removing one, links and reloads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pages import control, go_to, opened, said, text_of
from PIL import Image
from places import APP
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from tiny import picture

from dashboard.answers.pictures import read_upload
from dashboard.ui import browser_memory
from dfs_core.data.images import to_model_input

Files = list[tuple[str, bytes, str]]


def png(image: Image.Image, name: str) -> tuple[str, bytes, str]:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return name, stream.getvalue(), "image/png"


def wide() -> Image.Image:
    """Left half black, right half white: 200 by 100 pixels."""
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[:, 100:] = 255
    return Image.fromarray(pixels)


@pytest.fixture
def given(tiny_pretrained: Path, no_data: Path) -> Callable[[Files], AppTest]:
    def give(files: Files) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        app.file_uploader(key="uploads").set_value(files).run()
        assert not app.exception
        return app

    return give


def test_an_upload_whose_class_is_told_counts_as_right_or_wrong(given):
    app = given([png(Image.fromarray(picture(3, 40)), "square.png")])
    assert "true class unknown" in text_of(app)
    assert "0 of 1 right" not in text_of(app)
    answers = control(app.selectbox, "own_truth").options[1:-1]
    verdicts = []
    for answer in answers:
        control(app.selectbox, "own_truth").set_value(answer).run()
        verdicts.append("1 of 1 right" in text_of(app))
        assert verdicts[-1] or "0 of 1 right" in text_of(app)
    assert sum(verdicts) == 1, "one class is what the network says"
    control(app.selectbox, "own_truth").set_value("None of these classes").run()
    assert "of a class that the network does not know" in text_of(app)
    assert " of 1 right" not in text_of(app)
    assert "cat" not in str(dict(app.query_params))


def test_the_smallest_right_budget_of_an_upload_follows_its_told_class(given):
    app = go_to(given([png(Image.fromarray(picture(3, 40)), "square.png")]), "image").run()
    before = re.findall(r"(?:Stays|Never stays) [^.]*", text_of(app))
    control(app.selectbox, "own_truth").set_value("ship").run()
    assert "square.png, is ship" in text_of(app)
    after = re.findall(r"(?:Stays|Never stays) [^.]*", text_of(app))
    assert any(said.startswith(("Stays '", "Never stays '")) for said in before), before
    assert all(said.startswith(("Stays right", "Never stays right")) for said in after), after
    assert not app.exception


def test_the_square_of_a_wide_picture_moves_and_goes_back_to_the_middle(given):
    app = given([png(wide(), "wide.png")])
    assert "left:25.0%;top:25.0%;width:50.0%" in text_of(app)
    control(app.slider, "own_crop").set_value(100).run()
    assert "left:50.0%;top:25.0%;width:50.0%" in text_of(app)
    app.button(key="crop_reset").click().run()
    assert control(app.slider, "own_crop").value == 50
    assert "left:25.0%;top:25.0%;width:50.0%" in text_of(app)


@pytest.mark.parametrize("turn", [None, Image.Transpose.ROTATE_270], ids=["wide", "high"])
def test_the_network_sees_the_chosen_square_and_by_default_exactly_the_middle_one(turn):
    image = wide() if turn is None else wide().transpose(turn)  # left becomes top
    name, data, _ = png(image, "half.png")
    own = read_upload(data, name, sizes=(32, 64))
    assert (own.seen == to_model_input(image, 32)).all()
    for size in (32, 64):
        assert own.cropped(0.0).at(size).seen.max() == 0
        assert own.cropped(1.0).at(size).seen.min() == 255
        assert own.cropped(1.0).at(size).seen.shape == (size, size, 3)
    assert own.cropped(0.0).digest != own.cropped(1.0).digest != own.digest


def test_a_square_picture_has_no_crop(given):
    app = given([png(Image.fromarray(picture(3, 40)), "square.png")])
    assert not [slider for slider in app.slider if slider.key.startswith("own_crop")]


def test_one_of_two_uploads_is_removed_after_a_change_of_page(given):
    app = given([png(Image.fromarray(picture(3, 40)), "first.png"), png(wide(), "second.png")])
    go_to(app, "image").run()
    assert control(app.selectbox, "image_shown").options == ["first.png", "second.png"]
    app.button(key="remove_this").click().run()
    assert control(app.selectbox, "image_shown").options == ["second.png"]
    go_to(app, "explore").run()
    assert control(app.selectbox, "focus").options == ["1. second.png"]


def test_what_is_uploaded_later_is_shown_first_also_where_the_gallery_was_chosen(given):
    first, second = png(Image.fromarray(picture(3, 40)), "first.png"), png(wide(), "second.png")
    app = given([first])
    control(app.segmented_control, "show").set_value("Gallery").run()
    assert "first.png" not in str(control(app.selectbox, "focus").options)
    go_to(app, "image").run()
    app.file_uploader(key="uploads").set_value([second]).run()
    shown = control(app.selectbox, "image_shown")
    assert shown.options == ["second.png", "first.png"]
    assert shown.index == 0


def test_a_link_to_an_upload_says_to_its_receiver_that_the_picture_is_not_in_it(given):
    app = given([png(wide(), "wide.png")])
    app.run()
    assert app.query_params["image"] == "own"
    assert not app.warning
    received = opened(image="own")
    assert "an image of the sender's own. It is not in the link" in said(received.warning[0])
    control(app.segmented_control, "show").set_value("Gallery").run()
    assert "image" not in app.query_params


def test_uploads_and_what_was_said_of_them_outlive_a_reload_in_the_same_browser_alone(given, monkeypatch):
    cookies: dict[str, str] = {}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda self: cookies))
    app = given([png(wide(), "wide.png")])
    control(app.selectbox, "own_truth").set_value("ship").run()
    html = " ".join(element.proto.body for element in app.get("html"))
    cookies[browser_memory.COOKIE] = html.split(f"{browser_memory.COOKIE}=")[1].split(";")[0]
    reloaded = opened()
    assert control(reloaded.selectbox, "focus").options == ["1. wide.png"]
    assert "is ship" in text_of(reloaded)
    own, cookies[browser_memory.COOKIE] = cookies[browser_memory.COOKIE], "x" * 22
    assert control(opened().selectbox, "focus").options != ["1. wide.png"]
    cookies.clear()
    for _ in range(20):  # visitors who keep nothing take nobody's place
        opened("learn")
    cookies[browser_memory.COOKIE] = own
    assert control(opened().selectbox, "focus").options == ["1. wide.png"]


@pytest.mark.parametrize(
    ("page", "chosen"), [("learn", {"step": "2"}), ("compare", {}), ("compare", {"what": "images"})]
)
def test_class_square_and_removal_are_on_every_page_that_shows_one_picture(given, page, chosen):
    app = given([png(wide(), "wide.png")])
    app.query_params.update(chosen)
    go_to(app, page).run()
    control(app.selectbox, "own_truth").set_value("ship").run()
    assert control(app.selectbox, "own_truth").value == "ship"
    control(app.slider, "own_crop").set_value(100).run()
    assert control(app.slider, "own_crop").value == 100
    assert not app.exception
    app.button(key="remove_this").click().run()
    assert not app.exception
    assert not [box for box in app.selectbox if box.key.startswith("own_truth")]
