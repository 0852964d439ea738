"""Public data sets in the files that torchvision downloads, read without torchvision and without trusting a pickle.

Those files are pickles (CIFAR) and MATLAB 5 files (SVHN). Their checksums are verified before anything is read, and
even then the unpickler builds nothing but arrays. What torchvision has downloaded can be used here, and the other way
round.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dfs_core.errors import UserError
from dfs_core.folders import Pixels
from dfs_core.known import ARCHIVES, KNOWN


def download_command(dataset: str, data_dir: Path) -> str:
    """The command that fetches a known data set, for messages that say what to do."""
    return f"python -m dfs_core data download {dataset} --data-dir {data_dir}"


def has_md5(path: Path, md5: str) -> bool:
    """Whether the file exists and has this MD5 sum."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


def is_complete(dataset: str, data_dir: Path) -> bool:
    """Whether every file of a known data set is there with the right checksum."""
    return all(has_md5(data_dir / name, md5) for files in ARCHIVES[dataset].files.values() for name, md5 in files)


def has_traces(dataset: str, data_dir: Path) -> bool:
    """Whether anything of a known data set is there, complete or not: somebody meant to have it there."""
    archive = ARCHIVES[dataset]
    names = {Path(name).parts[0] for files in archive.files.values() for name, _ in files}
    names |= {remote.name + end for remote in archive.downloads for end in ("", ".part")}
    return any((data_dir / name).exists() for name in names)


def read_archive(dataset: str, data_dir: Path, split: str) -> Pixels:
    """Read a split of a known data set: images (N, 32, 32, 3) uint8, labels (N,), class names.

    Raises:
        UserError: the files are incomplete or damaged.
    """
    archive, info = ARCHIVES[dataset], KNOWN[dataset]
    damaged = UserError(
        f"{dataset} in {data_dir} is incomplete or damaged: fetch what is missing with "
        f"'{download_command(dataset, data_dir)}'"
    )
    # A half-unpacked CIFAR is refused whichever split is asked for, as torchvision does; SVHN's splits come one by one.
    needed = archive.files[split] if dataset == "svhn" else [f for files in archive.files.values() for f in files]
    if not all(has_md5(data_dir / name, md5) for name, md5 in needed):
        raise damaged
    paths = [data_dir / name for name, _ in archive.files[split]]
    try:
        parts = [_read_mat(path) if dataset == "svhn" else _read_batch(path, archive.label_key) for path in paths]
    except (KeyError, ValueError, EOFError, struct.error, zlib.error, pickle.UnpicklingError) as error:
        raise damaged from error
    images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if len(images) != info.size(split) or len(labels) != len(images):
        raise damaged
    return images, labels.astype(np.int64), info.classes


def _read_batch(path: Path, label_key: str) -> tuple[np.ndarray, np.ndarray]:
    """A CIFAR batch: planes of red, green and blue per row."""
    with path.open("rb") as file:
        batch = _ArrayUnpickler(file, encoding="latin1").load()
    images = np.asarray(batch["data"], np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.asarray(batch[label_key])


class _ArrayUnpickler(pickle.Unpickler):
    """Rebuilds NumPy arrays and plain containers, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return np._core.multiarray._reconstruct  # type: ignore[attr-defined]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an image batch")


_MAT_TYPES = {1: "i1", 2: "u1", 3: "<i2", 4: "<u2", 5: "<i4", 6: "<u4", 7: "<f4", 9: "<f8"}
_MAT_HEADER, _MAT_COMPRESSED = 128, 15


def _read_mat(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """SVHN's ``X`` (32, 32, 3, N) and ``y`` (N, 1) from a MATLAB 5 file; its label 10 is the digit 0."""
    arrays = {}
    for kind, body in _mat_elements(memoryview(path.read_bytes())[_MAT_HEADER:]):
        if kind == _MAT_COMPRESSED:
            _, body = next(_mat_elements(memoryview(zlib.decompress(body))))
        (_, _), (_, shape), (_, name), (dtype, values) = list(_mat_elements(body))[:4]
        array = np.frombuffer(values, _MAT_TYPES[dtype]).reshape(np.frombuffer(shape, "<i4"), order="F")
        arrays[bytes(name).decode()] = array
    return arrays["X"].transpose(3, 0, 1, 2), arrays["y"].ravel() % 10


def _mat_elements(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each element; a small one packs both sizes and its content into eight bytes."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        small = kind >> 16
        if small:
            yield kind & 0xFFFF, data[at + 4 : at + 4 + small]
            at += 8
        else:
            yield kind, data[at + 8 : at + 8 + size]
            at += 8 + size + (0 if kind == _MAT_COMPRESSED else -size % 8)
