"""The README's pictures, made from the running app: ``.venv/bin/python docs/screenshots.py`` (needs Chromium)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
SHOTS = {
    "explore-light.png": ("light", 1440, 900, ""),
    "explore-dark.png": ("dark", 1440, 900, "?scale=log"),
}
STARTS_WITHIN_S = 60


def main() -> None:
    """Start the app, take every picture, stop the app."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    app = subprocess.Popen([*command, f"--server.port={port}", "--server.headless=true"], cwd=HERE.parent)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        take(f"http://127.0.0.1:{port}/")
    finally:
        app.terminate()


def wait_for(address: str) -> None:
    """Return when the app answers.

    Raises:
        TimeoutError: it does not.
    """
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=2)
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise TimeoutError(f"{address} did not answer within {STARTS_WITHIN_S} s")


def take(address: str) -> None:
    """Take every picture of the table above."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (scheme, width, height, query) in SHOTS.items():
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
            page.goto(address + query)
            page.locator("[data-testid=stVegaLiteChart] svg").nth(1).wait_for(timeout=60_000)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=HERE / name)
        browser.close()


if __name__ == "__main__":
    main()
