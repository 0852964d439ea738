"""Small stand-ins for data sets: image folders, and files that torchvision takes for those it downloads."""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dfs_core.data.known import KNOWN
from dfs_core.data.sets import ImageSet
from dfs_core.data.vision import load_datasets

FOLDER = "cifar-10-batches-py"


def noise(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


IMAGES, LABELS = noise(30), np.arange(30) % 10


def write_tree(root: Path, split: str, counts: dict[str, int], size: int = 32) -> None:
    """Write ``root/split/<class>/<n>.png`` with as many images of noise as ``counts`` says."""
    images = iter(noise(sum(counts.values()), size))
    for name, count in counts.items():
        (root / split / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(next(images)).save(root / split / name / f"{index}.png")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def fake_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write IMAGES as two training batches and a test batch, and let torchvision take them for the whole CIFAR-10."""
    folder = root / FOLDER
    folder.mkdir(parents=True)
    for name, part in (("data_batch_1", slice(0, 10)), ("data_batch_2", slice(10, 20)), ("test_batch", slice(20, 30))):
        planes = IMAGES[part].transpose(0, 3, 1, 2).reshape(10, -1)
        batch = {"data": planes, "labels": LABELS[part].tolist(), "batch_label": name}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=4))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(KNOWN["cifar10"].classes)}))
    kind = load_datasets().CIFAR10
    sums = {file.name: md5(file) for file in folder.iterdir()}
    monkeypatch.setattr(kind, "train_list", [[name, sums[name]] for name in ("data_batch_1", "data_batch_2")])
    monkeypatch.setattr(kind, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums["batches.meta"]})
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], train_size=20, test_size=10))


def image_set(counts: list[int], seed: int = 0) -> ImageSet:
    """Images of noise, ``counts`` of each class, in the order of the classes."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.from_numpy(noise(len(labels), seed=seed)).permute(0, 3, 1, 2).contiguous()
    return ImageSet("made-up", "train", images, labels, tuple(f"c{n}" for n in range(len(counts))))
