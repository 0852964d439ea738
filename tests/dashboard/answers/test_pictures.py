"""Pictures: what the network sees, how they travel to the browser, and which ones a gallery shows."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from tiny import picture

from dashboard.answers.pictures import (
    GIVEN_SIDE,
    KEPT_SIDE,
    drawn_pictures,
    gallery_order,
    index_of_test,
    make_picture,
    read_upload,
)
from dashboard.ui.focus import given_and_seen
from dfs_core.data.images import ImageError, to_model_input


def decode(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_test_image_reaches_the_network_and_the_page_pixel_for_pixel():
    pixels = picture(3)
    made = make_picture("test-3", "test image 3", "test", pixels, "cat")
    assert np.array_equal(made.seen, pixels)
    for uri in (made.seen_uri, made.given_uri, made.thumb_uri):
        enlarged = np.asarray(decode(uri))
        step = enlarged.shape[0] // 32
        assert np.array_equal(enlarged[step // 2 :: step, step // 2 :: step], pixels)


def test_a_large_picture_is_reduced_for_the_page_and_keeps_its_shape():
    made = make_picture("k", "n", "upload", np.zeros((300, 900, 3), np.uint8))
    assert decode(made.given_uri).size == (GIVEN_SIDE, round(GIVEN_SIDE / 3))
    assert max(decode(made.thumb_uri).size) < 100
    assert made.seen.shape == (32, 32, 3)


@pytest.mark.parametrize(("side", "size", "figures"), [(32, 32, 1), (33, 32, 2), (64, 64, 1), (32, 64, 2)])
def test_what_the_network_sees_is_shown_beside_what_was_given_where_they_differ(side, size, figures):
    made = make_picture("a", "<a>", "test", picture(0, side), "cat", (size,))
    html = given_and_seen(made)
    assert html.count("<figure>") == figures
    assert "<a>" not in html


def test_a_picture_is_made_for_every_size_of_the_networks_that_are_there():
    made = make_picture("a", "a", "upload", picture(2, 200), sizes=(32, 64))
    larger = made.at(64)
    assert made.at(32) is made
    assert np.array_equal(larger.seen, to_model_input(Image.fromarray(picture(2, 200)), 64))
    assert larger.digest != made.digest
    assert decode(larger.seen_uri).size == decode(made.seen_uri).size == (128, 128)
    assert np.array_equal(larger.at(32).seen, made.seen)
    assert (larger.key, larger.given_uri) == (made.key, made.given_uri)


def test_a_size_that_nobody_had_asked_for_is_made_of_the_largest_that_was():
    made = make_picture("a", "a", "test", picture(2, 200), sizes=(32, 64))
    wanted = to_model_input(Image.fromarray(made.at(64).seen), 48)
    assert np.array_equal(made.at(48).seen, wanted)
    assert np.array_equal(made.at(64).at(48).seen, wanted)


@pytest.mark.parametrize("shape", [(300, 300), (300, 450), (40, 60)])
def test_an_own_picture_is_seen_sharply_by_a_larger_network_that_comes_later(shape):
    given = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    made = make_picture("upload-1", "a", "upload", given, sizes=(32,))
    kept = Image.fromarray(given)
    kept.thumbnail([round(side * min(1.0, KEPT_SIDE / min(shape))) for side in shape[::-1]], Image.Resampling.LANCZOS)
    larger = made.at(64).seen
    wanted = to_model_input(kept, 64)
    assert np.abs(larger.astype(int) - wanted).mean() < 2, "not made of 32 pixels"
    assert made.has_crops == (shape[0] != shape[1])


def test_the_digest_is_that_of_what_the_network_sees():
    pixels = picture(1)
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    first, same, other = (
        make_picture(key, key, "upload", p) for key, p in (("a", pixels), ("b", pixels), ("c", changed))
    )
    assert first.digest == same.digest != other.digest


def test_an_upload_is_a_picture_and_rubbish_is_an_error_that_names_the_file():
    assert read_upload(png(picture(5, 64)), "x.png").origin == "upload"
    with pytest.raises(ImageError, match=r"notes\.png"):
        read_upload(b"these are notes", "notes.png")


def test_drawings_are_labelled_as_drawings_and_show_every_class():
    drawn = drawn_pictures()
    assert {made.origin for made in drawn} == {"drawing"}
    assert len({made.truth for made in drawn}) == 10
    assert len({made.key for made in drawn}) == len(drawn)


def test_every_page_of_the_gallery_shows_each_class_once():
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 7))
    order = gallery_order(labels)
    assert sorted(order) == list(range(70))
    assert all(sorted(labels[order[start : start + 10]]) == list(range(10)) for start in range(0, 70, 10))


def test_of_many_classes_a_page_is_not_a_slice_of_the_alphabet():
    labels = np.repeat(np.arange(100), 3)
    first = labels[gallery_order(labels)[:10]]
    assert len(set(first)) == 10
    assert int(first.max()) - int(first.min()) > 20
    assert sorted(labels[gallery_order(labels)[:100]]) == list(range(100))


def test_the_gallery_is_the_same_for_the_same_seed_and_another_for_another():
    labels = np.repeat(np.arange(10), 20)
    assert np.array_equal(gallery_order(labels, 4), gallery_order(labels, 4))
    assert not np.array_equal(gallery_order(labels, 4), gallery_order(labels, 5))


@pytest.mark.parametrize(
    ("key", "index"), [("test-0", 0), ("test-9999", 9999), ("frog", None), ("test-", None), ("17", None), (None, None)]
)
def test_the_key_of_a_test_image_tells_its_place_in_the_data_set(key, index):
    assert index_of_test(key) == index
