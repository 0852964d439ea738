from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from fake_data import image_set, write_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from dfs_core.data import sets
from dfs_core.data.download import describe
from dfs_core.data.folders import find_data_dir
from dfs_core.data.known import KNOWN, DatasetInfo
from dfs_core.data.splits import Splits, divide, split_facts
from dfs_core.errors import UserError

CLASSES = KNOWN["cifar10"].classes


@given(counts=st.lists(st.integers(0, 40), min_size=2, max_size=5), wanted=st.integers(1, 60), seed=st.integers(-3, 3))
@settings(max_examples=40)
def test_a_split_is_balanced_and_loses_nothing(counts: list[int], wanted: int, seed: int) -> None:
    whole = image_set(counts)
    count = min(wanted, len(whole) // 10)
    try:
        train, validation = sets.train_validation(whole, wanted, seed)
    except UserError:
        assert count == 0 or max(counts) < 2 or sum(n // 2 for n in counts[:count]) == 0
        return
    assert (train.split, validation.split) == ("train", "validation")
    rows = {bytes(image.numpy().tobytes()) for image in whole.images}
    kept, held = ({bytes(image.numpy().tobytes()) for image in part.images} for part in (train, validation))
    assert kept | held == rows
    assert not kept & held
    assert len(validation) <= count
    sizes = torch.bincount(validation.labels, minlength=len(counts)).tolist()
    for label, size in enumerate(sizes):
        share = count // len(counts) + (label < count % len(counts))
        assert size == min(share, counts[label] // 2)


def test_the_public_sizes_give_45000_and_5000() -> None:
    labels = torch.arange(50_000) % 10
    whole = sets.ImageSet(
        "cifar10", "train", torch.arange(50_000).view(-1, 1, 1, 1).int().view(torch.uint8), labels, CLASSES
    )
    train, validation = sets.train_validation(whole, 5000)
    assert (len(train), len(validation)) == (45_000, 5_000)
    assert torch.bincount(validation.labels).tolist() == [500] * 10


def test_a_split_follows_the_images_and_not_their_order() -> None:
    whole = image_set([30, 30])
    mixed = whole.subset(torch.randperm(60, generator=torch.Generator().manual_seed(1)))
    for part, other in zip(sets.train_validation(whole, 6), sets.train_validation(mixed, 6), strict=True):
        assert {i.numpy().tobytes() for i in part.images} == {i.numpy().tobytes() for i in other.images}


def test_images_are_divided_again_as_a_card_says() -> None:
    whole = image_set([4, 96])  # half of the small class is less than its share
    train, validation = sets.train_validation(whole, 10)
    assert len(validation) < 10
    test = whole.subset([0], "test")
    facts = split_facts(Splits(train, validation, test, (0, 0, 0), (1, 1, 1)), 10)
    for part, again in zip((train, validation), divide(whole, facts), strict=True):
        assert torch.equal(part.images, again.images)
    with pytest.raises(UserError, match="not the training set that it was trained on"):
        divide(whole.subset(slice(50)), facts)
    with pytest.raises(UserError, match="not the training set that it was trained on"):
        divide(image_set([8, 192]), facts)  # it has grown
    edited = whole.subset(slice(None))
    edited.images[-1, 0, 0, 0] ^= 1
    parts = sets.train_validation(edited, 10)
    assert [len(part) for part in parts] == [len(train), len(validation)]
    with pytest.raises(UserError, match="some were changed, or the library that decodes them gives other pixels"):
        divide(edited, facts)
    edited.images[-1, 0, 0, 0] ^= 1
    used = facts | {"train": 20, "validation": 3}  # what a laboratory network's card counts
    assert torch.equal(divide(whole, used, session=True)[1].images, validation.images[:3])
    with pytest.raises(UserError, match="does not say how the training images were split"):
        divide(whole, {})


def test_another_seed_gives_another_split() -> None:
    whole = image_set([60, 60])
    first, second = (sets.train_validation(whole, 12, seed)[1] for seed in (0, 1))
    assert not torch.equal(first.images, second.images)


def test_a_set_too_small_to_split_is_refused() -> None:
    with pytest.raises(UserError, match="9 training images are too few"):
        sets.train_validation(image_set([5, 4]), 5000)


def test_a_subset_keeps_order_and_may_be_a_slice() -> None:
    whole = image_set([3, 3])
    assert torch.equal(whole.subset([4, 0]).images, whole.images[[4, 0]])
    assert whole.subset(slice(2), "test").split == "test"
    assert whole.subset(slice(2)).labels.tolist() == [0, 0]


def test_the_environment_names_the_data_folder_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DFS_DATA_DIR", raising=False)
    assert find_data_dir() is None
    (tmp_path / "data").mkdir()
    assert find_data_dir() == Path("data")
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "elsewhere"))
    assert find_data_dir() == tmp_path / "elsewhere"


def test_describe_counts_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path / "cifar10", "test", {"dog": 2, "cat": 1})
    write_tree(tmp_path / "fruit", "train", {"apple": 2, "pear": 2})
    write_tree(tmp_path / "cifar100", "train", {"nonsense": 1})
    (tmp_path / "unrelated").mkdir()
    rows = {(row["dataset"], row["split"]): row for row in describe(tmp_path)}
    assert set(rows) == {("cifar10", "test"), ("fruit", "train"), ("fruit", "test"), ("cifar100", "train")}
    part = rows["cifar10", "test"]
    assert (part["layout"], part["images"], part["expected"], part["status"]) == ("folders", 3, 10_000, "a part")
    assert (rows["fruit", "train"]["classes"], rows["fruit", "train"]["status"]) == (2, "found, not opened")
    assert "not classes of cifar100 (nonsense)" in rows["cifar100", "train"]["status"]
    assert "has no 'test' folder" in rows["fruit", "test"]["status"]
    write_tree(tmp_path / "svhn", "test", {str(digit): 1 for digit in range(10)})
    monkeypatch.setattr(DatasetInfo, "size", lambda info, split: 9)
    many = next(row for row in describe(tmp_path) if row["dataset"] == "svhn")
    assert many["status"] == "1 images too many: remove what was added"
    write_tree(tmp_path / "one", "train", {"apple": 2})
    assert "at least two class folders" in next(r["status"] for r in describe(tmp_path) if r["dataset"] == "one")
    assert describe(tmp_path / "absent") == []


@pytest.mark.slow
def test_a_part_of_the_real_images_loads_with_the_known_statistics(tmp_path: Path, shared_dir: Path) -> None:
    tool = shared_dir / "tools" / "unpack_cifar.py"
    command = [sys.executable, str(tool), "cifar10", str(tmp_path), "--limit", "500"]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    loaded = sets.load_images("cifar10", tmp_path, "test")
    assert len(loaded) == 500
    mean, std = sets.channel_statistics(loaded)
    assert mean == pytest.approx(KNOWN["cifar10"].mean, abs=0.03)
    assert std == pytest.approx(KNOWN["cifar10"].std, abs=0.03)


def test_all_broken_pictures_are_named_at_once(tmp_path: Path) -> None:
    write_tree(tmp_path / "fruit", "train", {"apple": 300, "pear": 2})
    broken = [tmp_path / "fruit" / "train" / place for place in ("apple/7.png", "pear/1.png")]
    for file in broken:
        file.write_bytes(b"GIF89a")
    with pytest.raises(UserError, match="2 pictures cannot be read: save them again or remove them") as refusal:
        sets.load_images("fruit", tmp_path, "train")
    assert all(str(file) in str(refusal.value) for file in broken)
    broken[0].unlink()
    with pytest.raises(UserError, match=r"1\.png is damaged or incomplete"):
        sets.load_images("fruit", tmp_path, "train")


def test_a_data_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"there is no folder {tmp_path / 'none'}"):
        sets.load_images("fruit", tmp_path / "none", "train")
