from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import fake_data as fakes
import numpy as np
import pytest
import torch
from PIL import Image

from dfs_core import data
from dfs_core.archives import read_archive
from dfs_core.errors import UserError
from dfs_core.known import ARCHIVES, KNOWN, Archive

IMAGES = fakes.noise(30)
LABELS = np.arange(30) % 10


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small CIFAR-10 in torchvision's layout, complete as far as the package can tell."""
    fakes.announce_cifar10(monkeypatch, fakes.write_cifar10(tmp_path, IMAGES, LABELS))
    return tmp_path


def test_both_layouts_give_the_same_images_in_the_same_order(
    cifar10: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = tmp_path_factory.mktemp("folders")
    for index, (image, label) in enumerate(zip(IMAGES[20:], LABELS[20:], strict=True)):
        target = folders / "cifar10" / "test" / KNOWN["cifar10"].classes[label] / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(target)
    packed, unpacked = (data.load_images("cifar10", folder, "test") for folder in (cifar10, folders))
    assert torch.equal(packed.images, unpacked.images)
    assert torch.equal(packed.labels, unpacked.labels)
    assert len(data.load_images("cifar10", cifar10, "train")) == 20


def test_image_folders_come_before_downloaded_files(cifar10: Path) -> None:
    target = cifar10 / "cifar10" / "test" / "dog"
    target.mkdir(parents=True)
    Image.fromarray(IMAGES[0]).save(target / "only.png")
    assert len(data.load_images("cifar10", cifar10, "test")) == 1
    assert len(data.load_images("cifar10", cifar10, "train")) == 20


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
def test_half_a_data_set_is_refused_with_the_command_that_mends_it(cifar10: Path, damage: str, name: str) -> None:
    file = cifar10 / fakes.FOLDER / name
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content[:-100] if damage == "truncated" else content)
    command = f"python -m dfs_core data download cifar10 --data-dir {cifar10}"
    with pytest.raises(UserError, match=rf"incomplete or damaged: fetch what is missing with '{command}'"):
        data.load_images("cifar10", cifar10, "test")
    assert {row["status"] for row in data.describe(cifar10)} == {f"incomplete or damaged: run '{command}'"}


@pytest.mark.parametrize("trace", ["cifar-10-python.tar.gz", "cifar-10-python.tar.gz.part"])
def test_an_interrupted_download_is_recognised(tmp_path: Path, trace: str) -> None:
    (tmp_path / trace).write_bytes(b"half of it")
    with pytest.raises(UserError, match="incomplete or damaged"):
        data.load_images("cifar10", tmp_path, "test")


def test_a_pickle_that_would_run_code_is_refused_even_with_the_right_checksum(
    cifar10: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {cifar10 / 'harmed'}",)

    file = cifar10 / fakes.FOLDER / "test_batch"
    file.write_bytes(pickle.dumps({"data": Harm(), "labels": []}))
    files = {**ARCHIVES["cifar10"].files, "test": ((f"{fakes.FOLDER}/test_batch", fakes.md5(file)),)}
    monkeypatch.setitem(ARCHIVES, "cifar10", replace(ARCHIVES["cifar10"], files=files))
    with pytest.raises(UserError, match="incomplete or damaged"):
        data.load_images("cifar10", cifar10, "test")
    assert not (cifar10 / "harmed").exists()


def test_batches_with_a_wrong_number_of_images_are_refused(cifar10: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], test_size=11))
    with pytest.raises(UserError, match="incomplete or damaged"):
        data.load_images("cifar10", cifar10, "test")


def test_describe_counts_a_complete_download(cifar10: Path) -> None:
    rows = data.describe(cifar10)
    assert [(row["split"], row["images"], row["classes"], row["status"]) for row in rows] == [
        ("train", 20, 10, "complete"),
        ("test", 10, 10, "complete"),
    ]


def test_svhn_is_read_from_its_matlab_files_and_its_ten_is_a_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "test_32x32.mat"
    fakes.write_svhn_mat(path, IMAGES, LABELS + 1)
    files = {"train": (("train_32x32.mat", "0"),), "test": ((path.name, fakes.md5(path)),)}
    monkeypatch.setitem(ARCHIVES, "svhn", Archive((), files))
    monkeypatch.setitem(KNOWN, "svhn", replace(KNOWN["svhn"], test_size=30))
    images, labels, classes = read_archive("svhn", tmp_path, "test")
    assert (images == IMAGES).all()
    assert labels.tolist() == [(label + 1) % 10 for label in LABELS]
    assert classes == tuple("0123456789")
    with pytest.raises(UserError, match="incomplete or damaged"):
        read_archive("svhn", tmp_path, "train")
