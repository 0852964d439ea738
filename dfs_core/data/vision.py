"""torchvision's data sets. No other file imports torchvision, and this one does so only when a data set is opened."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from dfs_core.data.folders import SPLITS
from dfs_core.errors import UserError

_IMPORT = threading.Lock()


def load_datasets() -> ModuleType:
    """The module ``torchvision.datasets``, even if torchvision's compiled operators cannot be loaded.

    torchvision's wheel on PyPI is linked against CUDA, so its operators do not load next to a CPU build of PyTorch.
    ``import torchvision`` then fails with "operator torchvision::nms does not exist", although data sets need no
    operator. We declare the two missing operators to PyTorch and import again. If the plain import works, nothing
    else happens.

    Raises:
        UserError: torchvision is missing or does not fit the installed PyTorch.
    """
    with _IMPORT:  # a half-imported torchvision of one thread must not be removed under another
        try:
            try:
                return importlib.import_module("torchvision.datasets")
            except RuntimeError as error:
                if "operator torchvision::" not in str(error):
                    raise
                for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
                    del sys.modules[name]  # modules imported before the failure would keep the old, broken parent
                _name_operators()
                return importlib.import_module("torchvision.datasets")
        except (ImportError, RuntimeError) as error:
            raise UserError(
                f"torchvision cannot be used ({error}): install the torchvision that fits torch {torch.__version__}, "
                "or unpack the data set into image folders"
            ) from error


@cache
def _name_operators() -> torch.library.Library:
    """Declare torchvision's two missing operators without code. They exist as long as the returned library does."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def open_split(dataset: str, root: Path, split: str, download: bool = False) -> Any:
    """A split of a public data set as torchvision's object, with verified checksums.

    Args:
        dataset: ``cifar10``, ``cifar100`` or ``svhn``.
        root: the data folder.
        split: ``train`` or ``test``.
        download: fetch missing files first.

    Raises:
        UserError: torchvision is not installed.
        RuntimeError: torchvision finds files missing or damaged.
        OSError: files cannot be read, written or fetched.
    """
    which: dict[str, Any] = {"split": split} if dataset == "svhn" else {"train": split == "train"}
    return _data_class(dataset)(root, download=download, **which)


def complete_splits(dataset: str, root: Path) -> set[str]:
    """The splits whose files have the right checksums. For CIFAR these are both or none, as in torchvision."""
    has_md5 = load_datasets().utils.check_integrity
    kind = _data_class(dataset)
    if dataset == "svhn":
        return {split for split in SPLITS if has_md5(root / kind.split_list[split][1], kind.split_list[split][2])}
    files = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    return set(SPLITS) if all(has_md5(root / kind.base_folder / name, md5) for name, md5 in files) else set()


def _data_class(dataset: str) -> Any:
    return getattr(load_datasets(), dataset.upper())
