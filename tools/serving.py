"""The app as users start it, for a browser that tries it: its address, its process and its log."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
START_S, STOP_S = 120, 10


@dataclass(frozen=True, slots=True)
class Served:
    """A running app.

    Attributes:
        address: where it answers, without a slash at the end.
        pid: of its process.
        log: file with all that it prints.
    """

    address: str
    pid: int
    log: Path


@contextmanager
def served(environment: Mapping[str, str] | None = None) -> Iterator[Served]:
    """``streamlit run dashboard/app.py`` on a free port, until the block ends.

    Args:
        environment: variables to set beside those of this process.

    Raises:
        TimeoutError: it does not answer within two minutes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    command += ["--server.headless=true", f"--server.port={port}"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with log.open("w") as output:
            settings = {**os.environ, "DFS_RUNS_DIR": f"{folder}/runs", **(environment or {})}
            process = subprocess.Popen(command, cwd=REPOSITORY, env=settings, stdout=output, stderr=output)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield Served(f"http://127.0.0.1:{port}", process.pid, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"the app did not start: {log.read_text()[-2000:]}")
