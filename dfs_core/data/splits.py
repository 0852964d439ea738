"""The data of a run: what it learns from, what it chooses on, and what it is tested on once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfs_core.bar import progress_bar
from dfs_core.data.known import KNOWN, Channels
from dfs_core.data.sets import ImageSet, channel_statistics, load_images, train_validation
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE

SPLIT_SEED = 0
VALIDATION = 5000  # images to set aside, where nobody says otherwise


@dataclass(frozen=True)
class Splits:
    """The data of a run: 45,000 / 5,000 / 10,000 images for CIFAR, and the statistics that normalise them."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet
    mean: Channels
    std: Channels


def load_splits(dataset: str, validation: int, data_dir: Path, size: int = CIFAR_SIZE) -> Splits:
    """Read a data set and set validation images aside.

    Args:
        dataset: its name, as for ``load_images``.
        validation: how many images to set aside, as for ``train_validation``.
        data_dir: where data sets lie.
        size: side of the images in pixels, as for ``load_images``.

    Raises:
        UserError: the data set is missing, incomplete or odd.
    """
    with progress_bar(f"reading {dataset}") as report:
        whole, test = (load_images(dataset, data_dir, split, report, size) for split in ("train", "test"))
    train, held_out = train_validation(whole, validation, SPLIT_SEED)
    known = KNOWN.get(dataset)
    mean, std = (known.mean, known.std) if known else channel_statistics(train)
    return Splits(train, held_out, test, mean, std)


def split_facts(splits: Splits, asked: int) -> dict[str, int]:
    """What a card says of a division: sizes, seed, and how many validation images were asked for.

    Where classes are too small to give their share, fewer are set aside than ``asked``, and asking for so many would
    set aside others.
    """
    sizes = {part.split: len(part) for part in (splits.train, splits.validation, splits.test)}
    return sizes | {"asked": asked, "seed": SPLIT_SEED}


def asked(facts: Mapping[str, Any]) -> int:
    """How many validation images were asked for, as a card's ``split`` says: older ones name their number alone."""
    return int(facts.get("asked", facts.get("validation", VALIDATION)))


def divide(whole: ImageSet, facts: Mapping[str, Any]) -> tuple[ImageSet, ImageSet]:
    """Training and validation images, divided as a card's ``split`` says that they were.

    Args:
        whole: the training set.
        facts: the card's ``split``.

    Raises:
        UserError: it does not say how, or this is not the whole set that was divided.
    """
    if not facts.keys() >= {"validation", "seed"}:
        raise UserError("its card does not say how the training images were divided")
    train, validation = train_validation(whole, asked(facts), facts["seed"])
    if len(validation) < facts["validation"]:
        raise UserError(f"these {len(whole):,} images are not the whole training set that it was trained on")
    # A network of the laboratory was measured on the first of its parent's validation images; a toy on none of them.
    return train, validation.subset(slice(facts["validation"] or None))
