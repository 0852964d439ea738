"""What sessions share of dfs_core, each bounded in number. ``st.cache_*`` stands in modules of this name alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.engine import Engine
from dashboard.answers.pictures import (
    PAGE_SIZE,
    TEST_KEY,
    Origin,
    Picture,
    drawn_pictures,
    gallery_order,
    make_picture,
    read_upload,
)
from dashboard.ui import kept
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.folders import find_data_dir
from dfs_core.data.images import ImageError
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet
    from dfs_core.predictor import Predictor

Stamp = tuple[tuple[str, int], ...]


@st.cache_resource(max_entries=1, show_spinner=False)
def engine() -> Engine:
    """The one engine of all sessions: it keeps predictors and traces, each in bounded number."""
    return Engine(_load)


def _load(name: str) -> Predictor:
    from dfs_core.predictor import Predictor

    return Predictor.load(name)


def catalogue() -> Catalogue:
    """The checkpoints on this machine, and those that this session keeps; a new or changed one is seen at once."""
    root = pretrained_dir()
    on_disk = _catalogue(str(root), stamp(root, "*/card.json", "*/weights.safetensors"))
    return kept.with_session(on_disk, engine().adopted(kept.names()))


@st.cache_resource(max_entries=4, show_spinner=False)
def _catalogue(root: str, stamp: Stamp) -> Catalogue:
    cards, problems = scan(Path(root))
    return Catalogue(tuple(cards), tuple(problems))


def image_sizes() -> tuple[int, ...]:
    """Sizes of the images that the networks on this machine take, smallest first."""
    return tuple(sorted({card.config.image_size for card in catalogue().cards})) or (CIFAR_SIZE,)


def drawn() -> tuple[Picture, ...]:
    """The project's own drawings."""
    return _drawn(image_sizes())


@st.cache_resource(max_entries=2, show_spinner=False)
def _drawn(sizes: tuple[int, ...]) -> tuple[Picture, ...]:
    return drawn_pictures(sizes)


def data_dir() -> Path:
    """Where data sets are looked for, and where a download goes."""
    return find_data_dir() or Path("data")


def test_images(card: Card) -> ImageSet | str:
    """The test set of a checkpoint at its network's image size, or in words why it cannot be shown."""
    folder, dataset = data_dir(), card.dataset
    files = stamp(folder, "*", f"{dataset}/*", f"{dataset}/test/*")
    return _test_images(dataset, card.config.image_size, str(folder), files)


@st.cache_resource(max_entries=2, show_spinner="Reading the test images")
def _test_images(dataset: str, size: int, folder: str, stamp: Stamp) -> ImageSet | str:
    from dfs_core.data.sets import load_images

    try:
        return load_images(dataset, Path(folder), "test", size=size)
    except UserError as error:
        return str(error)


def gallery(images: ImageSet) -> np.ndarray:
    """Indices of the test images in the order in which a gallery shows them."""
    return _gallery_order(*_set(images), images)


def gallery_pages(images: ImageSet | str) -> int:
    """How many pages a gallery has: of test images, or of the drawings where there are none."""
    return -(-len(drawn() if isinstance(images, str) else images) // PAGE_SIZE)


def test_picture(images: ImageSet, index: int) -> Picture | str:
    """One test image, by its index in the data set's canonical order, or in words why it cannot be read."""
    return _test_picture(*_set(images), index, images)


def _set(images: ImageSet) -> tuple[str, int, int]:
    """What tells one set of test images from another: its data set, its number of images, and their size."""
    return images.dataset, len(images), images.size


@st.cache_resource(max_entries=2, show_spinner=False)
def _gallery_order(dataset: str, count: int, size: int, _images: ImageSet) -> np.ndarray:
    return gallery_order(_images.labels.numpy())


@st.cache_resource(max_entries=2048, show_spinner=False)
def _test_picture(dataset: str, count: int, size: int, index: int, _images: ImageSet) -> Picture | str:
    try:
        pixels = _images.images[index].permute(1, 2, 0).numpy()
    except UserError as error:  # images that do not fit into memory are read one by one
        return str(error)
    truth = _images.classes[int(_images.labels[index])]
    return make_picture(f"{TEST_KEY}{index}", f"test image {index}", "test", pixels, truth, (size,))


def upload(file: UploadedFile, origin: Origin) -> Picture | str:
    """An untrusted file as a picture, or in words why it cannot be one."""
    return _upload(file.file_id, file.name, origin, image_sizes(), file)


# By the upload's id: to hash megabytes of pixels at every move of a slider would cost more than to predict them.
@st.cache_resource(max_entries=256, show_spinner=False)
def _upload(file_id: str, name: str, origin: Origin, sizes: tuple[int, ...], _file: UploadedFile) -> Picture | str:
    try:
        return read_upload(_file.getvalue(), name, origin, sizes)
    except ImageError as error:
        return str(error)


def traces(point: OperatingPoint) -> Traces | UserError:
    """Stored decisions of an operating point for the test set, or the error that says why there are none."""
    card, folder = point.card, pretrained_dir() / point.card.name
    return _traces(str(folder), card.name, card.weights_sha256, point.budget, stamp(folder, "traces*.parquet"), point)


# Some 400 kB each for 10,000 images of 17 blocks.
@st.cache_resource(max_entries=24, show_spinner=False)
def _traces(
    folder: str, name: str, weights: str, budget: float | None, stamp: Stamp, _point: OperatingPoint
) -> Traces | UserError:
    try:
        return read_traces(Path(folder), _point)
    except UserError as error:
        return error


def traced_budgets(card: Card) -> tuple[float, ...]:
    """Budgets of a checkpoint for every budget for which there are traces."""
    return stored_budgets(pretrained_dir() / card.name)


def fetch(dataset: str, report: Callable[[float, str], None]) -> None:
    """Download a public data set.

    Raises:
        UserError: it could not be done; the message says what to do.
    """
    from dfs_core.data.download import download

    download(dataset, data_dir(), report)


def stamp(folder: Path, *patterns: str) -> Stamp:
    """Names and times of some files: the part of a cache's key that changes when they do."""
    found = (path for pattern in patterns for path in folder.glob(pattern)) if folder.is_dir() else ()
    return tuple(sorted((_name(path), _time(path)) for path in found))


def _name(path: Path) -> str:
    return str(path).encode(errors="backslashreplace").decode()  # a file's name may be no text


def _time(path: Path) -> int:
    """When a file was changed; 0 of one that is gone, or that may not be looked at."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
