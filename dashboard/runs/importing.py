"""Imports that need torch, which pages do not load."""

from __future__ import annotations

from pathlib import Path

from dfs_core.checkpoints.locate import runs_dir


def import_file(path: Path, options: str = "", dataset: str = "") -> Path:
    """Import a checkpoint from a file into the folder of runs, and return its folder.

    Args:
        path: a checkpoint's folder as zip, or a checkpoint of the public DFS code.
        options: option set of the latter, where its gate does not tell it.
        dataset: that the latter was trained on; by default the first with its number of classes.

    Raises:
        UserError: it is neither, or its name is taken.
    """
    from dfs_core.checkpoints.archive import has_card, unpack
    from dfs_core.checkpoints.reference import import_reference

    root = runs_dir()
    if path.suffix.lower() == ".zip" or has_card(path):
        return unpack(path, root)
    return import_reference(path, root / path.name.split(".")[0], dataset, options)
