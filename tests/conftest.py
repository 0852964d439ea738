"""Fixtures that all tests share: made-up data and checkpoints, and the real data where it is on the machine."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import settings
from places import REPOSITORY, made_once
from tiny import write_cifar10_folders, write_pretrained

from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint

os.environ["DFS_RUNS_DIR"] = str(REPOSITORY / "no-runs")  # whoever runs the tests may have runs of their own
# Nor do tests read or change what the app keeps for its user. What they build there serves the next tests too.
os.environ["XDG_CACHE_HOME"] = str(Path(tempfile.gettempdir()) / f"dfs-explorer-tests-{getpass.getuser()}")


FIRST = (  # the files that take longest
    "training/test_cluster.py",
    "browser/test_access.py",
    "training/test_kill_and_resume.py",
    "browser/test_strangers.py",
    "browser/test_explore.py",
    "test_wheel.py",
    "browser/test_cascade.py",
    "browser/test_links.py",
    "training/test_processes.py",
    "browser/test_present.py",
    "browser/test_laboratory.py",
    "dashboard/laboratory/test_page.py",
    "browser/test_odd_uploads.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest begin first, then those of many tests: no worker waits for another's last file."""
    names = {item: item.path.relative_to(Path(__file__).parent).as_posix() for item in items}
    counts, place = Counter(names.values()), {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: (place.get(names[item], len(place)), -counts[names[item]]))


settings.register_profile("any machine", deadline=None)  # how long an example takes says nothing on a busy machine
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tiny networks run faster on one thread, and the order of their sums is then always the same."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cifar10_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with ``cifar10/{train,test}/<class>/*.png``: 10 and 4 made-up images a class."""
    return write_cifar10_folders(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def pretrained_folder(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> Path:
    """A folder of tiny checkpoints (see ``tiny.write_pretrained``), measured on the images of ``cifar10_dir``."""
    return made_once(tmp_path_factory, "tiny/pretrained", lambda folder: write_pretrained(folder, cifar10_dir))


@pytest.fixture
def tiny_pretrained(pretrained_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``pretrained_folder``, in force: names of checkpoints are looked up there."""
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(pretrained_folder))
    return pretrained_folder


@pytest.fixture(scope="session")
def tiny_checkpoint(pretrained_folder: Path) -> Checkpoint:
    """One of the tiny checkpoints, loaded: DFS at 20 %. Shared by all tests, so not to be changed."""
    return load_checkpoint(pretrained_folder / "tiny-dfs-20")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with real data and the recorded reference run; the test is skipped where it is absent."""
    folder = Path(os.environ.get("DFS_SHARED_DIR") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip(f"needs real data in {folder}, or where DFS_SHARED_DIR says")
    return folder


@pytest.fixture
def with_data(tiny_pretrained: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small checkpoints, in force beside the made-up data set."""
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    return tiny_pretrained


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without data sets: the folder in which they are looked for does not exist."""
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"
