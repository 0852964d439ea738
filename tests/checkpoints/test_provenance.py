"""Provenance: what an artefact says of its making."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import torch

from dfs_core.checkpoints import provenance


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, taken for the one that the package lies in."""
    monkeypatch.setattr(provenance, "REPOSITORY", tmp_path)
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    (tmp_path / "file").write_text("1")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "file"], [*who, "commit", "-q", "-m", "one"], [*who, "tag", "v1"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


def test_commit_is_the_full_revision_and_tells_changed_files(repository: Path) -> None:
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=repository, text=True).strip()
    assert provenance.commit() == head
    (repository / "untracked").write_text("")
    assert provenance.commit() == head
    (repository / "file").write_text("2")
    assert provenance.commit() == f"{head}-dirty"


def test_commit_is_unknown_outside_a_repository_of_its_own(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "env").mkdir()
    monkeypatch.setattr(provenance, "REPOSITORY", repository / "env")
    assert provenance.commit() == "unknown"


def test_commit_is_unknown_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert provenance.commit() == "unknown"


def test_versions_and_machine_are_plain_and_name_no_host() -> None:
    assert provenance.versions()["torch"] == torch.__version__
    machine = provenance.machine()
    assert set(machine) == {"cpu", "threads", "memory_gb", "accelerator"}
    assert machine["cpu"]
    assert socket.gethostname() not in json.dumps(machine)


def test_now_is_in_utc() -> None:
    assert datetime.fromisoformat(provenance.now()).utcoffset() == timedelta(0)
