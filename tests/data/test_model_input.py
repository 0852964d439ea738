from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dfs_core.data.images import to_model_input


def test_a_picture_of_the_right_size_comes_back_pixel_for_pixel() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    result = to_model_input(Image.fromarray(noise))
    assert (result == noise).all()
    result[0, 0] = 0  # the caller's own memory


def test_a_picture_from_anywhere_is_seen_as_its_file_is() -> None:
    clear = Image.new("RGBA", (40, 40), (10, 20, 30, 0))
    assert (to_model_input(clear) == 255).all()
    grey = Image.fromarray(np.full((40, 40), 30_000, np.uint16))
    assert (to_model_input(grey) == 117).all()
    lying = Image.new("RGB", (64, 32), "red")
    lying.paste("blue", (0, 0, 64, 16))
    lying.getexif()[0x0112] = 6  # to be turned by a quarter
    upright = to_model_input(lying).astype(int)
    assert (upright[:, -1, 2] > 200).all()
    assert (upright[:, 0, 0] > 200).all()


@pytest.mark.parametrize("size", [(300, 100), (100, 300)])
def test_the_central_square_is_what_the_network_sees(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    image.paste("blue", ((size[0] - 100) // 2, (size[1] - 100) // 2, (size[0] + 100) // 2, (size[1] + 100) // 2))
    assert (to_model_input(image) == (0, 0, 255)).all()


def test_reduction_averages_fine_detail_instead_of_sampling_it() -> None:
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    result = to_model_input(Image.fromarray(stripes)).astype(int)
    assert np.abs(result[:, 1:-1] - 127).max() <= 3


@given(width=st.integers(1, 90), height=st.integers(1, 90), size=st.sampled_from([8, 32]))
@settings(max_examples=40)
def test_any_size_gives_the_network_its_size_and_keeps_a_plain_colour(width: int, height: int, size: int) -> None:
    result = to_model_input(Image.new("RGB", (width, height), (7, 130, 255)), size)
    assert result.shape == (size, size, 3)
    assert result.dtype == np.uint8
    assert (result == (7, 130, 255)).all()


def test_other_modes_are_taken_too() -> None:
    assert (to_model_input(Image.new("L", (64, 64), 9)) == 9).all()
