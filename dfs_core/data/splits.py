"""The data of a run: training images, validation images for choices, and test images for one final test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfs_core.bar import progress_bar
from dfs_core.data.known import KNOWN, Channels
from dfs_core.data.sets import ImageSet, channel_statistics, fingerprint, load_images, train_validation
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE

SPLIT_SEED = 0
VALIDATION = 5000  # default number of validation images


@dataclass(frozen=True)
class Splits:
    """The data of a run, and the channel statistics that normalise it. CIFAR has 45,000 / 5,000 / 10,000 images."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet
    mean: Channels
    std: Channels


def load_splits(dataset: str, validation: int, data_dir: Path, size: int = CIFAR_SIZE) -> Splits:
    """Read a data set and set validation images aside.

    Args:
        dataset: its name, as in ``load_images``.
        validation: number of images to set aside, as in ``train_validation``.
        data_dir: the folder that holds the data set.
        size: side of the images in pixels, as in ``load_images``.

    Raises:
        UserError: the data set is missing, incomplete, damaged or too small.
    """
    with progress_bar(f"reading {dataset}") as report:
        whole, test = (load_images(dataset, data_dir, split, report, size) for split in ("train", "test"))
    train, held_out = train_validation(whole, validation, SPLIT_SEED)
    known = KNOWN.get(dataset)
    mean, std = (known.mean, known.std) if known else channel_statistics(train)
    return Splits(train, held_out, test, mean, std)


def split_facts(splits: Splits, asked: int) -> dict[str, Any]:
    """A card's ``split`` entry: sizes, seed, the requested number of validation images, and the sets' fingerprints.

    If classes are too small, fewer images than ``asked`` are set aside. The requested number must be kept: requesting
    the smaller number would select other images.
    """
    parts = splits.train, splits.validation, splits.test
    prints = {f"{part.split}_images": fingerprint(part) for part in parts}
    return {part.split: len(part) for part in parts} | {"asked": asked, "seed": SPLIT_SEED} | prints


def asked(facts: Mapping[str, Any]) -> int:
    """The requested number of validation images from a card's ``split``. Older cards have their actual number only."""
    return int(facts.get("asked", facts.get("validation", VALIDATION)))


def divide(whole: ImageSet, facts: Mapping[str, Any], session: bool = False) -> tuple[ImageSet, ImageSet]:
    """Repeat the split into training and validation images that a card describes.

    Args:
        whole: the whole training set.
        facts: the card's ``split`` entry.
        session: whether the card is of a laboratory network, which counts only the images that its run used.

    Raises:
        UserError: the entry is incomplete, or ``whole`` is not the set that was split.
    """
    if not facts.keys() >= {"validation", "seed"}:
        raise UserError("its card does not say how the training images were split")
    train, validation = train_validation(whole, asked(facts), facts["seed"])
    fewer = len(validation) < facts["validation"]
    other = not session and "train" in facts and facts["train"] + facts["validation"] != len(whole)
    if fewer or other:
        raise UserError(f"these {len(whole):,} images are not the training set that it was trained on")
    if not session and facts.get("train_images") not in (None, fingerprint(train)):
        raise UserError(
            "these are not the training images that it was trained on: some were changed, or the library that decodes "
            "them gives other pixels here. Some of them could be validation images, and the other way round"
        )
    # A laboratory network was measured on the first of its parent's validation images. A toy network has none.
    return train, validation.subset(slice(facts["validation"] or None))
