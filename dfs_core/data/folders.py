"""The data folder, and data sets as image folders: ``<root>/{train,test}/<class>/**/*.png`` or another format."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dfs_core.data.decode import Sources
from dfs_core.data.images import FORMATS, SUFFIXES
from dfs_core.data.known import KNOWN, DatasetInfo
from dfs_core.errors import UserError
from dfs_core.files import at_home

SPLITS = ("train", "test")

Found = tuple[Sources, np.ndarray, tuple[str, ...]]  # the images, their labels (N,), class names


def find_data_dir() -> Path | None:
    """The data folder: what ``DFS_DATA_DIR`` names (it need not exist yet), else ``./data`` if it exists, else None."""
    named = os.environ.get("DFS_DATA_DIR")
    if named:
        return at_home(named)
    return Path("data") if Path("data").is_dir() else None


def folder_root(dataset: str, data_dir: Path) -> Path | None:
    """The folder that holds ``train/`` or ``test/`` of a data set, or None where there is no such tree."""
    candidates = [data_dir / dataset] + ([data_dir] if data_dir.resolve().name == dataset else [])
    return next((root for root in candidates if any((root / split).is_dir() for split in SPLITS)), None)


def class_folders(root: Path, split: str) -> dict[str, list[Path]]:
    """Image files of a split by class name, sorted; those in folders inside a class's folder belong to it.

    Hidden files, other suffixes and what is no file are left out: ``passed_over`` counts them.

    Raises:
        UserError: the split has no folder.
    """
    folder = root / split
    if not folder.is_dir():
        raise UserError(f"{root} has no '{split}' folder: put class folders with images in {folder}")
    return {
        entry.name: sorted(file for file in _inside(entry) if _is_image(file))
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }


def passed_over(root: Path, split: str) -> dict[str, int]:
    """What a split's folder holds that is not read: how many files of each suffix, the most frequent first.

    Files outside a class's folder are counted too; hidden ones, which systems leave everywhere, are not.
    """
    folder, counts = root / split, Counter[str]()
    if folder.is_dir():
        loose = [entry for entry in folder.iterdir() if not entry.is_dir() and not entry.name.startswith(".")]
        counts["outside a class"] = len(loose)
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.name.startswith("."):
                others = [file for file in _inside(entry) if not _is_image(file)]
                counts.update(file.suffix.lower() or "no suffix" for file in others)
    return {kind: count for kind, count in counts.most_common() if count}


def _inside(folder: Path) -> Iterator[Path]:
    """Everything in a folder and its folders, links followed, that is neither hidden nor a folder."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(place).resolve() in (above.resolve() for above in Path(place).parents):  # a link to where it lies
            folders.clear()
            continue
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _is_image(file: Path) -> bool:
    """Whether it has the suffix of a picture and is no pipe or device, which would never end.

    A link to nowhere counts: whoever reads it is told.
    """
    return file.suffix.lower() in SUFFIXES and (file.is_file() or not file.exists())


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
        raise UserError(f"{folder} has no images: put {FORMATS} files in folders named {_some(info.classes)}")
    # A small random part of a data set can miss a class by chance; a larger one that does was not unpacked completely.
    if empty and total >= 10 * len(info.classes):
        raise UserError(f"{folder} has no images of {_some(empty)}: unpack {info.name} again, it is incomplete")
    return info.classes


def _own_classes(found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    empty = [name for name, files in found.items() if not files]
    if len(found) < 2:
        raise UserError(f"{folder} needs at least two class folders with images; it has {len(found)}")
    if empty:
        raise UserError(f"{folder} has no images of {_some(empty)} ({FORMATS}): add some or remove the folder")
    root = folder.parent
    for other in SPLITS:
        different = sorted(set(class_folders(root, other)) ^ set(found)) if (root / other).is_dir() else []
        if different:
            raise UserError(f"'train' and 'test' in {root} have different class folders: {_some(different)}")
    return tuple(found)


def _some(names: tuple[str, ...] | list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
