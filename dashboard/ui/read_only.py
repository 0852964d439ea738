"""Read-only mode: for a room in which one person teaches, and everybody else looks. No laboratory and no uploads."""

from __future__ import annotations

import os

VARIABLE = "DFS_READ_ONLY"


def read_only() -> bool:
    """Whether the app was started with ``DFS_READ_ONLY=1``; ``0`` and nothing mean no."""
    return os.environ.get(VARIABLE, "0") not in ("", "0")
