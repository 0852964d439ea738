"""The images on which the alpha laboratory trains and measures: never the test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.words import SESSION
from dfs_core.data.decode import Report
from dfs_core.data.sets import ImageSet, load_images
from dfs_core.data.splits import SPLIT_SEED, asked, divide
from dfs_core.errors import UserError

KEPT = 20_000  # training images in memory: more than the longest run uses, and 60 MB instead of 150
KEPT_BYTES = 250_000_000  # limit on their pixels, for large images
HELD_OUT = 500  # images to measure on: their interval is about 5 points wide, and measuring takes seconds
FEWEST = 4
TOY = (
    "A toy: the gates learn from {count} images and are measured on the very same ones, so the numbers say how a run"
    " behaves and nothing about other images."
)


@dataclass(frozen=True)
class Material:
    """Images for a run in the laboratory.

    Attributes:
        tune: the images to train the gates on.
        held_out: the images to measure on.
        toy: a warning if these are not a data set's training and validation images; else empty.
    """

    tune: ImageSet
    held_out: ImageSet
    toy: str = ""


def from_data_set(card: Card, data_dir: Path, held_out: int = HELD_OUT, report: Report | None = None) -> Material:
    """Training images to learn from and validation images to measure on, split as when the checkpoint was trained.

    Args:
        card: the card of the checkpoint to fine-tune.
        data_dir: the folder that holds the data set.
        held_out: number of validation images to measure on.
        report: called with the number of images read and their total. An exception in it stops the reading.

    Raises:
        UserError: the data set is missing, cannot be read, or has other classes.
    """
    whole = load_images(card.dataset, data_dir, "train", report, card.config.image_size)
    if whole.classes != card.classes:
        raise UserError(f"the {card.dataset} in {data_dir} has other classes than {card.name} was trained for")
    facts = {"validation": 0, "seed": SPLIT_SEED} | card.split | {"asked": asked(card.split)}
    train, validation = divide(whole, facts, card.method == SESSION)
    # The order of images is random with respect to classes, so the first ones are a fair sample.
    kept = min(KEPT, KEPT_BYTES // (3 * card.config.image_size**2))
    return Material(_copied(train, kept), _copied(validation, held_out))


def from_pictures(card: Card, pictures: Sequence[np.ndarray], labels: Sequence[str]) -> Material:
    """A few pictures, used both to learn from and to measure on: a toy, which its ``toy`` text says.

    Args:
        card: the card of the checkpoint to fine-tune.
        pictures: uint8 (S, S, 3), where S is the network's image size.
        labels: their class names, known or predicted.

    Raises:
        UserError: there are too few pictures, or a label is not a class of the checkpoint.
    """
    if len(pictures) < FEWEST:
        raise UserError(f"{len(pictures)} images are too few to fine-tune on: show {FEWEST} or more")
    if unknown := sorted(set(labels) - set(card.classes)):
        raise UserError(f"{card.name} has no class '{unknown[0]}'")
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    classes = torch.tensor([card.classes.index(label) for label in labels])
    images = ImageSet(card.dataset, "pictures at hand", pixels, classes, card.classes)
    return Material(images, images, TOY.format(count=len(images)))


def _copied(images: ImageSet, count: int) -> ImageSet:
    """A copy of the first ``count`` images, so that the memory of the others can be freed."""
    return images.subset(torch.arange(min(count, len(images)))).loaded()
