"""The pictures of the documentation, made from the running app: ``make screenshots`` (needs Chromium)."""

from __future__ import annotations

import shutil
from typing import Literal

from playwright.sync_api import Locator, Page, sync_playwright

from tools.serving import REPOSITORY, served

PICTURES = REPOSITORY / "docs"
EVERY_BUDGET = "checkpoint=lowbit-resnet38-cifar10"
TIMES = "survey_panel"  # shown as far as this machine was timed: ``python -m dfs_core bench --engine``
# Name: theme, width, height, page with its link, and the panel that is opened and shown alone, if any.
SHOTS: dict[str, tuple[Literal["light", "dark"], int, int, str, str]] = {
    "explore-light": ("light", 1440, 900, "/", ""),
    "explore-dark": ("dark", 1440, 900, "/", ""),
    "image": ("light", 1440, 1500, f"/image?{EVERY_BUDGET}", ""),
    "compare": ("light", 1440, 1100, "/compare", ""),
    "testset": ("light", 1440, 830, "/testset", ""),
    "learn": ("light", 1440, 1100, "/learn?step=2", ""),
    "time": ("light", 1200, 900, "/?checkpoint=cascade-resnet38-cifar10", TIMES),
}
PATIENCE_MS = 120_000


def main() -> None:
    """Start the app, take every picture, stop the app."""
    # Without a data set the pictures show our own drawings. Those of CIFAR are nobody's to publish here.
    with served({"DFS_DATA_DIR": str(PICTURES / "no data")}) as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (scheme, width, height, link, panel) in SHOTS.items():
            page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(app.address + link)
            rest(page)
            shown: Page | Locator = page
            if panel:
                shown = page.locator(f".st-key-{panel}")
                shown.locator("summary").click()
                shown.locator("[data-testid=stVegaLiteChart] svg").wait_for()
                rest(page)
            shown.screenshot(path=PICTURES / f"{name}.png")
            page.close()
        browser.close()


def rest(page: Page) -> None:
    """Wait until the app's run has ended and its charts are drawn."""
    page.locator("[data-testid=stVegaLiteChart] svg").first.wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")
    page.wait_for_load_state("networkidle")
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 500))")


if __name__ == "__main__":
    main()
