"""The app as users run it, and a real browser that notes every error and every request to another host."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tools.serving import served

CHROMIUM = "/usr/bin/chromium"
# What Playwright turns off, which the switch replaces, and the pages that Chromium loads for each window's address bar.
NOT_NEEDED = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,OptimizationHints,NetworkTimeServiceQuerying,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup"
)
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
    f"--disable-features={NOT_NEEDED}",
]
CHARTS = "[data-testid=stVegaLiteChart] svg >> nth=1"
PATIENCE_MS = 30_000  # a machine that trains beside the tests is slow; nothing here measures time


@pytest.fixture(scope="session")
def app_url(pretrained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app with small checkpoints and no data set; its log must hold no traceback."""
    nowhere = tmp_path_factory.mktemp("server") / "none"
    # Tiny networks run faster on one thread, most of all on a busy machine.
    settings = {"DFS_PRETRAINED_DIR": str(pretrained_folder), "DFS_DATA_DIR": str(nowhere), "OMP_NUM_THREADS": "1"}
    with served(settings) as app:
        yield app.address
        assert "Traceback" not in app.log.read_text(), app.log.read_text()[-3000:]


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
    """Every error, but two of Streamlit's own.

    It looks for its server below the path of a page that is not the first one; and a picture of a run that the next run
    has overtaken is gone before a slow browser asks for it.
    """
    looked = re.search(r"/[a-z]+/_stcore/(health|host-config)$|/media/\w+\.\w+$", message.location["url"])
    overtaken = re.search(r"Image source error - \S+/media/", message.text)
    if message.type == "error" and not looked and not overtaken:
        complaints.append(message.text)


def _check(address: str, app_url: str, complaints: list[str]) -> None:
    if not address.startswith((app_url, app_url.replace("http", "ws", 1), "data:", "blob:")):
        complaints.append(f"request to another host: {address}")
