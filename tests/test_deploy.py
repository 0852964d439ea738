"""The Dockerfile, without Docker: what it copies is enough to serve the app, and its commands are the Makefile's."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import OPENS_EXPLORE, REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
PATIENCE = 120.0  # seconds; a busy machine may need some of them


def steps(kind: str) -> list[str]:
    """What follows a word at the start of a line, such as COPY."""
    found = re.findall(rf"^{kind} +(.+)$", DOCKERFILE, flags=re.MULTILINE)
    assert found, kind
    return found


def copied() -> list[str]:
    """The files and folders that the image has."""
    return [source for step in steps("COPY") for source in step.split()[:-1]]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text().splitlines()
    for source in copied():
        assert (REPOSITORY / source).exists(), source
        assert f"!{source}" in ignored, source


def test_its_commands_are_those_of_the_makefile_and_come_after_the_files_that_they_need() -> None:
    makefile = (REPOSITORY / "Makefile").read_text().replace("--quiet ", "")
    installs = [step.removeprefix("python -m pip install ") for step in steps("RUN") if "pip install" in step]
    cpu, requirements, package = installs
    assert f"pip install {requirements}" in makefile
    assert f"pip install {package}" in makefile
    assert "$(RUN) -m dashboard" in makefile
    assert json.loads(steps("ENTRYPOINT")[0])[:3] == ["python", "-m", "dashboard"]
    index, pins = re.fullmatch(r"--index-url (\S+) \$\((.+)\)", cpu).groups()
    assert index in (REPOSITORY / ".github" / "workflows" / "checks.yml").read_text()
    chosen = subprocess.run(pins.split(), cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"torch==[\d.]+\ntorchvision==[\d.]+\n", chosen)
    assert DOCKERFILE.index("COPY requirements.txt") < DOCKERFILE.index("RUN python")
    assert DOCKERFILE.index("COPY dashboard") < DOCKERFILE.index(package)


def test_it_serves_as_a_user_without_rights_at_the_address_that_is_asked() -> None:
    assert steps("USER") == ["dfs"]
    assert any("useradd" in step and step.endswith(" dfs") for step in steps("RUN"))
    assert DOCKERFILE.index("USER dfs") < DOCKERFILE.index("ENTRYPOINT")
    (port,) = steps("EXPOSE")
    assert f"--server.port={port}" in json.loads(steps("ENTRYPOINT")[0])
    assert f":{port}/_stcore/health" in steps("HEALTHCHECK")[0]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with what the image has in /app; no links, as these would lead to the repository."""
    for source in copied():
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / source, tmp_path / source)
    return tmp_path


@pytest.mark.slow
def test_what_it_copies_is_enough_for_a_page(image: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("DFS_", "PYTHON"))}
    command = [sys.executable, "-c", OPENS_EXPLORE]
    done = subprocess.run(command, cwd=image, env=variables, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    where, _, said = done.stdout.partition("\n")
    assert where.split() == [str(image / "dashboard"), str(image / "dfs_core")]
    assert "No checkpoints yet" not in said
    assert "Where deciding for each image pays" in said, "which needs results/ too"


@pytest.fixture
def port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


@pytest.mark.slow
def test_what_it_runs_answers_to_its_own_health_check(image: Path, port: str) -> None:
    (published,) = steps("EXPOSE")
    _, *start = json.loads(steps("ENTRYPOINT")[0].replace(published, port))
    start[start.index("--server.address=0.0.0.0")] = "--server.address=127.0.0.1"
    start += ["--server.allowedHosts=dfs.example.org"]  # as behind a proxy: the check asks by another name
    _, *check = json.loads(steps("HEALTHCHECK")[0].partition("CMD ")[2].replace(published, port))
    settings = os.environ | {"DFS_DATA_DIR": str(image / "data")}
    settings.pop("PYTHONPATH", None)
    server = subprocess.Popen([sys.executable, *start], cwd=image, env=settings, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + PATIENCE
        while failed := subprocess.run([sys.executable, *check], capture_output=True).returncode:
            assert server.poll() is None, server.stderr.read()
            assert time.monotonic() < until, f"the check ended with {failed}"
        assert server.poll() is None
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE)
    again = subprocess.run([sys.executable, *check], capture_output=True).returncode
    assert again != 0, "it tells when the app is gone"
