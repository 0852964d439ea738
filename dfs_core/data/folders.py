"""Data sets as image folders, ``<root>/{train,test}/<class>/**/*.png`` or another image format, in the data folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import numpy as np

from dfs_core.checked import is_word
from dfs_core.data.decode import Sources
from dfs_core.data.images import FORMATS, SUFFIXES
from dfs_core.data.known import KNOWN, DatasetInfo
from dfs_core.errors import UserError
from dfs_core.files import at_home, is_folder

SPLITS = ("train", "test")
_PARTS = attrgetter("parts")  # so that paths have the same order on every system

Found = tuple[Sources, np.ndarray, tuple[str, ...]]  # images, labels (N,) and class names


def find_data_dir() -> Path | None:
    """The data folder: ``DFS_DATA_DIR``, which need not exist yet; else ``./data`` if it exists; else None."""
    named = os.environ.get("DFS_DATA_DIR")
    if named:
        return at_home(named)
    return Path("data") if Path("data").is_dir() else None


def folder_root(dataset: str, data_dir: Path) -> Path | None:
    """The folder that holds ``train/`` or ``test/`` of a data set; None if there is none."""
    candidates = [data_dir / dataset] + ([data_dir] if data_dir.resolve().name == dataset else [])
    return next((root for root in candidates if any(is_folder(root / split) for split in SPLITS)), None)


def class_folders(root: Path, split: str) -> dict[str, list[Path]]:
    """Image files of a split by class name, sorted. A class includes the files in its subfolders.

    Hidden files, other suffixes and special files are left out. ``passed_over`` counts files with other suffixes.

    Raises:
        UserError: the split has no folder.
    """
    folder = root / split
    if not folder.is_dir():
        raise UserError(f"{root} has no '{split}' folder: put class folders with images in {folder}")
    return {
        entry.name: sorted((file for file in _inside(entry) if _is_image(file)), key=_PARTS)
        for entry in sorted(folder.iterdir(), key=_PARTS)
        if entry.is_dir() and not entry.name.startswith(".")
    }


def passed_over(root: Path, split: str) -> dict[str, int]:
    """Count the files of a split that are not read, by suffix, most frequent first.

    Files outside a class folder are counted too. Hidden files are not, because operating systems leave them everywhere.
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


def pictures_in(folder: Path) -> tuple[list[Path], dict[str, int]]:
    """The image files in a folder and its subfolders, sorted; and the number of other files by suffix."""
    files = sorted(_inside(folder))
    others = Counter(file.suffix.lower() or "no suffix" for file in files if not _is_image(file))
    return [file for file in files if _is_image(file)], dict(others.most_common())


def in_words(counts: dict[str, int]) -> str:
    """Counts of ``passed_over`` in words.

    >>> in_words({".txt": 2, "outside a class": 1})
    '2 .txt, 1 outside a class'
    """
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def left_out(dataset: str, data_dir: Path, split: str) -> str:
    """The files of a split that are not read, in words; empty if there are none or it is not stored as folders."""
    root = folder_root(dataset, at_home(data_dir))
    return in_words(passed_over(root, split)) if root else ""


def other_folders(root: Path) -> list[str]:
    """Names of the folders beside ``train`` and ``test``, which are not read; hidden ones are not named."""
    entries = sorted(root.iterdir())
    return [e.name for e in entries if e.is_dir() and e.name not in SPLITS and not e.name.startswith(".")]


def _inside(folder: Path) -> Iterator[Path]:
    """All files in a folder and its subfolders except hidden ones; links are followed."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if Path(place).resolve() in (above.resolve() for above in Path(place).parents):  # a link to its own parent
            folders.clear()
            continue
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _is_image(file: Path) -> bool:
    """Whether a file has the suffix of a picture and is not a pipe or device, on which reading would never end.

    A broken link counts as an image, so that the reader gets an error instead of a smaller data set.
    """
    return file.suffix.lower() in SUFFIXES and (file.is_file() or not file.exists())


def find_images(dataset: str, root: Path, split: str) -> Found:
    """The image files of a split, their labels (N,) and the class names. No file is opened.

    Raises:
        UserError: class folders are wrong or empty, or a known set has too many images.
    """
    found, info = class_folders(root, split), KNOWN.get(dataset)
    classes = classes_of(dataset, found, root / split)
    files = [(file, label) for label, name in enumerate(classes) for file in found.get(name, [])]
    if info and len(files) > info.size(split):
        raise UserError(
            f"{root / split} has {len(files):,} images, but {dataset} has {info.size(split):,}: remove the added images"
        )
    labels = np.array([label for _, label in files], dtype=np.int64)
    return [file for file, _ in files], labels, classes


def classes_of(dataset: str, found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    """The class names of a split.

    Args:
        dataset: name of the data set.
        found: the result of ``class_folders``.
        folder: the split's folder, for error messages.

    Raises:
        UserError: class folders are missing, unknown or empty.
    """
    info = KNOWN.get(dataset)
    return _known_classes(info, found, folder) if info else _own_classes(found, folder)


def _known_classes(info: DatasetInfo, found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    unknown = sorted(set(found) - set(info.classes))
    if unknown:
        raise UserError(
            f"{folder} has folders that are not classes of {info.name} ({_some(unknown)}): "
            f"its classes are {_some(info.classes)}"
        )
    total, empty = sum(map(len, found.values())), [name for name in info.classes if not found.get(name)]
    if not total:
        raise UserError(f"{folder} has no images: put {FORMATS} files in folders named {_some(info.classes)}")
    # A small random sample can miss a class by chance. A large one that misses a class was not unpacked completely.
    if empty and total >= 10 * len(info.classes):
        raise UserError(f"{folder} is incomplete, without images of {_some(empty)}: unpack {info.name} again")
    return info.classes


def _own_classes(found: dict[str, list[Path]], folder: Path) -> tuple[str, ...]:
    empty = [name for name, files in found.items() if not files]
    if odd := [name for name in found if not is_word(name)]:
        raise UserError(f"{folder} has a folder that cannot name a class ({odd[0]!r}): use a word of plain letters")
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


def _some(names: tuple[str, ...] | list[str]) -> str:
    most = 5
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
