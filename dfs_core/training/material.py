"""The images that a short fine-tuning learns from and is measured on: never the test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dfs_core.checkpoints.card import Card
from dfs_core.data.decode import Report
from dfs_core.data.sets import ImageSet, load_images
from dfs_core.data.splits import SPLIT_SEED, asked, divide
from dfs_core.errors import UserError

KEPT = 20_000  # training images that are kept: more than the longest run sees, and 60 MB instead of 150
KEPT_BYTES = 250_000_000  # of pixels, where images are so large that fewer have to do
HELD_OUT = 500  # images to measure on: an interval of some 5 points, and seconds instead of minutes
FEWEST = 4
TOY = (
    "A toy: the gates learn from {count} images and are measured on the very same ones, so the numbers say how a run"
    " behaves and nothing about other images."
)


@dataclass(frozen=True)
class Material:
    """Images for a run in the laboratory.

    Attributes:
        tune: what the gates learn from.
        held_out: what they are measured on.
        toy: the plain warning where these are not a data set's training and validation images; else empty.
    """

    tune: ImageSet
    held_out: ImageSet
    toy: str = ""


def from_data_set(card: Card, data_dir: Path, held_out: int = HELD_OUT, report: Report | None = None) -> Material:
    """Training images to learn from and validation images to measure on, split as when the checkpoint was trained.

    Args:
        card: of the checkpoint whose data set is wanted.
        data_dir: where data sets lie.
        held_out: validation images to measure on.
        report: told how many images are read, and of how many; what it raises ends the reading.

    Raises:
        UserError: the data set is not there or cannot be read.
    """
    whole = load_images(card.dataset, data_dir, "train", report, card.config.image_size)
    if whole.classes != card.classes:
        raise UserError(f"the {card.dataset} in {data_dir} has other classes than {card.name} was trained for")
    train, validation = divide(whole, {"validation": 0, "seed": SPLIT_SEED} | card.split | {"asked": asked(card.split)})
    # Images lie in an order that is random with respect to classes, so the first ones are a fair sample.
    kept = min(KEPT, KEPT_BYTES // (3 * card.config.image_size**2))
    return Material(_copied(train, kept), _copied(validation, held_out))


def from_pictures(card: Card, pictures: Sequence[np.ndarray], labels: Sequence[str]) -> Material:
    """A few pictures at hand, to learn from and to be measured on alike: a toy, and it says so.

    Args:
        card: of the checkpoint that is to be fine-tuned.
        pictures: uint8 (S, S, 3), S being the network's image size.
        labels: their classes, known or predicted.

    Raises:
        UserError: they are too few, or a label is none of the checkpoint's classes.
    """
    if len(pictures) < FEWEST:
        raise UserError(f"{len(pictures)} images are too few to fine-tune on: show {FEWEST} or more")
    if unknown := sorted(set(labels) - set(card.classes)):
        raise UserError(f"{card.name} knows no class '{unknown[0]}'")
    pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
    classes = torch.tensor([card.classes.index(label) for label in labels])
    images = ImageSet(card.dataset, "pictures at hand", pixels, classes, card.classes)
    return Material(images, images, TOY.format(count=len(images)))


def _copied(images: ImageSet, count: int) -> ImageSet:
    """The first images, in memory of their own, so that the others can be forgotten."""
    return images.subset(torch.arange(min(count, len(images)))).loaded()
