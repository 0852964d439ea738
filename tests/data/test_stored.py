"""Data sets that are read as they are needed: the same images, labels and splits, and nothing kept in memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_data import fake_cifar10, write_tree
from PIL import Image

from dfs_core.data import sets, stored
from dfs_core.data.stored import StoredImages
from dfs_core.errors import UserError

COUNTS = {"circle": 12, "square": 12, "star": 12}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_tree(tmp_path / "shapes", "train", COUNTS, size=70)
    return tmp_path


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing but a handful of images fits into memory."""
    monkeypatch.setattr(stored, "IN_MEMORY", 5 * 3 * 64**2)


def rows(images: sets.ImageSet) -> dict[bytes, int]:
    pixels = images.loaded().images
    return {image.numpy().tobytes(): int(label) for image, label in zip(pixels, images.labels, strict=True)}


@pytest.mark.parametrize(("count", "size", "fits"), [(50_000, 32, True), (170_000, 64, True), (180_000, 64, False)])
def test_what_fits_into_memory_goes_by_the_bytes_of_its_pixels(count: int, size: int, fits: bool) -> None:
    assert stored.fits_memory(count, size) is fits


@pytest.mark.usefixtures("on_disk")
def test_a_large_set_is_read_as_it_is_needed_and_is_the_same_set(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = sets.load_images("shapes", folder, "train", size=64)
    assert isinstance(large.images, StoredImages)
    assert large.loaded().images.shape == (36, 3, 64, 64)
    monkeypatch.setattr(stored, "IN_MEMORY", 2**30)
    small = sets.load_images("shapes", folder, "train", size=64)
    assert isinstance(small.images, torch.Tensor)
    assert rows(large) == rows(small)
    assert large.classes == small.classes == ("circle", "square", "star")
    assert small.loaded() is small


@pytest.mark.usefixtures("on_disk")
def test_batches_come_in_the_order_asked_for_with_their_labels(folder: Path) -> None:
    images = sets.load_images("shapes", folder, "train", size=64)
    order = list(torch.randperm(36, generator=torch.Generator().manual_seed(0)).split(7))
    whole = images.loaded()
    found = list(images.batches(iter(order)))
    assert len(found) == 6
    for chosen, (pixels, labels), (kept, own) in zip(order, found, whole.batches(order), strict=True):
        assert torch.equal(pixels, whole.images[chosen])
        assert torch.equal(pixels, kept)
        assert torch.equal(labels, images.labels[chosen])
        assert torch.equal(labels, own)


@pytest.mark.usefixtures("on_disk")
def test_reading_ahead_draws_nothing_from_the_generator_of_training(folder: Path) -> None:
    images = sets.load_images("shapes", folder, "train", size=64)
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    list(images.batches([torch.arange(3)]))
    assert torch.equal(torch.rand(1), wanted)


@pytest.mark.usefixtures("on_disk")
def test_the_order_is_mixed_and_the_same_for_every_copy(folder: Path) -> None:
    first = sets.load_images("shapes", folder, "train", size=64).loaded()
    (folder / "shapes").rename(folder / "elsewhere")
    again = sets.load_images("elsewhere", folder, "train", size=64)
    assert torch.equal(first.images, again.loaded().images)
    assert len(first.labels[:9].unique()) == 3


@pytest.mark.usefixtures("on_disk")
def test_files_of_one_name_in_folders_of_one_name_are_told_apart(folder: Path) -> None:
    for part in ("a", "b"):
        nested = folder / "shapes" / "train" / "star" / part / "same"
        nested.mkdir(parents=True)
        Image.new("RGB", (70, 70), {"a": "red", "b": "blue"}[part]).save(nested / "0.png")
    images = sets.load_images("shapes", folder, "train", size=64)
    assert isinstance(images.images, StoredImages)
    assert len(set(images.images.identities())) == len(images) == 38
    part = images.subset([5, 3, 8])
    assert list(part.images.identities()) == [list(images.images.identities())[index] for index in (5, 3, 8)]


@pytest.mark.usefixtures("on_disk")
def test_a_split_is_balanced_keeps_files_on_disk_and_follows_its_seed(folder: Path) -> None:
    whole = sets.load_images("shapes", folder, "train", size=64)
    train, validation = sets.train_validation(whole, 3)
    assert isinstance(train.images, StoredImages)
    assert torch.bincount(validation.labels).tolist() == [1, 1, 1]
    assert rows(train) | rows(validation) == rows(whole)
    assert not rows(train).keys() & rows(validation).keys()
    assert any(rows(sets.train_validation(whole, 3, seed)[1]) != rows(validation) for seed in range(1, 5))


@pytest.mark.usefixtures("on_disk")
def test_statistics_are_those_of_the_first_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = sets.load_images("shapes", folder, "train", size=64)
    assert sets.channel_statistics(images) == sets.channel_statistics(images.loaded())
    monkeypatch.setattr(sets, "SAMPLE", 4)
    assert sets.channel_statistics(images) == sets.channel_statistics(images.subset(slice(4)).loaded())


@pytest.mark.usefixtures("on_disk")
@pytest.mark.parametrize("content", [b"not a picture", b""])
def test_a_bad_file_is_named_in_one_line_when_its_turn_comes(folder: Path, content: bytes) -> None:
    bad = folder / "shapes" / "train" / "star" / "7.png"
    bad.write_bytes(content)
    images = sets.load_images("shapes", folder, "train", size=64)
    with pytest.raises(UserError, match=r"star/7\.png") as told:
        list(images.batches(torch.arange(36).split(12)))
    assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"star/7\.png"):
        images.loaded()


@pytest.mark.parametrize("size", [32, 48])
def test_an_archives_pictures_are_brought_to_the_networks_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    fake_cifar10(tmp_path, monkeypatch)
    small = sets.load_images("cifar10", tmp_path, "test")
    larger = sets.load_images("cifar10", tmp_path, "test", size=size)
    assert larger.images.shape == (10, 3, size, size)
    enlarged = {
        np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).resize((size, size), Image.Resampling.BICUBIC))
        .transpose(2, 0, 1)
        .tobytes(): int(label)
        for image, label in zip(small.images, small.labels, strict=True)
    }
    assert rows(larger) == enlarged
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    unread = sets.load_images("cifar10", tmp_path, "test", size=size)
    assert isinstance(unread.images, StoredImages)
    assert rows(unread) == enlarged
    (one,) = unread.batches([torch.tensor([3])])
    assert torch.equal(one[0][0], unread.images[3])


@pytest.mark.usefixtures("on_disk")
def test_a_files_name_need_not_be_utf_8(folder: Path) -> None:
    odd = os.fsencode(folder / "shapes" / "train" / "star") + b"/caf\xe9.png"
    Image.new("RGB", (70, 70)).save(os.fsdecode(odd))
    images = sets.load_images("shapes", folder, "train", size=64)
    assert any(name.endswith(b"caf\xe9.png") for name in images.images.identities())
