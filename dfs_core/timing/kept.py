"""Calibrations in the user's cache folder, one JSON file each. Which machine this is, is found without torch."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path

from dfs_core import __version__
from dfs_core.checked import build, parse_json
from dfs_core.errors import UserError
from dfs_core.files import cache_folder, json_text, write_whole
from dfs_core.machine import cpu_name
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, KernelNames, Machine, NetworkShape

PREFIX = "time-"


def this_machine() -> Machine:
    """The machine that this process runs on, with the versions of what runs."""
    return Machine(cpu_name(), os.cpu_count() or 1, platform.system() or "unknown", _torch(), __version__)


@cache
def _torch() -> str:
    return metadata.version("torch")


def find(config: ModelConfig, threads: int | None = None, kernels: KernelNames | None = None) -> Calibration | None:
    """The latest calibration of networks of this shape on this machine; None if there is none.

    A file that cannot be read counts as absent: to measure again replaces it.

    Args:
        config: of the network.
        threads: number of threads; None for any.
        kernels: of the engine; None for any.
    """
    folder = cache_folder()
    shape, machine = NetworkShape.of(config), this_machine()
    files = sorted(folder.glob(f"{PREFIX}*.json")) if folder is not None and folder.is_dir() else []
    fitting = [
        found
        for found in map(_read, files)
        if found is not None
        and (found.network, found.machine) == (shape, machine)
        and threads in (None, found.threads)
        and kernels in (None, found.kernels)
    ]
    return max(fitting, key=lambda found: found.date, default=None)


def _read(path: Path) -> Calibration | None:
    try:
        return build(Calibration, parse_json(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, UserError):
        return None


def keep(calibration: Calibration) -> Path | None:
    """Store a calibration in the place of an older one like it; None where there is no folder to write to."""
    folder = cache_folder()
    if folder is None:
        return None
    about = (calibration.network, calibration.machine, calibration.threads, calibration.kernels)
    path = folder / f"{PREFIX}{hashlib.sha256(repr(about).encode()).hexdigest()[:16]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json_text(asdict(calibration)).encode())
    except OSError:  # no room or no rights: it is measured again next time
        return None
    return path
