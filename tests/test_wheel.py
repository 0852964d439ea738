"""The package as others install it: a wheel, in an environment of its own, without the checkout."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest
from places import OPENS_EXPLORE, REPOSITORY

PACKAGES = ("dfs_core", "dashboard")
START_S = 120


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as building leaves folders in the source."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(out), str(source)], check=True, timeout=300)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment with the wheel in it, which finds what the wheel depends on in the tests' own."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    paths = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    # A path from such a file is searched, but the .pth files in it, such as that of the checkout, are not read.
    (own / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    scripts = Path(sysconfig.get_path("scripts", "venv", vars=paths))
    command = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--quiet", "--no-index"]
    subprocess.run([*command, "--no-deps", "--no-compile", "--ignore-installed", str(wheel)], check=True, timeout=300)
    return scripts


def settings(pretrained: Path | None, elsewhere: Path) -> dict[str, str]:
    """Variables of a shell that knows nothing of the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DFS_", "PYTHON", "VIRTUAL_ENV"))}
    named = {} if pretrained is None else {"DFS_PRETRAINED_DIR": str(pretrained)}
    return kept | named | {"DFS_DATA_DIR": str(elsewhere / "none"), "HOME": str(elsewhere), "OMP_NUM_THREADS": "1"}


def explore(environment: Path, pretrained: Path | None, elsewhere: Path) -> tuple[str, str]:
    """Where the packages are that Explore was opened from, and what the page says."""
    command = [str(environment / "python"), "-c", OPENS_EXPLORE]
    variables = settings(pretrained, elsewhere)
    done = subprocess.run(command, cwd=elsewhere, env=variables, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    where, _, said = done.stdout.partition("\n")
    return where, said


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*") if path.is_file()]
    wanted = {path.relative_to(REPOSITORY).as_posix() for path in files if "__pycache__" not in path.parts}
    assert {"dashboard/assets/style.css", "dashboard/assets/logo.svg", "dashboard/.streamlit/config.toml"} < wanted
    assert wanted - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == set(PACKAGES)


@pytest.mark.slow
def test_explore_opens_from_the_wheel(environment: Path, pretrained_folder: Path, tmp_path: Path) -> None:
    where, said = explore(environment, pretrained_folder, tmp_path)
    assert where.count(str(environment.parent)) == 2, "both packages come from the environment"
    assert "No checkpoints yet" not in said


@pytest.mark.slow
def test_without_checkpoints_the_app_says_where_they_are(environment: Path, tmp_path: Path) -> None:
    _, said = explore(environment, None, tmp_path)
    assert "No checkpoints yet" in said
    assert "`pretrained/` of the project's repository" in said
    assert "DFS_PRETRAINED_DIR" in said


@pytest.mark.slow
def test_the_scripts_run_and_the_apps_settings_hold(environment: Path, pretrained_folder: Path, tmp_path: Path) -> None:
    variables = settings(pretrained_folder, tmp_path)
    listed = subprocess.run(
        [str(environment / "dfs"), "list"], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60
    )
    assert "tiny-dfs-20" in listed.stdout, listed.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(environment / "dfs-explorer"), "--server.headless=true", f"--server.port={port}"]
    log = tmp_path / "log.txt"
    with log.open("w") as output:
        app = subprocess.Popen(command, cwd=tmp_path, env=variables, stdout=output, stderr=output)
    try:
        assert healthy(port), log.read_text()
    finally:
        app.terminate()
        app.wait(30)
    assert f"http://127.0.0.1:{port}" in log.read_text(), "as .streamlit/config.toml says, and not every address"


def healthy(port: int) -> bool:
    """Whether the app answers in time."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return False
