"""A folder of small published checkpoints, for what is collected from them and measured beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_runs import BACKBONE, train

MODEL = {"depth": 8, "options": "skip,2,8,full", "gate_width": 6}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> Path:
    """A folder with a backbone, a network for every budget and a static mix of it; copied before it is changed."""
    root = tmp_path_factory.mktemp("shipped")
    backbone = train(root / "backbone", cifar10_dir, BACKBONE, epochs=2)
    learn = {"stage": "utilities", "start_from": str(backbone), "iterations": 3, "lr": 0.02}
    for name, policy, method in (("every", "utility", "every-budget"), ("mix", "table", "mixed")):
        model = MODEL | {"policy": policy}
        gates = train(tmp_path_factory.mktemp("gates") / name, cifar10_dir, model, **learn)
        adapt = {"stage": "adapt", "start_from": str(gates), "iterations": 1, "lr": 1e-3}
        train(root / name, cifar10_dir, model, method=method, **adapt)
    return root


@pytest.fixture
def root(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(shipped, tmp_path / "pretrained")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    return tmp_path / "pretrained"
