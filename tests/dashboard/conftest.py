"""A small trained cascade beside the other tiny checkpoints, for the tests of every page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from tiny_runs import train

CASCADE = "tiny-cascade"
MODEL = {"depth": 14, "options": "2,4,8", "policy": "cascade", "passes": ["2", "4", "8"], "ungated": 8}


@pytest.fixture(scope="session", autouse=True)
def _look_for_components_once() -> Iterator[None]:
    """Streamlit looks through all installed packages whenever a test opens a page. Here that finds nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="session", autouse=True)
def _connected_from_this_machine() -> Iterator[None]:
    """The test's session has no connection whose address could be asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(st.context), "ip_address", None)
        yield


@pytest.fixture(scope="session")
def with_cascade(tmp_path_factory: pytest.TempPathFactory, pretrained_folder: Path, cifar10_dir: Path) -> Path:
    """The folder of tiny checkpoints with a cascade of 2, 4 and 8 bits."""
    folder = tmp_path_factory.mktemp("cascade") / "pretrained"
    shutil.copytree(pretrained_folder, folder)
    start = str(folder / "tiny-backbone")
    train(
        folder / CASCADE, cifar10_dir, MODEL, stage="passes", method="cascade", start_from=start, iterations=2, lr=0.01
    )
    return folder


@pytest.fixture
def cascade_in_use(with_cascade: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``with_cascade`` and its data, in force."""
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(with_cascade))
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    return with_cascade
