"""The command line as tests call it: in this process, or as users start it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from places import REPOSITORY

from dfs_core.cli import main


def run_json(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """The JSON that a command prints; it must succeed and say nothing else."""
    assert main([*map(str, words), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


def run_wrong(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line that a command with a mistake prints on stderr; it must end with 2 and print nothing else."""
    assert main([*map(str, words)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def run_process(*words: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    """A process of its own, ended."""
    command = [sys.executable, "-m", "dfs_core", *map(str, words)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, **settings)
