"""Read public data sets from the files that torchvision downloads."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from dfs_core.data.folders import Found, folder_root
from dfs_core.data.known import ARCHIVES, KNOWN
from dfs_core.data.vision import open_split
from dfs_core.errors import UserError
from dfs_core.files import is_folder


def download_command(dataset: str, data_dir: Path) -> str:
    """The command that downloads a known data set, for error messages."""
    return f"python -m dfs_core data download {dataset} --data-dir {shlex.quote(str(data_dir))}"


def files_present(dataset: str, data_dir: Path) -> list[Path]:
    """The downloaded or unpacked files of a known data set that exist, complete or not."""
    archive = ARCHIVES[dataset]
    names = [*archive.downloads, *([archive.folder] if archive.folder else [])]
    return [data_dir / name for name in names if (data_dir / name).exists()]


def has_split(dataset: str, data_dir: Path, split: str) -> bool:
    """Whether the files of a split are there, complete or not."""
    root = folder_root(dataset, data_dir)
    return (root is not None and is_folder(root / split)) or (
        dataset in KNOWN and bool(files_present(dataset, data_dir))
    )


def read_archive(dataset: str, data_dir: Path, split: str) -> Found:
    """Read a split of a known data set: images (N, 32, 32, 3) uint8, labels (N,) int64, class names.

    Raises:
        UserError: the files are incomplete, damaged or not readable, or a library that reads them is not installed.
    """
    try:
        found = open_split(dataset, data_dir, split)
    except RuntimeError as error:
        raise UserError(
            f"{dataset} in {data_dir} is incomplete or damaged: run '{download_command(dataset, data_dir)}'"
        ) from error
    except OSError as error:
        raise UserError(f"{error.filename or data_dir} cannot be read: {error.strerror or error}") from error
    if dataset == "svhn":
        images, labels = found.data.transpose(0, 2, 3, 1), found.labels
    else:
        images, labels = found.data, found.targets
    return images, np.asarray(labels, np.int64), KNOWN[dataset].classes
