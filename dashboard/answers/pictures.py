"""The pictures that pages show: drawings, test images, uploads, photos. Plain data for display and prediction."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from PIL import Image

from dashboard.answers.naming import class_name, clean
from dashboard.answers.parameters import MOST, whole_number
from dfs_core.data.drawings import USUAL, drawings
from dfs_core.data.images import MIDDLE, open_image, to_model_input
from dfs_core.model.layout import CIFAR_SIZE

Origin = Literal["drawing", "test", "upload", "camera"]
OWN: tuple[Origin, ...] = ("upload", "camera")
GIVEN_SIDE = 256  # pixels to which the given picture is reduced: enough for its largest view on any page
THUMB_SIDE = 72
TINY = 32  # pixels: up to this size images are enlarged here, because browsers would blur them
SEEN_SIDE = 128  # pixels to which the network's input is enlarged, without smoothing
PAGE_SIZE = 10
GalleryOrder = Literal["mixed", "class", "cheap", "dear"]
LONGEST_NAME = 200  # characters of an upload's name
KEPT_SIDE = 224  # pixels: shorter side of what is kept of an own picture, for another crop or a larger network
OWN_IMAGE = "own"  # in links and after an upload: the first of the user's own pictures, which no link holds
_OWN_KEY = re.compile(r"(?:upload|camera)-[0-9a-f]+")
TEST_KEY = "test-"
_SEED = 0


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture in its forms for display and for prediction.

    Attributes:
        key: unique among the pictures that are shown; used in links.
        name: on pages.
        origin: where it comes from.
        truth: its true class: the data set's label, or what was drawn; None if unknown.
        given_size: width and height of the picture as given, in pixels.
        seen: the network's input, uint8 (S, S, 3).
        others: inputs for networks with other image sizes, image size -> uint8 (S, S, 3).
        given_uri: the picture as given, reduced, as a data URI.
        thumb_uri: a thumbnail, as a data URI.
        seen_uri: ``seen``, enlarged without smoothing, as a data URI.
        digest: hash of ``seen``: pictures with the same input share one prediction.
        foreign: whether its true class is known to be none of the network's.
        whole: an own picture as given, reduced, uint8 (height, width, 3), for another crop or a larger network.
        crop: position of the square that the network sees, as in ``to_model_input``.
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
    foreign: bool = False
    whole: np.ndarray | None = None
    crop: float = MIDDLE

    def at(self, size: int) -> Picture:
        """The picture for networks with that image size."""
        return self if size == len(self.seen) else _at(self, size)

    def known_to(self, classes: Sequence[str]) -> Picture:
        """The picture for a network of these classes: of another class it has no truth, as no answer can be right."""
        return self if self.truth is None or self.truth in classes else replace(self, truth=None, foreign=True)

    def cropped(self, crop: float) -> Picture:
        """The picture with another square of it seen by the network, if there is another."""
        return _cropped(self, crop) if crop != self.crop and self.has_crops else self

    @property
    def has_crops(self) -> bool:
        """Whether another square of it can be seen by the network."""
        return self.whole is not None and self.whole.shape[0] != self.whole.shape[1]

    @property
    def truth_in_words(self) -> str:
        """The true class, or why there is none to judge by."""
        if self.truth is not None:
            return f"is {class_name(self.truth)}"
        return "of a class that the network does not know" if self.foreign else "true class unknown"


@lru_cache(maxsize=256)
def _at(picture: Picture, size: int) -> Picture:
    known = {**picture.others, len(picture.seen): picture.seen}
    seen = known.get(size)
    if seen is None and picture.whole is not None:
        seen = to_model_input(Image.fromarray(picture.whole), size, picture.crop)
    elif seen is None:
        seen = to_model_input(Image.fromarray(known[max(known)]), size)
    return replace(picture, seen=seen, others=known, seen_uri=uri_of(seen), digest=digest_of(seen))


@lru_cache(maxsize=256)
def _cropped(picture: Picture, crop: float) -> Picture:
    whole = Image.fromarray(np.asarray(picture.whole))
    made = {size: to_model_input(whole, size, crop) for size in {*picture.others, len(picture.seen)}}
    seen = made[len(picture.seen)]
    return replace(picture, seen=seen, others=made, seen_uri=uri_of(seen), digest=digest_of(seen), crop=crop)


def make_picture(
    key: str,
    name: str,
    origin: Origin,
    image: Image.Image | np.ndarray,
    truth: str | None = None,
    sizes: Sequence[int] = (CIFAR_SIZE,),
) -> Picture:
    """Prepare a picture for networks with some image sizes, the first of which becomes ``seen``.

    ``image`` is a PIL image or uint8 (height, width, 3).
    """
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
        whole=_reduced_to(given, max(KEPT_SIDE, 2 * max(sizes))) if origin in OWN else None,
    )


def _reduced_to(given: Image.Image, shorter: int) -> np.ndarray:
    """A picture whose shorter side has at most so many pixels, which keeps sessions small."""
    scale = min(1.0, shorter / min(given.size))
    size = (max(1, round(given.width * scale)), max(1, round(given.height * scale)))
    return np.array(given.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def is_own_key(key: str | None) -> bool:
    """Whether a key in a link or in the state is that of one of the user's own pictures.

    >>> is_own_key("own"), is_own_key("upload-0123456789ab"), is_own_key("own-network"), is_own_key(None)
    (True, True, False, False)
    """
    return key == OWN_IMAGE or (key is not None and _OWN_KEY.fullmatch(key) is not None)


def digest_of(seen: np.ndarray) -> str:
    """Hash of a network input."""
    return hashlib.blake2b(seen.tobytes(), digest_size=12).hexdigest()


def uri_of(seen: np.ndarray) -> str:
    """A network input, uint8 (S, S, 3), enlarged without smoothing, as a data URI."""
    return _enlarged(Image.fromarray(seen))


def drawn_pictures(dataset: str = USUAL, sizes: Sequence[int] = (CIFAR_SIZE,)) -> tuple[Picture, ...]:
    """The drawings that come with the project for a data set; ``truth`` is what was drawn."""
    return tuple(make_picture(d.name, d.name, "drawing", d.image, d.label, sizes) for d in drawings(dataset))


def read_upload(data: bytes, name: str, origin: Origin = "upload", sizes: Sequence[int] = (CIFAR_SIZE,)) -> Picture:
    """The picture in an untrusted file, for networks with some image sizes.

    Raises:
        ImageError: the file cannot be used; the message names it.
    """
    name = clean(name)[:LONGEST_NAME]
    digest = hashlib.blake2b(data, digest_size=6).hexdigest()
    return make_picture(f"{origin}-{digest}", name, origin, open_image(data, name), sizes=sizes)


def index_of_test(key: str | None) -> int | None:
    """Index of a test image in the data set's own order, from the picture's key; None for other pictures.

    >>> index_of_test("test-17"), index_of_test("frog")
    (17, None)
    """
    return whole_number(key.removeprefix(TEST_KEY), 0, MOST - 1) if key and key.startswith(TEST_KEY) else None


def gallery_order(labels: np.ndarray, seed: int = _SEED) -> np.ndarray:
    """An order of the test images in rounds, each with one image of every class, in an order of its own.

    With many classes a page is a part of a round. So the classes are not in their alphabetical order there, which would
    make a page one of a few letters.

    Args:
        labels: class of each image, (N,).
        seed: the same seed gives the same order.

    Returns:
        Indices, (N,). A class without images left is missing from later rounds.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    classes = int(labels.max()) + 1 if len(labels) else 0
    places = rng.permutation(classes) if classes > PAGE_SIZE else np.arange(classes)
    rounds = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        rounds[members] = np.arange(len(members))
    return np.lexsort((places[labels], rounds))


def _reduced(image: Image.Image, side: int) -> str:
    if max(image.size) <= TINY:
        return _enlarged(image)
    small = image.convert("RGB")
    small.thumbnail((side, side))
    return _data_uri(small, "JPEG")


def _enlarged(image: Image.Image) -> str:
    """Enlarge without smoothing; a browser would blur the image."""
    scale = max(1, SEEN_SIDE // max(TINY, *image.size))
    size = (image.width * scale, image.height * scale)
    return _data_uri(image.resize(size, Image.Resampling.NEAREST), "PNG")


def _data_uri(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, kind, quality=88)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def is_own(picture: Picture) -> bool:
    """Whether it is the user's own picture."""
    return picture.origin in OWN


def loses_nothing(picture: Picture) -> bool:
    """Whether the picture as given is the network's input, because it already had that size."""
    return picture.given_size == picture.seen.shape[:2]


def is_enlarged(picture: Picture) -> bool:
    """Whether the picture as given is a smaller square, so that the network's input has no fewer details."""
    width, height = picture.given_size
    return width == height < len(picture.seen)
