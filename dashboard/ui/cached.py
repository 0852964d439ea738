"""Models, images and traces that sessions share, in caches of bounded size. Only ``cached.py`` uses ``st.cache_*``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from glob import iglob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.answers import places
from dashboard.answers.catalogue import Catalogue
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
from dashboard.answers.shared_predictor import SharedPredictor
from dashboard.ui import kept
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.locate import pretrained_dir, reason, runs_dir
from dfs_core.checkpoints.operating_point import OperatingPoint, usual_point
from dfs_core.checkpoints.trace_files import read_traces, stored_budgets
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.drawings import LABELS, USUAL
from dfs_core.data.familiar import Familiar, file_of, read_familiar
from dfs_core.data.folders import find_data_dir
from dfs_core.data.images import ImageError
from dfs_core.errors import UserError
from dfs_core.files import cache_folder, is_folder
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import CIFAR_SIZE
from dfs_core.timing import kept as timing
from dfs_core.timing.calibration import Calibration, NetworkShape
from dfs_core.timing.survey import Survey

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet
    from dfs_core.predictor import Predictor

Version = str  # of files: another one when one of them changes

SURVEYED, ROUNDS = (1, 128), 7  # images in a batch, and rounds: in a page somebody waits
FORGOTTEN_S = 20  # how long an error of a data set is kept


@st.cache_resource(max_entries=1, show_spinner=False)
def shared_predictor() -> SharedPredictor:
    """The predictor that all sessions share."""
    return SharedPredictor(_load)


def _load(name: str) -> Predictor:
    from dfs_core.predictor import Predictor

    return Predictor.load(folder_of(name)).compiled(wait=False)


def catalogue() -> Catalogue:
    """The checkpoints on this machine and those of this session, read again when a file changes."""
    return kept.with_session(on_disk(), shared_predictor().adopted(kept.names()))


def on_disk() -> Catalogue:
    """The checkpoints on this machine."""
    roots = own_roots()
    files = [version_of_each(root, "card.json", "weights.safetensors") for root in (pretrained_dir(), *roots.values())]
    named = tuple((place, str(root)) for place, root in roots.items())
    return _on_disk(str(pretrained_dir()), named, tuple(files))


@st.cache_resource(max_entries=4, show_spinner=False)
def _on_disk(root: str, own: tuple[tuple[str, str], ...], versions: tuple[Version, ...]) -> Catalogue:
    return places.read(Path(root), {place: Path(folder) for place, folder in own})


def own_roots() -> dict[str, Path]:
    """The folders of one's own checkpoints by place: the runs, and a folder that was named in the app."""
    roots = {"runs": runs_dir()}
    for folder in map(Path, named_folders()):
        roots[folder.name if folder.name not in roots else f"{folder.parent.name}-{folder.name}"] = folder
    here = pretrained_dir().absolute()
    return {place: root for place, root in roots.items() if is_folder(root) and root.absolute() != here}


@st.cache_resource(max_entries=1, show_spinner=False)
def named_folders() -> list[str]:
    """The folder that was named in the app, or none: a list that stays the same object."""
    named = places.named_folder()
    return [str(named)] if named else []


def folder_of(name: str) -> Path:
    """The folder of a checkpoint on disk."""
    return on_disk().folders.get(name, pretrained_dir() / name)


def store_traces(point: OperatingPoint, report: Callable[[int, int], None]) -> None:
    """Measure an operating point on the test set, and store its decisions; what the command ``traces`` does.

    Args:
        point: the operating point.
        report: called with the number of images done and their total. An exception in it stops the work.

    Raises:
        UserError: the checkpoint or its test set cannot be used, the images are not those of its card, or the file
            cannot be written.
    """
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.store_traces import measure_as_card, measure_traces

    images = test_images(point.card)
    if isinstance(images, str):
        raise UserError(images)
    with shared_predictor().turn():  # loading draws random numbers, which a run in the laboratory must not see
        checkpoint = load_checkpoint(folder_of(point.card.name))
    as_card = measure_as_card(checkpoint, images, report)
    is_usual = as_card is not None and point == usual_point(point.card)
    found = as_card[0] if as_card and is_usual else measure_traces(checkpoint, point, images, report)
    try:
        found.store()
    except OSError as error:
        raise UserError(f"{found.path} cannot be written: {reason(error)}") from None


def image_sizes() -> tuple[int, ...]:
    """Input sizes of the networks on this machine in pixels, smallest first."""
    return tuple(sorted({card.config.image_size for card in catalogue().cards})) or (CIFAR_SIZE,)


def drawn(card: Card) -> tuple[Picture, ...]:
    """The project's own drawings for the data set of a checkpoint."""
    return _drawn(card.dataset if card.dataset in LABELS else USUAL, image_sizes())


@st.cache_resource(max_entries=4, show_spinner=False)
def _drawn(dataset: str, sizes: tuple[int, ...]) -> tuple[Picture, ...]:
    return drawn_pictures(dataset, sizes)


def data_dir() -> Path:
    """The folder of data sets, for reading and for downloads."""
    return find_data_dir() or Path("data")


def test_images(card: Card) -> ImageSet | str:
    """The test set of a checkpoint at its network's image size, or a message that says why there is none."""
    asked = card.dataset, card.config.image_size, str(data_dir()), _test_files(card.dataset)
    return _why_no_test_images(*asked) or _test_images(*asked)


def has_training_images(card: Card) -> bool:
    """Whether the training images of a checkpoint's data set are on this machine, complete or not."""
    from dfs_core.data.archives import has_split

    return has_split(card.dataset, data_dir(), "train")


def _test_files(dataset: str) -> Version:
    """Changes if a picture of a test set comes or goes. Looking at each of 10,000 pictures would take too long."""
    return version_of(data_dir(), "*", f"{dataset}/*", f"{dataset}/test/*", "test/*")


@st.cache_resource(max_entries=2, show_spinner="Reading the test images")
def _test_images(dataset: str, size: int, folder: str, version: Version) -> ImageSet:
    from dfs_core.data.sets import load_images

    return load_images(dataset, Path(folder), "test", size=size)


# A picture that is put right in place changes no folder, so an error is forgotten after a while.
@st.cache_resource(max_entries=2, ttl=FORGOTTEN_S, show_spinner=False)
def _why_no_test_images(dataset: str, size: int, folder: str, version: Version) -> str:
    try:
        _test_images(dataset, size, folder, version)
    except UserError as error:
        return str(error)
    return ""


def gallery(images: ImageSet) -> np.ndarray:
    """Indices of the test images in the gallery's order."""
    return _gallery_order(*_set_key(images), images)


def gallery_pages(images: ImageSet | str, card: Card) -> int:
    """Number of gallery pages: of a checkpoint's test images, or of the drawings if there are no test images."""
    return -(-len(drawn(card) if isinstance(images, str) else images) // PAGE_SIZE)


def test_picture(images: ImageSet, index: int) -> Picture | str:
    """One test image by its index in the data set's own order, or a message that says why it cannot be read."""
    try:
        return _test_picture(*_set_key(images), index, images)
    except UserError as error:  # files of large sets are read one by one, so each can fail
        return str(error)


def _set_key(images: ImageSet) -> tuple[str, int, Version, str]:
    """Cache key of a set of test images: data set, image size, files, and a hash of the labels."""
    labels = hashlib.blake2b(images.labels.numpy().tobytes(), digest_size=8).hexdigest()
    return images.dataset, images.size, _test_files(images.dataset), labels


@st.cache_resource(max_entries=2, show_spinner=False)
def _gallery_order(dataset: str, size: int, files: Version, labels: str, _images: ImageSet) -> np.ndarray:
    return gallery_order(_images.labels.numpy())


@st.cache_resource(max_entries=2048, show_spinner=False)
def _test_picture(dataset: str, size: int, files: Version, labels: str, index: int, _images: ImageSet) -> Picture:
    given = _images.as_stored(index)
    truth = _images.classes[int(_images.labels[index])]
    return make_picture(f"{TEST_KEY}{index}", f"test image {index}", "test", given, truth, (size,))


def results_dir() -> Path:
    """The folder of measured figures, beside the checkpoints' folder."""
    return pretrained_dir().parent / "results"


def familiar(card: Card) -> Familiar | str | None:
    """What a checkpoint's training images look like: None if it was not measured, a message if it cannot be read."""
    path = file_of(results_dir(), card.dataset, card.config.image_size)
    return _familiar(str(path), version_of(path.parent, path.name))


@st.cache_resource(max_entries=8, show_spinner=False)
def _familiar(path: str, version: Version) -> Familiar | str | None:
    try:
        return read_familiar(Path(path))
    except UserError as error:
        return str(error)


def upload(file: UploadedFile, origin: Origin) -> Picture | str:
    """The picture in an untrusted file, or a message that says why it cannot be used."""
    return _upload(file.file_id, file.name, origin, image_sizes(), file)


# The key is the upload's id: hashing megabytes of pixels at every rerun would take longer than the prediction.
@st.cache_resource(max_entries=256, show_spinner=False)
def _upload(file_id: str, name: str, origin: Origin, sizes: tuple[int, ...], _file: UploadedFile) -> Picture | str:
    try:
        return read_upload(_file.getvalue(), name, origin, sizes)
    except ImageError as error:
        return str(error)


@st.cache_resource(max_entries=16, show_spinner=False)
def browser_memory(token: str) -> dict[str, Any]:
    """What the server keeps of one browser (``browser_memory.py``); always the same object for a token."""
    return {}


def traces(point: OperatingPoint) -> Traces | UserError:
    """Stored traces of an operating point on the test set, or the error that says why there are none."""
    card, folder = point.card, folder_of(point.card.name)
    return _traces(str(folder), card.digest, point.budget, version_of(folder, "traces*.parquet"), point)


# About 400 kB each, for 10,000 images and 17 blocks.
@st.cache_resource(max_entries=24, show_spinner=False)
def _traces(
    folder: str, card: str, budget: float | None, version: Version, _point: OperatingPoint
) -> Traces | UserError:
    try:
        return read_traces(Path(folder), _point)
    except UserError as error:
        return error


def traced_budgets(card: Card) -> tuple[float, ...]:
    """The budgets in percent at which traces of an every-budget checkpoint are stored."""
    return stored_budgets(folder_of(card.name))


def fetch(dataset: str, report: Callable[[float, str], None]) -> None:
    """Download a public data set.

    Raises:
        UserError: the download failed; the message says what to do.
    """
    from dfs_core.data.download import download

    download(dataset, data_dir(), report)


def calibration(config: ModelConfig) -> Calibration | None:
    """The latest calibration of networks of this shape on this machine; None if there is none."""
    folder = cache_folder()
    files = "" if folder is None else version_of(folder, f"{timing.PREFIX}*.json")
    return _calibration(repr(NetworkShape.of(config)), files, config) if files else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _calibration(shape: str, version: Version, _config: ModelConfig) -> Calibration | None:
    return timing.find(_config)


def measure(card: Card, report: Callable[[float], object]) -> None:
    """Calibrate this machine for a checkpoint's network, and store the result.

    Raises:
        UserError: the network does not run on the engine, or nothing can be stored.
    """
    if timing.keep(shared_predictor().calibrate(card, report)) is None:
        raise UserError("the result cannot be stored: the cache folder cannot be written (set XDG_CACHE_HOME)")


def survey(backbone: str) -> Survey | None:
    """The latest times of all checkpoints of a network on this machine; None if there are none."""
    folder = cache_folder()
    files = "" if folder is None else version_of(folder, f"{timing.SURVEY_PREFIX}*.json")
    return _survey(backbone, files) if files else None


@st.cache_resource(max_entries=16, show_spinner=False)
def _survey(backbone: str, version: Version) -> Survey | None:
    return timing.find_survey(backbone)


def take_survey(backbone: str, report: Callable[[float], object]) -> None:
    """Time all checkpoints of a network on this machine, and store the result. No page predicts meanwhile.

    Raises:
        UserError: the network cannot be loaded, or nothing can be stored.
    """
    from dfs_core.timing.bench import run

    with shared_predictor().turn():
        found = run(backbone, batches=SURVEYED, rounds=ROUNDS, report=report)
    if timing.keep_survey(found) is None:
        raise UserError("the result cannot be stored: the cache folder cannot be written (set XDG_CACHE_HOME)")


def version_of(folder: Path, *patterns: str) -> Version:
    """A digest of paths and modification times of files; empty if there are none.

    It is the part of a cache key that changes when a file does. One text, because Streamlit hashes a tuple item by
    item: for 300 checkpoints that took longer than to look at their files.
    """
    names = {name for pattern in patterns for name in iglob(pattern, root_dir=folder, include_hidden=True)}  # noqa: PTH207
    return _digest(folder, names)


def version_of_each(folder: Path, *names: str) -> Version:
    """A ``version_of`` of the files of these names in each folder within a folder.

    Patterns would take three times as long: they list each folder, and this asks for the named files alone.
    """
    try:
        with os.scandir(folder) as entries:
            inside = [entry.name for entry in entries]
    except OSError:
        inside = []
    return _digest(folder, {f"{place}/{name}" for place in inside for name in names})


def _digest(folder: Path, names: set[str]) -> Version:
    lines = (f"{name} {_time(os.path.join(folder, name))}\n" for name in sorted(names))  # noqa: PTH118  (faster)
    text = "".join(lines).encode(errors="backslashreplace")  # a file's name may be no text
    return (
        hashlib.blake2b(str(folder).encode(errors="backslashreplace") + text, digest_size=16).hexdigest()
        if text
        else ""
    )


def _time(path: str) -> int:
    """When a file was changed; 0 of one that is gone, or that may not be looked at."""
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  (faster)
    except OSError:
        return 0
