"""Importing torchvision, with a stand-in whose import fails as the real one's does without its operators."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fake_data import write_tree

from dfs_core.data import sets, vision
from dfs_core.data.download import describe
from dfs_core.errors import UserError

FAILS_WITHOUT_OPERATORS = """
from . import half
import torch
if {"nms", "qnms"} - set(torch.library.Library.declared):
    raise RuntimeError("operator torchvision::nms does not exist")
assert half.parent is __import__("sys").modules[__name__]
"""


class Library:
    """Stands for ``torch.library.Library``: the real operators can be named only once a process."""

    declared: list[str]

    def __init__(self, namespace: str, kind: str) -> None:
        assert (namespace, kind) == ("torchvision", "FRAGMENT")

    def define(self, schema: str) -> None:
        self.declared.append(schema.split("(")[0])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a torchvision with this ``__init__`` in the place of the installed one."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(Library, "declared", [], raising=False)
    monkeypatch.setattr(torch.library, "Library", Library)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(vision, "_name_operators", vision._name_operators.__wrapped__)

    def write(init: str) -> None:
        (tmp_path / "torchvision" / "datasets").mkdir(parents=True)
        (tmp_path / "torchvision" / "__init__.py").write_text(init)
        (tmp_path / "torchvision" / "half.py").write_text("import sys\nparent = sys.modules['torchvision']\n")
        (tmp_path / "torchvision" / "datasets" / "__init__.py").write_text("here = True\n")

    yield write
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


def test_the_installed_torchvision_gives_the_three_data_sets() -> None:
    datasets = vision.load_datasets()
    assert all(hasattr(datasets, name) for name in ("CIFAR10", "CIFAR100", "SVHN"))
    assert vision.load_datasets() is datasets


def test_missing_operators_are_named_and_the_import_starts_anew(install: Callable[[str], None]) -> None:
    install(FAILS_WITHOUT_OPERATORS)
    assert vision.load_datasets().here
    assert Library.declared == ["nms", "qnms"]


def test_nothing_is_done_where_torchvision_imports_as_it_is(install: Callable[[str], None]) -> None:
    install("")
    assert vision.load_datasets().here
    assert Library.declared == []


@pytest.mark.parametrize(
    ("init", "named"),
    [
        ("raise RuntimeError('compiled with different CUDA major versions')", []),
        ("raise RuntimeError('operator torchvision::roi_align does not exist')", ["nms", "qnms"]),
        ("raise ModuleNotFoundError('no torchvision')", []),
    ],
)
def test_a_torchvision_that_cannot_be_used_is_one_clear_message(
    install: Callable[[str], None], init: str, named: list[str]
) -> None:
    install(init)
    with pytest.raises(UserError, match=r"\((compiled|operator|no ).*\): install the torchvision that fits torch 2"):
        vision.load_datasets()
    assert Library.declared == named


def test_image_folders_do_without_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    write_tree(tmp_path / "cifar10", "test", {"dog": 3})
    assert len(sets.load_images("cifar10", tmp_path, "test")) == 3
    assert describe(tmp_path)[0]["images"] == 3
    with pytest.raises(UserError, match="torchvision cannot be used"):
        vision.load_datasets()
