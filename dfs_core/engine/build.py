"""The C++ of the engine, built for this processor: for a compiler, AVX-512 VNNI and perhaps AMX.

The sources are built once and kept in the user's cache folder. Where they cannot be built, the engine runs on PyTorch's
own kernels; if building was tried, a warning says why it failed.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import warnings
from functools import cache
from pathlib import Path

from dfs_core.files import cache_folder
from dfs_core.machine import cpu_facts

SOURCES = tuple(Path(__file__).with_name(name) for name in ("native.cpp", "gates.cpp", "walk.cpp"))
HEADERS = tuple(Path(__file__).with_name(name) for name in ("convolve.h", "sixteen.h"))
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp-simd", "-shared", "-fPIC", "-w")
COMPILERS = ("c++", "g++", "clang++")
TIMEOUT = 120  # seconds for the compiler


def library(wait: bool = True) -> ctypes.CDLL | None:
    """The source, built for this processor; None where it cannot be built.

    Args:
        wait: build it if need be, which takes some seconds. Without, it is built in the background, and the answer is
            None until then.
    """
    target = _target()
    if target is None:
        return None
    if not (wait or _exists(target)):
        _build_meanwhile()
        return None
    return _built()


def _exists(path: Path) -> bool:
    """Whether a file is there; False also where nothing may be read."""
    try:
        return path.exists()
    except OSError:
        return False


@cache
def _target() -> Path | None:
    """Where the built library lies; None on machines where it cannot be built."""
    if platform.system() != "Linux" or platform.machine() != "x86_64" or _compiler() is None:
        return None
    flags = cpu_facts().get("flags", "").split()
    if flags and "avx512_vnni" not in flags:  # convolve.h is written for it
        return None
    with_what = map(str.encode, (*FLAGS, str(_compiler()), cpu_facts().get("flags", "")))
    about = (*(source.read_bytes() for source in (*SOURCES, *HEADERS)), *with_what)
    folder = cache_folder()
    return None if folder is None else folder / f"{hashlib.sha256(b'|'.join(about)).hexdigest()[:16]}.so"


@cache
def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


@cache
def _built() -> ctypes.CDLL | None:
    target = _target()
    assert target is not None
    try:
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as work:
                made = Path(work, target.name)
                command = [str(_compiler()), *FLAGS, *map(str, SOURCES), "-o", str(made)]
                subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
                made.chmod(0o700)  # whatever the umask says
                made.replace(target)  # in one step: another process may build it too
        if any(path.stat().st_uid != os.geteuid() or path.stat().st_mode & 0o022 for path in (target.parent, target)):
            _warn(
                f"others may write in {target.parent}; chmod -R go-w {target.parent}"
            )  # they could put anything in its place
            return None
        found = ctypes.CDLL(str(target))
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines() or [str(error)]
        _warn(next((line for line in said if "error" in line), said[-1]))
        return None
    except (OSError, subprocess.SubprocessError) as error:  # no room, no rights, no time, or no AVX-512 VNNI here
        _warn(str(error))
        return None
    found.switch_amx(1)
    return found


def _warn(reason: str) -> None:
    warnings.warn(f"the engine runs on PyTorch's kernels, because its C++ cannot be used: {reason}", stacklevel=2)


@cache
def _build_meanwhile() -> None:
    threading.Thread(target=_built, name="engine-build", daemon=True).start()
