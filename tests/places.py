"""Where things are on the machine that runs the tests."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
APP = REPOSITORY / "dashboard" / "app.py"
PRETRAINED = REPOSITORY / "pretrained"
