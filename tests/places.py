"""Where things are on the machine that runs the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parent.parent
APP = REPOSITORY / "dashboard" / "app.py"
PRETRAINED = REPOSITORY / "pretrained"
# A program that opens Explore, and prints where both packages are and what the page says.
OPENS_EXPLORE = """
from pathlib import Path
import dashboard, dfs_core
from streamlit.testing.v1 import AppTest

here = Path(dashboard.__file__).parent
print(here, Path(dfs_core.__file__).parent)
app = AppTest.from_file(str(here / "app.py"), default_timeout=120).run()
assert not app.exception, app.exception
print(" ".join(element.value for element in (*app.header, *app.subheader, *app.markdown)))
"""


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The new folder that ``make`` fills. The first worker makes it for all of them, so none may change it."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "made-once" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder.with_name(f"{folder.name}.done")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            make(folder)
            done.touch()
    return folder
