"""Small stand-ins for data sets: image folders, and the files that torchvision downloads with checksums to match."""

from __future__ import annotations

import hashlib
import pickle
import struct
import tarfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dfs_core.data import ImageSet
from dfs_core.known import ARCHIVES, KNOWN, Archive, RemoteFile

FOLDER = "cifar-10-batches-py"
TRAIN_SIZE, TEST_SIZE = 20, 10


def noise(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def write_tree(root: Path, split: str, counts: dict[str, int], size: int = 32) -> None:
    """Write ``root/split/<class>/<n>.png`` with as many images of noise as ``counts`` says."""
    images = iter(noise(sum(counts.values()), size))
    for name, count in counts.items():
        (root / split / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(next(images)).save(root / split / name / f"{index}.png")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar10(root: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, tuple[tuple[str, str], ...]]:
    """Write ``images`` (30, 32, 32, 3) as two training batches and a test batch; files with checksums, by split."""
    (root / FOLDER).mkdir(parents=True)
    halves = {
        "data_batch_1": slice(0, 10),
        "data_batch_2": slice(10, TRAIN_SIZE),
        "test_batch": slice(TRAIN_SIZE, None),
    }
    for name, part in halves.items():
        planes = images[part].transpose(0, 3, 1, 2).reshape(len(images[part]), -1)
        batch = {"data": planes, "labels": labels[part].tolist(), "batch_label": name}
        (root / FOLDER / name).write_bytes(pickle.dumps(batch, protocol=4))
    (root / FOLDER / "batches.meta").write_bytes(pickle.dumps({"label_names": list(KNOWN["cifar10"].classes)}))

    def listed(*names: str) -> tuple[tuple[str, str], ...]:
        return tuple((f"{FOLDER}/{name}", md5(root / FOLDER / name)) for name in names)

    return {
        "train": listed("data_batch_1", "data_batch_2"),
        "test": listed("test_batch"),
        "both": listed("batches.meta"),
    }


def announce_cifar10(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, tuple[tuple[str, str], ...]], remote: RemoteFile | None = None
) -> None:
    """Let the package believe that CIFAR-10 consists of these files, and of 20 and 10 images."""
    downloads = (remote,) if remote else ARCHIVES["cifar10"].downloads
    monkeypatch.setitem(ARCHIVES, "cifar10", Archive(downloads, files, "labels"))
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], train_size=TRAIN_SIZE, test_size=TEST_SIZE))


def pack(root: Path, target: Path) -> RemoteFile:
    """Pack the batches under ``root``, with a file that nobody needs, as something to download."""
    (root / FOLDER / "readme.html").write_text("not needed")
    with tarfile.open(target, "w:gz") as archive:
        archive.add(root / FOLDER, FOLDER)
    return RemoteFile(target.as_uri(), target.name, md5(target))


def write_svhn_mat(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write a compressed MATLAB 5 file with ``X`` (32, 32, 3, N) and ``y`` (N, 1)."""

    def element(kind: int, body: bytes) -> bytes:
        return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)

    def matrix(name: str, array: np.ndarray) -> bytes:
        shape = struct.pack(f"<{array.ndim}i", *array.shape)
        small_name = struct.pack("<HH", 1, len(name)) + name.encode().ljust(4, b"\0")
        parts = element(6, struct.pack("<II", 9, 0)) + element(5, shape) + small_name
        packed = zlib.compress(element(14, parts + element(2, array.astype(np.uint8).tobytes(order="F"))))
        return struct.pack("<II", 15, len(packed)) + packed

    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(header + matrix("X", images.transpose(1, 2, 3, 0)) + matrix("y", labels[:, None]))


def image_set(counts: list[int], seed: int = 0) -> ImageSet:
    """Images of noise, ``counts`` of each class, in the order of the classes."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.from_numpy(noise(len(labels), seed=seed)).permute(0, 3, 1, 2).contiguous()
    return ImageSet("made-up", "train", images, labels, tuple(f"c{n}" for n in range(len(counts))))
