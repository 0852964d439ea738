"""torchvision's data sets: the only place that imports torchvision, and only when its files are read or fetched."""

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
    """The module ``torchvision.datasets``, also where torchvision's compiled operators cannot be loaded.

    torchvision's wheel on PyPI is linked against CUDA. Beside a CPU build of PyTorch its operators cannot be loaded,
    and ``import torchvision`` then fails on describing two of them ("operator torchvision::nms does not exist"),
    although reading a data set needs none. Naming these two to PyTorch first is all that the import wants. Where
    torchvision imports as it is, nothing is done.

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
                    del sys.modules[name]  # what was imported before the failure knows nothing of its new parent
                _name_operators()
                return importlib.import_module("torchvision.datasets")
        except (ImportError, RuntimeError) as error:
            raise UserError(
                f"torchvision cannot be used ({error}): install the torchvision that fits torch {torch.__version__}, "
                "or unpack the data set into image folders"
            ) from error


@cache
def _name_operators() -> torch.library.Library:
    """Declare, without code, the operators that torchvision describes; they live as long as this result is kept."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def open_split(dataset: str, root: Path, split: str, download: bool = False) -> Any:
    """A split of a public data set, as torchvision's object, its checksums verified.

    Args:
        dataset: ``cifar10``, ``cifar100`` or ``svhn``.
        root: the data folder.
        split: ``train`` or ``test``.
        download: fetch what is missing first.

    Raises:
        UserError: torchvision or SciPy is not installed.
        RuntimeError: torchvision finds files missing or damaged.
        OSError: files cannot be read, written or fetched.
    """
    if dataset == "svhn" and importlib.util.find_spec("scipy") is None:
        raise UserError("SVHN comes in MATLAB files, which torchvision reads with SciPy: run 'pip install scipy'")
    which: dict[str, Any] = {"split": split} if dataset == "svhn" else {"train": split == "train"}
    return _data_class(dataset)(root, download=download, **which)


def complete_splits(dataset: str, root: Path) -> set[str]:
    """Which of ``train`` and ``test`` are there with the right checksums; of CIFAR, as in torchvision, both or none."""
    has_md5 = load_datasets().utils.check_integrity
    kind = _data_class(dataset)
    if dataset == "svhn":
        return {split for split in SPLITS if has_md5(root / kind.split_list[split][1], kind.split_list[split][2])}
    files = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    return set(SPLITS) if all(has_md5(root / kind.base_folder / name, md5) for name, md5 in files) else set()


def _data_class(dataset: str) -> Any:
    return getattr(load_datasets(), dataset.upper())
