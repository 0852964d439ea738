"""Calibrations and surveys in the user's cache folder, one JSON file each. This module needs no torch."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from dfs_core import __version__
from dfs_core.checked import build, parse_json
from dfs_core.errors import UserError
from dfs_core.files import cache_folder, json_text, write_whole
from dfs_core.machine import cpu_name
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration, KernelNames, Machine, NetworkShape
from dfs_core.timing.survey import Survey

PREFIX, SURVEY_PREFIX = "time-", "survey-"  # of the files' names
ENGINE = Path(__file__).resolve().parent.parent / "engine"
T = TypeVar("T", Calibration, Survey)


def this_machine() -> Machine:
    """The machine that this process runs on, with the versions of what runs."""
    return Machine(cpu_name(), os.cpu_count() or 1, platform.system() or "unknown", _torch(), _version())


@cache
def _version() -> str:
    """Version of the package, and of the engine's sources: another engine takes another time."""
    sources = (source.read_bytes() for source in sorted(ENGINE.iterdir()) if source.suffix in (".py", ".cpp", ".h"))
    return f"{__version__}, engine {hashlib.sha256(b'|'.join(sources)).hexdigest()[:8]}"


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
    shape, machine = NetworkShape.of(config), this_machine()
    fitting = [
        found
        for found in _all(Calibration, PREFIX)
        if (found.network, found.machine) == (shape, machine)
        and threads in (None, found.threads)
        and kernels in (None, found.kernels)
    ]
    return max(fitting, key=lambda found: found.date, default=None)


def read_calibration(path: Path) -> Calibration:
    """A calibration from a file.

    Raises:
        UserError: the file cannot be read, or holds no calibration.
    """
    try:
        return build(Calibration, parse_json(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(error.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise UserError("it is not a text file") from None


def find_survey(backbone: str) -> Survey | None:
    """The latest survey of a network on this machine; None if there is none.

    Args:
        backbone: name of the plain network.
    """
    fitting = [
        found for found in _all(Survey, SURVEY_PREFIX) if (found.backbone, found.machine) == (backbone, this_machine())
    ]
    return max(fitting, key=lambda found: found.date, default=None)


def _all(kind: type[T], prefix: str) -> Iterator[T]:
    """The files of a kind that can be read."""
    folder = cache_folder()
    for path in sorted(folder.glob(f"{prefix}*.json")) if folder is not None and folder.is_dir() else []:
        try:
            yield build(kind, parse_json(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, UserError):
            continue


def keep(calibration: Calibration) -> Path | None:
    """Store a calibration in the place of an older one like it; None where there is no folder to write to."""
    about = (calibration.network, calibration.machine, calibration.threads, calibration.kernels)
    return _keep(calibration, PREFIX, about)


def keep_survey(survey: Survey) -> Path | None:
    """Store a survey in the place of an older one like it; None where there is no folder to write to."""
    return _keep(survey, SURVEY_PREFIX, (survey.backbone, survey.machine, survey.threads, survey.kernels))


def _keep(measured: Calibration | Survey, prefix: str, about: tuple[object, ...]) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / f"{prefix}{hashlib.sha256(repr(about).encode()).hexdigest()[:16]}.json"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, json_text(asdict(measured)).encode())
    except OSError:  # no room or no rights: it is measured again next time
        return None
    return path
