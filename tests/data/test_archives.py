from __future__ import annotations

import shlex
from pathlib import Path

import fake_data as fakes
import numpy as np
import pytest
import torch
from fake_data import IMAGES, LABELS
from PIL import Image

from dfs_core.data import sets
from dfs_core.data.archives import download_command, has_split, read_archive
from dfs_core.data.download import describe
from dfs_core.data.known import ARCHIVES, KNOWN
from dfs_core.data.vision import load_datasets
from dfs_core.errors import UserError


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small CIFAR-10 in torchvision's layout, complete as far as torchvision can tell."""
    fakes.fake_cifar10(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def svhn_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with the test half of a small SVHN, which counts its digits from 1 to 10."""
    matlab = pytest.importorskip("scipy.io", reason="torchvision reads SVHN with SciPy")
    path = tmp_path / "test_32x32.mat"
    matlab.savemat(path, {"X": IMAGES.transpose(1, 2, 3, 0), "y": (LABELS + 1).astype(np.uint8)[:, None]})
    kind = load_datasets().SVHN
    listed = [kind.split_list["test"][0], path.name, fakes.md5(path)]
    monkeypatch.setattr(kind, "split_list", {**kind.split_list, "test": listed})
    return tmp_path


def test_the_names_of_the_files_are_torchvisions() -> None:
    datasets = load_datasets()
    for dataset, kind in (("cifar10", datasets.CIFAR10), ("cifar100", datasets.CIFAR100)):
        assert (set(ARCHIVES[dataset].downloads), ARCHIVES[dataset].folder) == ({kind.filename}, kind.base_folder)
    listed = {datasets.SVHN.split_list[split][1] for split in ("train", "test")}
    assert (set(ARCHIVES["svhn"].downloads), ARCHIVES["svhn"].folder) == (listed, None)


def test_both_layouts_give_the_same_images_in_the_same_order(
    cifar10: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = tmp_path_factory.mktemp("folders")
    for index, (image, label) in enumerate(zip(IMAGES[20:], LABELS[20:], strict=True)):
        target = folders / "cifar10" / "test" / KNOWN["cifar10"].classes[label] / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(target)
    packed, unpacked = (sets.load_images("cifar10", folder, "test") for folder in (cifar10, folders))
    assert torch.equal(packed.images, unpacked.images)
    assert torch.equal(packed.labels, unpacked.labels)
    assert packed.classes == unpacked.classes
    assert len(sets.load_images("cifar10", cifar10, "train")) == 20


def test_image_folders_come_before_downloaded_files(cifar10: Path) -> None:
    target = cifar10 / "cifar10" / "test" / "dog"
    target.mkdir(parents=True)
    Image.fromarray(IMAGES[0]).save(target / "only.png")
    assert len(sets.load_images("cifar10", cifar10, "test")) == 1
    assert len(sets.load_images("cifar10", cifar10, "train")) == 20


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
    with pytest.raises(UserError, match=rf"incomplete or damaged: run '{command}'"):
        sets.load_images("cifar10", cifar10, "test")
    assert {row["status"] for row in describe(cifar10)} == {f"incomplete or damaged: run '{command}'"}


def test_the_command_can_be_copied_also_where_the_folder_has_a_space() -> None:
    assert shlex.split(download_command("cifar10", Path("my data")))[-1] == "my data"


def test_a_split_is_there_as_folders_or_as_downloaded_files(tmp_path: Path, cifar10: Path) -> None:
    (tmp_path / "mine" / "train").mkdir(parents=True)
    assert has_split("mine", tmp_path, "train")
    assert not has_split("mine", tmp_path, "test")
    assert not has_split("svhn", tmp_path, "train")
    assert has_split("cifar10", cifar10, "train")


def test_an_interrupted_download_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"half of it")
    with pytest.raises(UserError, match="incomplete or damaged"):
        sets.load_images("cifar10", tmp_path, "test")


def test_a_file_that_cannot_be_read_is_named(cifar10: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, md5: str) -> bool:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", refuse)
    with pytest.raises(UserError, match=r"data_batch_1 cannot be read: Permission denied"):
        sets.load_images("cifar10", cifar10, "test")


def test_describe_counts_a_complete_download(cifar10: Path) -> None:
    rows = describe(cifar10)
    assert [(row["split"], row["images"], row["classes"], row["status"]) for row in rows] == [
        ("train", 20, 10, "complete"),
        ("test", 10, 10, "complete"),
    ]


def test_svhn_is_read_and_its_ten_is_a_zero(svhn_test: Path) -> None:
    images, labels, classes = read_archive("svhn", svhn_test, "test")
    assert (images == IMAGES).all()
    assert labels.tolist() == [(label + 1) % 10 for label in LABELS]
    assert classes == tuple("0123456789")


def test_svhn_may_be_there_by_halves(svhn_test: Path) -> None:
    assert len(sets.load_images("svhn", svhn_test, "test")) == 30
    with pytest.raises(UserError, match="incomplete or damaged"):
        sets.load_images("svhn", svhn_test, "train")
    train, test = describe(svhn_test)
    assert (train["images"], test["images"], test["status"]) == (0, KNOWN["svhn"].test_size, "complete")
    assert "data download svhn" in train["status"]
