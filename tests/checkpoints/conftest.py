"""A saved checkpoint for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from saved import CONFIG
from tiny import make_card, make_network

from dfs_core.checkpoints.checkpoint import save_checkpoint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved checkpoint that a test may damage."""
    return save_checkpoint(
        tmp_path / "one", make_network(CONFIG), make_card("one", "dfs", CONFIG), {"log.jsonl": "{}\n"}
    )
