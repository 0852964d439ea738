"""Pictures that the pages show: drawings, test images, uploads. Plain data, ready to be drawn and to be predicted."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image

from dashboard.answers.naming import clean
from dashboard.answers.parameters import MOST, whole_number
from dfs_core.data.drawings import drawings
from dfs_core.data.images import open_image, to_model_input
from dfs_core.model.layout import CIFAR_SIZE

Origin = Literal["drawing", "test", "upload", "camera"]
GIVEN_SIDE = 256  # pixels of the picture as given that are kept: enough for its largest view on any page
THUMB_SIDE = 72
TINY = 32  # pixels: images of a data set that would be a blur if a browser enlarged them
SEEN_SIDE = 128  # to which what a network sees is enlarged, without smoothing, so that each pixel is seen
PAGE_SIZE = 10
LONGEST_NAME = 200  # characters of an upload's name
OWN_KEYS = ("upload-", "camera-")
TEST_KEY = "test-"
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture with what is known of it.

    Attributes:
        key: unique among the pictures that are shown; stands in links.
        name: for people.
        origin: where it comes from.
        truth: its class, where somebody knows it: the data set's label, or what was drawn.
        given_size: width and height of the picture as given, in pixels.
        seen: what the network in use is given, uint8 (S, S, 3).
        others: what networks that take images of other sizes are given, by their image size.
        given_uri: the picture as given, reduced, as a data URI.
        thumb_uri: the same, much smaller.
        seen_uri: ``seen`` enlarged without smoothing, as a data URI.
        digest: of ``seen``: pictures that look the same to a network share its answer.
    """

    key: str
    name: str
    origin: Origin
    truth: str | None
    given_size: tuple[int, int]
    seen: np.ndarray
    others: Mapping[int, np.ndarray]
    given_uri: str
    thumb_uri: str
    seen_uri: str
    digest: str

    def at(self, size: int) -> Picture:
        """The picture for a network that takes images of that size.

        A size that it was not made for is made of the largest that it was.
        """
        return self if size == len(self.seen) else _at(self, size)


@lru_cache(maxsize=256)
def _at(picture: Picture, size: int) -> Picture:
    known = {**picture.others, len(picture.seen): picture.seen}
    seen = known.get(size)
    if seen is None:
        seen = to_model_input(Image.fromarray(known[max(known)]), size)
    return replace(picture, seen=seen, others=known, seen_uri=uri_of(seen), digest=digest_of(seen))


def make_picture(
    key: str,
    name: str,
    origin: Origin,
    image: Image.Image | np.ndarray,
    truth: str | None = None,
    sizes: Sequence[int] = (CIFAR_SIZE,),
) -> Picture:
    """Prepare a picture, given as a PIL image or as uint8 (height, width, 3), for networks of some image sizes."""
    given = image if isinstance(image, Image.Image) else Image.fromarray(image)
    made = {size: to_model_input(given, size) for size in sizes}
    seen = made[sizes[0]]
    return Picture(
        key=key,
        name=name,
        origin=origin,
        truth=truth,
        given_size=given.size,
        seen=seen,
        others=made,
        given_uri=_reduced(given, GIVEN_SIDE),
        thumb_uri=_reduced(given, THUMB_SIDE),
        seen_uri=uri_of(seen),
        digest=digest_of(seen),
    )


def digest_of(seen: np.ndarray) -> str:
    """What tells apart two images as a network sees them."""
    return hashlib.blake2b(seen.tobytes(), digest_size=12).hexdigest()


def uri_of(seen: np.ndarray) -> str:
    """What a network sees, uint8 (S, S, 3), enlarged without smoothing, as a data URI."""
    return _enlarged(Image.fromarray(seen))


def drawn_pictures(sizes: Sequence[int] = (CIFAR_SIZE,)) -> tuple[Picture, ...]:
    """The project's own drawings, there on every machine; ``truth`` is what was drawn."""
    return tuple(make_picture(d.name, d.name, "drawing", d.image, d.label, sizes) for d in drawings())


def read_upload(data: bytes, name: str, origin: Origin = "upload", sizes: Sequence[int] = (CIFAR_SIZE,)) -> Picture:
    """An untrusted file as a picture, for networks of some image sizes.

    Raises:
        ImageError: it cannot be used; the message names the file.
    """
    name = clean(name)[:LONGEST_NAME]
    digest = hashlib.blake2b(data, digest_size=6).hexdigest()
    return make_picture(f"{origin}-{digest}", name, origin, open_image(data, name), sizes=sizes)


def index_of_test(key: str | None) -> int | None:
    """Index of a test image in its data set's canonical order, from the picture's key; None if it is of another kind.

    >>> index_of_test("test-17"), index_of_test("frog")
    (17, None)
    """
    return whole_number(key.removeprefix(TEST_KEY), 0, MOST - 1) if key and key.startswith(TEST_KEY) else None


def gallery_order(labels: np.ndarray, seed: int = _SEED) -> np.ndarray:
    """An order of the test images in which every stretch of as many images as there are classes shows each class once.

    Args:
        labels: class of each image, (N,).
        seed: of the choice; the same seed always shows the same images.

    Returns:
        Indices, (N,): rounds of one image a class, by class; classes that run out are left out of later rounds.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    turns = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        turns[members] = np.arange(len(members))
    return np.lexsort((labels, turns))


def _reduced(image: Image.Image, side: int) -> str:
    if max(image.size) <= TINY:
        return _enlarged(image)
    small = image.convert("RGB")
    small.thumbnail((side, side))
    return _data_uri(small, "JPEG")


def _enlarged(image: Image.Image) -> str:
    """Each pixel as a square; left to itself a browser would blur it."""
    scale = max(1, SEEN_SIDE // max(TINY, *image.size))
    size = (image.width * scale, image.height * scale)
    return _data_uri(image.resize(size, Image.Resampling.NEAREST), "PNG")


def _data_uri(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def loses_nothing(picture: Picture) -> bool:
    """Whether it had the network's size already: then what was given and what the network sees are the very same."""
    return picture.given_size == picture.seen.shape[:2]
