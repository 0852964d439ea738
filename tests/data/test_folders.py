from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_data import write_tree
from PIL import Image

from dfs_core.cli import main
from dfs_core.data import sets
from dfs_core.data.download import describe
from dfs_core.data.folders import class_folders, passed_over
from dfs_core.data.known import KNOWN
from dfs_core.errors import UserError

CLASSES = KNOWN["cifar10"].classes


def test_a_folder_tree_loads_every_image_with_the_label_of_its_folder(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", dict.fromkeys(CLASSES, 2))
    loaded = sets.load_images("cifar10", tmp_path, "test")
    assert (loaded.dataset, loaded.split, loaded.classes, len(loaded)) == ("cifar10", "test", CLASSES, 20)
    assert loaded.images.dtype == torch.uint8
    assert loaded.images.shape == (20, 3, 32, 32)
    for pixels, label in zip(loaded.images, loaded.labels, strict=True):
        folder = tmp_path / "cifar10" / "test" / CLASSES[int(label)]
        originals = [np.asarray(Image.open(file)) for file in folder.iterdir()]
        assert any((pixels.permute(1, 2, 0).numpy() == original).all() for original in originals)


def test_reading_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfs_core.data.decode._CHUNK", 8)
    write_tree(tmp_path / "cifar10", "test", dict.fromkeys(CLASSES, 2))
    said: list[tuple[int, int]] = []
    sets.load_images("cifar10", tmp_path, "test", lambda done, total: said.append((done, total)))
    assert said == [(8, 20), (16, 20), (20, 20)]

    def stop(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        sets.load_images("cifar10", tmp_path, "test", stop)


def test_the_order_does_not_depend_on_file_names(tmp_path: Path) -> None:
    write_tree(tmp_path / "a" / "cifar10", "test", dict.fromkeys(CLASSES, 3))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for file in (tmp_path / "b").rglob("*.png"):
        file.rename(file.with_name(f"{9 - int(file.stem)}-renamed.PNG"))
    first, second = (sets.load_images("cifar10", tmp_path / name, "test") for name in "ab")
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.labels, second.labels)


def test_classes_have_the_order_of_their_letters_on_every_system(tmp_path: Path) -> None:
    for name in ("apple", "Zebra"):
        (tmp_path / "own" / "train" / name).mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(tmp_path / "own" / "train" / name / "1.png")
    found = class_folders(tmp_path / "own", "train")
    assert list(found) == ["Zebra", "apple"], "as Linux sorts them; Windows knows no case"


def test_the_order_mixes_classes(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", dict.fromkeys(CLASSES, 8))
    labels = sets.load_images("cifar10", tmp_path, "test").labels
    assert len(labels[:20].unique()) > 5


@pytest.mark.parametrize("count", [1, 7, 95])
def test_a_random_part_of_a_known_set_loads_even_if_it_misses_a_class(tmp_path: Path, count: int) -> None:
    write_tree(tmp_path / "cifar10", "test", {name: count if name == "frog" else 0 for name in CLASSES})
    loaded = sets.load_images("cifar10", tmp_path, "test")
    assert len(loaded) == count
    assert set(loaded.labels.tolist()) == {CLASSES.index("frog")}


def test_a_larger_part_without_a_class_is_refused_as_incomplete(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", {name: 0 if name == "frog" else 12 for name in CLASSES})
    with pytest.raises(UserError, match=r"without images of frog: unpack cifar10 again"):
        sets.load_images("cifar10", tmp_path, "test")


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"cats": 2, "dog": 2}, r"not classes of cifar10 \(cats\): its classes are airplane, .* and 5 more"),
        (dict.fromkeys(CLASSES, 0), r"has no images: put JPEG, PNG, .* files"),
        ({"dog": 6}, r"has 6 images, but cifar10 has 5"),
    ],
)
def test_an_odd_folder_of_a_known_set_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], message: str
) -> None:
    monkeypatch.setitem(KNOWN, "cifar10", replace(KNOWN["cifar10"], test_size=5))
    write_tree(tmp_path / "cifar10", "test", counts)
    with pytest.raises(UserError, match=message):
        sets.load_images("cifar10", tmp_path, "test")


@pytest.mark.parametrize("content", [b"", b"not a picture", None])
def test_an_unreadable_image_is_named(tmp_path: Path, content: bytes | None) -> None:
    write_tree(tmp_path / "cifar10", "test", dict.fromkeys(CLASSES, 30))
    bad = tmp_path / "cifar10" / "test" / "dog" / "20.png"
    bad.write_bytes(bad.read_bytes()[:-900] if content is None else content)
    with pytest.raises(UserError, match=r"dog/20\.png"):
        sets.load_images("cifar10", tmp_path, "test")


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", {"dog": 2})
    (tmp_path / "cifar10" / "test" / "dog" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(UserError, match=r"gone\.png cannot be read: No such file"):
        sets.load_images("cifar10", tmp_path, "test")


def test_hidden_files_and_other_suffixes_are_passed_over(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", {"dog": 2})
    folder = tmp_path / "cifar10" / "test"
    (folder / "dog" / "._0.png").write_bytes(b"resource fork")
    (folder / "dog" / "notes.txt").write_text("a note")
    (folder / ".cache").mkdir()
    (folder / "readme.md").write_text("a note")
    assert len(sets.load_images("cifar10", tmp_path, "test")) == 2


def test_a_missing_data_set_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"run 'python -m dfs_core data download cifar100 --data-dir {tmp_path}'"):
        sets.load_images("cifar100", tmp_path, "train")
    with pytest.raises(
        UserError, match=r"no data set 'fruit' in .*: put image folders in .*fruit/\{train,test\}/<class>/"
    ):
        sets.load_images("fruit", tmp_path, "train")


def test_a_missing_split_says_where_it_belongs(tmp_path: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", {"dog": 2})
    with pytest.raises(UserError, match=r"has no 'train' folder"):
        sets.load_images("cifar10", tmp_path, "train")


@pytest.mark.parametrize("name", ["", "..", "../cifar10", "/etc", "a/b"])
def test_a_name_that_leaves_the_data_folder_is_refused(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, "test", {"a": 1, "b": 1})
    with pytest.raises(UserError, match="is not a data set's name"):
        sets.load_images(name, tmp_path, "test")


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="split 'validation' is unknown: use train or test"):
        sets.load_images("cifar10", tmp_path, "validation")


def test_folders_of_ones_own_load_at_any_size_from_either_place(tmp_path: Path) -> None:
    write_tree(tmp_path / "fruit", "train", {"pear": 2, "apple": 3}, size=50)
    inside = sets.load_images("fruit", tmp_path, "train")
    itself = sets.load_images("fruit", tmp_path / "fruit", "train")
    assert inside.classes == ("apple", "pear")
    assert inside.images.shape == (5, 3, 32, 32)
    assert sorted(inside.labels.tolist()) == [0, 0, 0, 1, 1]
    assert torch.equal(inside.images, itself.images)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ({"apple": 2, "pear": 0}, {"apple": 1, "pear": 1}, r"no images of pear \(JPEG, PNG, .*\)"),
        ({"apple": 2}, {"apple": 1}, r"at least two class folders with images; it has 1"),
        ({}, {"apple": 1, "pear": 1}, r"at least two class folders with images; it has 0"),
        ({"apple": 2, "pear": 2}, {"apple": 2, "plum": 2}, r"different class folders: pear, plum"),
        ({"apple": 2, "a\tpear": 2}, {"apple": 2, "a\tpear": 2}, r"cannot name a class \('a\\tpear'\): use a word"),
    ],
)
def test_odd_folders_of_ones_own_are_refused(
    tmp_path: Path, train: dict[str, int], test: dict[str, int], message: str
) -> None:
    (tmp_path / "fruit" / "train").mkdir(parents=True)
    write_tree(tmp_path / "fruit", "train", train)
    write_tree(tmp_path / "fruit", "test", test)
    with pytest.raises(UserError, match=message):
        sets.load_images("fruit", tmp_path, "train")


def test_a_picture_is_also_to_be_had_as_it_is_stored(tmp_path: Path) -> None:
    root = tmp_path / "fruit" / "test"
    for name, size in (("apple", (64, 48)), ("pear", (32, 32))):
        (root / name).mkdir(parents=True)
        Image.new("RGB", size, "red").save(root / name / "0.png")
    loaded = sets.load_images("fruit", tmp_path, "test")
    sizes = {loaded.classes[int(label)]: loaded.as_stored(index).size for index, label in enumerate(loaded.labels)}
    assert sizes == {"apple": (64, 48), "pear": (32, 32)}
    assert loaded.subset([int(loaded.labels[0] == 0)]).as_stored(0).size == (32, 32)
    (root / "apple" / "0.png").unlink()
    with pytest.raises(UserError, match=r"0\.png cannot be read"):
        loaded.as_stored(loaded.labels.tolist().index(0))


def write_own(root: Path) -> Path:
    """A data set of one's own with two classes, two images in each split of each; its folder."""
    for split in sets.SPLITS:
        write_tree(root / "pets", split, {"cat": 2, "dog": 2})
    return root / "pets"


@pytest.mark.parametrize("suffix", [".bmp", ".BMP", ".gif", ".jfif", ".tif", ".tiff", ".avif", ".webp", ".jpg"])
def test_images_of_every_format_are_read(tmp_path: Path, suffix: str) -> None:
    pets = write_own(tmp_path)
    kind = {".jfif": "JPEG", ".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    Image.new("RGB", (32, 32), "red").save(pets / "test" / "cat" / f"more{suffix}", kind)
    assert len(sets.load_images("pets", tmp_path, "test")) == 5
    assert passed_over(pets, "test") == {}


def test_images_in_folders_inside_a_class_belong_to_it_and_links_are_followed(tmp_path: Path) -> None:
    pets = write_own(tmp_path)
    inner = pets / "test" / "dog" / "garden" / "summer"
    inner.mkdir(parents=True)
    Image.new("RGB", (32, 32), "green").save(inner / "a.png")
    (pets / "test" / "dog" / "b.png").symlink_to(inner / "a.png")
    (inner / "round").symlink_to(pets / "test" / "dog")  # must not be walked for ever
    (tmp_path / "elsewhere").mkdir()
    Image.new("RGB", (32, 32), "blue").save(tmp_path / "elsewhere" / "c.png")
    (pets / "test" / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
    found = class_folders(pets, "test")
    assert [file.name for file in found["dog"]] == ["0.png", "1.png", "b.png", "a.png"]
    assert [file.name for file in found["cat"]] == ["0.png", "1.png", "c.png"]


def test_a_folder_beside_train_and_test_is_named(tmp_path: Path) -> None:
    pets = write_own(tmp_path)
    write_tree(pets, "val", {"cat": 3, "dog": 3})
    rows = {row["split"]: row for row in describe(tmp_path)}
    assert list(rows) == ["train", "test", "val"]
    assert (rows["val"]["images"], rows["val"]["status"]) == (0, "passed over: only train and test are read")


def test_commands_that_read_images_say_what_they_pass_over(tmp_path: Path, capsys, tiny_pretrained: Path) -> None:
    write_tree(tmp_path / "cifar10", "test", dict.fromkeys(CLASSES, 1))
    (tmp_path / "cifar10" / "test" / "dog" / "more.xyz").write_bytes(b"x")
    assert main(["evaluate", "--checkpoint", "tiny-backbone", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "note: cifar10, test: passed over 1 .xyz\n"


def test_what_is_passed_over_is_counted_and_told(tmp_path: Path) -> None:
    pets = write_own(tmp_path)
    (pets / "test" / "cat" / "notes.txt").write_text("a cat")
    (pets / "test" / "cat" / "more.txt").write_text("another")
    (pets / "test" / "cat" / "raw").write_text("x")
    (pets / "test" / "loose.png").write_bytes(b"x")
    (pets / "test" / "cat" / ".DS_Store").write_bytes(b"x")
    os.mkfifo(pets / "test" / "cat" / "pipe.png")
    assert passed_over(pets, "test") == {".txt": 2, "outside a class": 1, "no suffix": 1, ".png": 1}
    (row,) = [row for row in describe(tmp_path) if row["split"] == "test"]
    assert row["images"] == 4
    assert row["status"] == "found, not opened; passed over: 2 .txt, 1 outside a class, 1 no suffix, 1 .png"
    assert len(sets.load_images("pets", tmp_path, "test")) == 4, "a pipe does not hang it"
