"""The app as users run it, and a real browser that notes every error and every request to another host."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CHROMIUM = "/usr/bin/chromium"
# What Chromium asks of the network for itself would hide what a page asks.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
CHARTS = "[data-testid=stVegaLiteChart] svg >> nth=1"
START_S, STOP_S = 120, 10
PATIENCE_MS = 30_000  # a machine that trains beside the tests is slow; nothing here measures time


@pytest.fixture(scope="session")
def app_url(pretrained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of ``streamlit run dashboard/app.py``, started as users start it; its log must hold no traceback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    environment = os.environ | {"DFS_PRETRAINED_DIR": str(pretrained_folder), "DFS_DATA_DIR": str(folder / "none")}
    environment["OMP_NUM_THREADS"] = "1"  # tiny networks run faster on one thread, most of all on a busy machine
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    command += ["--server.headless=true", f"--server.port={port}"]
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=output, stderr=output)
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the app did not start: {log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests are skipped where there is none."""
    found = shutil.which("chromium") or CHROMIUM
    if not Path(found).exists():
        pytest.skip(f"needs Chromium in {CHROMIUM}: apt-get install chromium")
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE_MS)
        running = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Browser, app_url: str) -> Iterator[Callable[..., Page]]:
    """Opens the app in a browser of its own: ``open_page("?budget=30", color_scheme="dark")``.

    ``drawn`` selects what is waited for; charts unless given.
    At the end of the test no page may have logged an error or have asked anything of another host.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(query: str = "", drawn: str = CHARTS, **options: object) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        context.set_default_timeout(4 * PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: _note(message, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: _check(request.url, app_url, complaints))
        page.goto(f"{app_url}/{query}")
        page.locator(drawn).first.wait_for()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints, complaints


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    """Every error, but that Streamlit looks for its server below the path of a page that is not the first one."""
    looked = re.search(r"/[a-z]+/_stcore/(health|host-config)$", message.location["url"])
    if message.type == "error" and not looked:
        complaints.append(message.text)


def _check(address: str, app_url: str, complaints: list[str]) -> None:
    if not address.startswith((app_url, app_url.replace("http", "ws", 1), "data:", "blob:")):
        complaints.append(f"request to another host: {address}")
