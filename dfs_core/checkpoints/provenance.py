"""The provenance of a checkpoint: code, packages and machine, without names of hosts or users."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dfs_core.machine import cpu_name

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("dfs-explorer", "torch", "numpy", "safetensors", "pillow")


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a checkout without being installed
            continue
    return found


def machine() -> dict[str, Any]:
    """``cpu``, ``threads``, ``memory_gb`` (None if unknown) and ``accelerator`` of this machine."""
    import torch  # takes seconds to load, and only this function needs it

    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {"cpu": cpu_name(), "threads": os.cpu_count(), "memory_gb": _memory_gb(), "accelerator": accelerator}


def commit() -> str:
    """Revision of this package's repository, with ``-dirty`` if tracked files are changed.

    ``unknown`` if the package is not in its own repository, or git is missing.
    """
    # An installed copy may be inside another project's repository, whose revision would be wrong.
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    # --exclude ignores tags, so that git describes the commit by its full revision.
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return None
