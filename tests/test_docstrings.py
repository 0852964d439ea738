"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest
from places import REPOSITORY

FOUND = sorted(
    path.relative_to(REPOSITORY)
    for package in ("dashboard", "dfs_core")
    for path in (REPOSITORY / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("path", FOUND, ids=str)
def test_the_examples_of_a_module_are_right(path: Path) -> None:
    failed, tried = doctest.testmod(import_module(".".join(path.with_suffix("").parts)))
    assert tried > 0
    assert not failed
