"""Write JSON, and write files atomically."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dfs_core.errors import UserError

TRIES = 20  # to put a file in the place of one that is being read


def json_text(data: Any) -> str:
    """Plain data as indented ASCII JSON with a final line break.

    Raises:
        ValueError: a number is not finite, which JSON cannot express.
    """
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


def at_home(path: str | Path) -> Path:
    """A path with the home folder in the place of ``~`` or ``~user``.

    Raises:
        UserError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"{path}: there is no home folder of that user") from None


def is_folder(path: Path) -> bool:
    """Whether a path is a folder that can be looked at. One that may not be, or that is too long, is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def cache_folder() -> Path | None:
    """The user's folder for what this machine can make again; None if there is no home folder. It may not exist yet."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dfs-explorer"
    except RuntimeError:  # no home
        return None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file atomically: it is complete or absent, even if the machine stops or two write it at once.

    Raises:
        OSError: the file cannot be written. The error names the file, and no partial file is left.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _move(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise type(error)(error.errno, error.strerror, str(path)) from error  # errors of write and fsync name no file


def _move(partial: Path, path: Path) -> None:
    """Put a file in another's place. Windows refuses that for as long as somebody reads the other one."""
    for _ in range(TRIES if sys.platform == "win32" else 0):
        try:
            partial.replace(path)
        except PermissionError:
            time.sleep(0.1)
        else:
            return
    partial.replace(path)


def append_line(path: Path, line: str) -> None:
    """Append one line to a text file.

    Raises:
        OSError: the file cannot be written. The error names the file.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
