from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from dfs_core.data.drawings import Drawing, drawings
from dfs_core.data.images import to_model_input
from dfs_core.data.known import KNOWN
from dfs_core.data.sketch import Fill, render


@pytest.fixture(scope="module")
def all_drawings() -> list[Drawing]:
    return drawings()


def test_every_class_has_a_drawing_and_every_name_is_its_own(all_drawings: list[Drawing]) -> None:
    labels = Counter(drawing.label for drawing in all_drawings)
    assert set(labels) == set(KNOWN["cifar10"].classes)
    names = [drawing.name for drawing in all_drawings]
    assert len(names) == len(set(names)) >= 12
    assert all(re.fullmatch("[a-z-]+", name) for name in names)


def test_drawings_are_pictures_of_one_size(all_drawings: list[Drawing]) -> None:
    for drawing in all_drawings:
        assert drawing.image.shape == (256, 256, 3)
        assert drawing.image.dtype == np.uint8
        assert len(np.unique(drawing.image.reshape(-1, 3), axis=0)) > 1000, drawing.name


def test_drawings_differ_even_at_the_size_the_network_sees(all_drawings: list[Drawing]) -> None:
    small = [to_model_input(Image.fromarray(drawing.image)).astype(int) for drawing in all_drawings]
    assert all(np.abs(a - b).mean() > 15 for i, a in enumerate(small) for b in small[:i])


def test_drawings_are_the_same_every_time(all_drawings: list[Drawing]) -> None:
    for first, second in zip(all_drawings, drawings(), strict=True):
        assert (first.name, first.label) == (second.name, second.label)
        assert (first.image == second.image).all()


# --- the language they are written in --------------------------------------------------------------------------------


def pixel(picture: np.ndarray, x: float, y: float) -> tuple[int, ...]:
    """Colour at a place of the 100 x 100 canvas."""
    return tuple(int(value) for value in picture[int(y * 2.56), int(x * 2.56)])


def test_shapes_cover_what_they_say_and_later_ones_lie_on_top() -> None:
    picture = render("""
        rect #0000ff 0,0 100,100
        oval #ff0000 50,50 20,10
        poly #00ff00 40,45 60,45 50,60
    """)
    assert pixel(picture, 5, 5) == (0, 0, 255)
    assert pixel(picture, 33, 50) == (255, 0, 0)
    assert pixel(picture, 50, 38) == (0, 0, 255)
    assert pixel(picture, 50, 50) == (0, 255, 0)


def test_an_oval_turns_by_its_angle() -> None:
    upright, turned = render("oval #fff 50,50 30,5"), render("oval #fff 50,50 30,5 90")
    assert (pixel(upright, 75, 50), pixel(upright, 50, 75)) == ((255,) * 3, (0,) * 3)
    assert (pixel(turned, 75, 50), pixel(turned, 50, 75)) == ((0,) * 3, (255,) * 3)


def test_a_gradient_runs_from_top_to_bottom() -> None:
    picture = render("rect #000-#fff 0,0 100,100").astype(int)
    assert (np.diff(picture[:, 128, 0]) >= 0).all()
    assert picture[0].max() <= 2
    assert picture[-1].min() >= 253


def test_a_mirrored_shape_is_drawn_on_both_sides() -> None:
    picture = render("mirror rect #fff 10,40 20,60")
    assert (picture == picture[:, ::-1]).all()
    assert pixel(picture, 15, 50) == pixel(picture, 85, 50) == (255, 255, 255)
    assert pixel(render("mirror:30 rect #fff 10,40 20,60"), 45, 50) == (255, 255, 255)


def test_opacity_mixes_and_softness_blurs() -> None:
    assert pixel(render("rect #fff@0.5 0,0 100,100"), 50, 50) == pytest.approx((128,) * 3, abs=1)
    edge = [pixel(render(f"rect #fff{soft} 0,0 50,100"), 51.5, 50)[0] for soft in ("", "~2")]
    assert edge[0] == 0
    assert 20 < edge[1] < 120


def test_a_shaded_body_is_lit_from_above_left() -> None:
    picture = render("oval #888* 50,50 40,40")
    assert pixel(picture, 27, 27)[0] > pixel(picture, 50, 50)[0] > pixel(picture, 73, 73)[0]


def test_a_curve_goes_through_its_points() -> None:
    picture = render("line #fff 3 10,80 40,20 60,70 90,30")
    assert all(pixel(picture, x, y) == (255,) * 3 for x, y in ((10, 80), (40, 20), (60, 70), (90, 30)))


def test_grass_grows_below_its_first_row_only() -> None:
    picture = render("grass #fff 60 300 6")
    assert picture[: int(50 * 2.56)].max() == 0
    assert (picture[int(70 * 2.56) :].max(axis=2) > 100).mean() > 0.05


@pytest.mark.parametrize("text", ["red", "#fff~", "#fff@.5~2", "#12"])
def test_a_fill_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a fill|unknown color"):
        Fill.parse(text)
