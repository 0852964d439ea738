"""The data folder, and data sets as image folders: ``<root>/{train,test}/<class>/*.png|jpg|jpeg|webp``."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from dfs_core.data.decode import Sources
from dfs_core.data.known import KNOWN, DatasetInfo
from dfs_core.errors import UserError

SPLITS = ("train", "test")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

Found = tuple[Sources, np.ndarray, tuple[str, ...]]  # the images, their labels (N,), class names


def find_data_dir() -> Path | None:
    """The data folder: what ``DFS_DATA_DIR`` names (it need not exist yet), else ``./data`` if it exists, else None."""
    named = os.environ.get("DFS_DATA_DIR")
    if named:
        return Path(named).expanduser()
    return Path("data") if Path("data").is_dir() else None


def folder_root(dataset: str, data_dir: Path) -> Path | None:
    """The folder that holds ``train/`` or ``test/`` of a data set, or None where there is no such tree."""
    candidates = [data_dir / dataset] + ([data_dir] if data_dir.resolve().name == dataset else [])
    return next((root for root in candidates if any((root / split).is_dir() for split in SPLITS)), None)


def class_folders(root: Path, split: str) -> dict[str, list[Path]]:
    """Image files of a split by class name, sorted; hidden files and other suffixes are passed over.

    Raises:
        UserError: the split has no folder.
    """
    folder = root / split
    if not folder.is_dir():
        raise UserError(f"{root} has no '{split}' folder: put class folders with images in {folder}")
    return {
        entry.name: sorted(
            file for file in entry.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        )
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }


def find_images(dataset: str, root: Path, split: str) -> Found:
    """The image files ``root/<split>/<class>/*``, their labels (N,) and class names; no file is opened.

    Raises:
        UserError: wrong or empty class folders, or too many images for a known set.
    """
    found, info = class_folders(root, split), KNOWN.get(dataset)
    classes = classes_of(dataset, found, root / split)
    files = [(file, label) for label, name in enumerate(classes) for file in found.get(name, [])]
    if info and len(files) > info.size(split):
        raise UserError(
            f"{root / split} holds {len(files):,} images, but {dataset} has {info.size(split):,}: remove what was added"
        )
    labels = np.array([label for _, label in files], dtype=np.int64)
    return [file for file, _ in files], labels, classes


def classes_of(dataset: str, found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    """Names of the classes that a split's folders stand for.

    Args:
        dataset: its name.
        found: what ``class_folders`` found.
        folder: where.

    Raises:
        UserError: the folders or their number of images are not what they should be.
    """
    info = KNOWN.get(dataset)
    return _known_classes(info, found, folder) if info else _own_classes(found, folder)


def _known_classes(info: DatasetInfo, found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    unknown = sorted(set(found) - set(info.classes))
    if unknown:
        raise UserError(
            f"{folder} has folders that are no classes of {info.name} ({_some(unknown)}): "
            f"its classes are {_some(info.classes)}"
        )
    total, empty = sum(map(len, found.values())), [name for name in info.classes if not found.get(name)]
    if not total:
        raise UserError(f"{folder} has no images: put PNG, JPEG or WebP files in folders named {_some(info.classes)}")
    # A small random part of a data set can miss a class by chance; a larger one that does was not unpacked completely.
    if empty and total >= 10 * len(info.classes):
        raise UserError(f"{folder} has no images of {_some(empty)}: unpack {info.name} again, it is incomplete")
    return info.classes


def _own_classes(found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    empty = [name for name, files in found.items() if not files]
    if len(found) < 2:
        raise UserError(f"{folder} needs at least two class folders with images; it has {len(found)}")
    if empty:
        raise UserError(f"{folder} has no PNG, JPEG or WebP images of {_some(empty)}: add some or remove the folder")
    root = folder.parent
    for other in SPLITS:
        different = sorted(set(class_folders(root, other)) ^ set(found)) if (root / other).is_dir() else []
        if different:
            raise UserError(f"'train' and 'test' in {root} have different class folders: {_some(different)}")
    return tuple(found)


def _some(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
