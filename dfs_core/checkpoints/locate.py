"""Find a checkpoint's folder from a name or a path."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.files import at_home

CARD_FILE = "card.json"
LOCK_FILE = ".lock"  # in the folder of a run while a process trains there
WEIGHTS_FILE = "weights.safetensors"
PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".tar")
# The first bytes of a pickle of protocol 2 to 5, and of the zip archive that torch.save writes around one.
PICKLE_MAGIC = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
MAGIC_LENGTH = 4
_SUGGESTED = 3  # names that look like the one that is missing
_NAMED = 10  # checkpoints: if there are more, an error does not name them all
_SHIPPED = Path(__file__).resolve().parents[2] / "pretrained"


def pretrained_dir() -> Path:
    """The folder in which checkpoints are found by name: ``DFS_PRETRAINED_DIR``, else ``pretrained/``.

    This is the ``pretrained/`` of the checkout. An installed package has no checkout and uses the working directory.
    """
    named = os.environ.get("DFS_PRETRAINED_DIR")
    if named:
        return at_home(named)
    return _SHIPPED if _SHIPPED.is_dir() else Path("pretrained")


def runs_dir() -> Path:
    """The folder of one's own runs: ``DFS_RUNS_DIR``, else ``runs/`` in the working directory. It may not exist yet."""
    named = os.environ.get("DFS_RUNS_DIR")
    return at_home(named) if named else Path("runs")


def find(name_or_path: str | Path) -> Path:
    """The folder of a checkpoint.

    Args:
        name_or_path: a name in ``pretrained_dir()``, a folder, or the path of its card or weights file.

    Raises:
        CheckpointError: nothing has that name, or it is not a checkpoint.
    """
    try:
        return _find(str(name_or_path))
    except OSError as error:  # a folder that may not be looked into, a name that is too long for any file
        raise CheckpointError(f"{name_or_path} cannot be read: {reason(error)}") from None


def _find(text: str) -> Path:
    given = Path(text)
    if text not in ("", "..") and given.name == text and (pretrained_dir() / text).is_dir():
        return require_card(pretrained_dir() / text)
    if text and given.is_dir():
        return require_card(given)
    if given.is_file():
        if given.name in (CARD_FILE, WEIGHTS_FILE):
            return require_card(given.parent)
        with given.open("rb") as file:
            refuse_pickle(given, file.read(MAGIC_LENGTH))
        raise CheckpointError(f"{given} is not a checkpoint: give a folder with {CARD_FILE} and {WEIGHTS_FILE}")
    raise CheckpointError(f"there is no checkpoint '{text}': {_suggestion(text)}")


def refuse_pickle(path: Path, start: bytes) -> None:
    """Check by name and first bytes that a file is not a pickle, without unpickling it.

    Raises:
        CheckpointError: it is a pickle. The message says how to convert a checkpoint of the public DFS code.
    """
    if path.suffix.lower() in PICKLE_SUFFIXES or start.startswith(PICKLE_MAGIC):
        raise CheckpointError(
            f"{path} is a pickle, which could run code when opened, so it was not opened: "
            f"convert it with 'python -m dfs_core import-reference {path}' and use the new folder"
        )


def require_card(folder: Path) -> Path:
    """Return ``folder`` if it has a card.

    Raises:
        CheckpointError: it has no card, or cannot be opened. If it has a pickle, the message says how to convert that.
    """
    try:
        found = (folder / CARD_FILE).is_file()
        others = [] if found else sorted(folder.iterdir())
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read: {reason(error)}") from None
    if not found:
        for path in others:
            if path.suffix.lower() in PICKLE_SUFFIXES:
                refuse_pickle(path, b"")
        raise CheckpointError(f"{folder} has no {CARD_FILE}: it is not the folder of a checkpoint")
    return folder


def _suggestion(text: str) -> str:
    root = pretrained_dir()
    if text and Path(text).name == text and (runs_dir() / text / CARD_FILE).is_file():
        return f"your own run of that name is {runs_dir() / text}"
    names = sorted(path.parent.name for path in root.glob(f"*/{CARD_FILE}")) if root.is_dir() else []
    if not names:
        return f"{root} has none; give the path of a checkpoint's folder"
    parts = [name for name in names if len(text) > 2 and text in name]
    close = parts or difflib.get_close_matches(text, names, n=_SUGGESTED, cutoff=0.5)
    if close:
        more = ", or another one with that in its name" if len(close) > _SUGGESTED else ""
        return f"did you mean {' or '.join(close[:_SUGGESTED])}{more}?"
    if len(names) > _NAMED:
        return "'python -m dfs_core list' names those that there are; the path of a folder will do, too"
    return f"use one of {', '.join(names)}, or the path of a folder"


def reason(error: OSError | UnicodeDecodeError) -> str:
    """A short reason why a file cannot be read."""
    return (error.strerror or "unreadable") if isinstance(error, OSError) else "it is not a text file"
