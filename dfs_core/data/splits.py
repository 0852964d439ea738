"""The data of a run: what it learns from, what it chooses on, and what it is tested on once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dfs_core.data.known import Channels
from dfs_core.data.sets import KNOWN, ImageSet, channel_statistics, load_images, train_validation
from dfs_core.training.train_config import TrainConfig

SPLIT_SEED = 0


@dataclass(frozen=True)
class Splits:
    """The data of a run: 45,000 / 5,000 / 10,000 images for CIFAR, and the statistics that normalise them."""

    train: ImageSet
    validation: ImageSet
    test: ImageSet
    mean: Channels
    std: Channels


def load_splits(config: TrainConfig, data_dir: Path) -> Splits:
    """Read a run's data set and set its validation images aside.

    Raises:
        UserError: the data set is missing, incomplete or odd.
    """
    whole = load_images(config.dataset, data_dir, "train")
    train, validation = train_validation(whole, config.validation, SPLIT_SEED)
    known = KNOWN.get(config.dataset)
    mean, std = (known.mean, known.std) if known else channel_statistics(train)
    return Splits(train, validation, load_images(config.dataset, data_dir, "test"), mean, std)
