"""A checkpoint that tests may damage, and the one line with which a damaged one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.model.config import ModelConfig

CONFIG = ModelConfig(depth=8, budget=20.0)


def error_of(name_or_path: str | Path) -> str:
    """Its message."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(name_or_path)
    assert "\n" not in str(caught.value)
    return str(caught.value)
