"""Where things are on a page in a browser, and when it is at rest."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def in_use(page: Page) -> Locator:
    """The heading that says which operating point is in use."""
    return page.locator(".dfs-ledger h2")


def control(page: Page, name: str) -> Locator:
    """The control of that name; while the page takes its place, the one before it is hidden but still there."""
    return page.locator(f"[class*='st-key-{name}_']").filter(visible=True)


def slider(page: Page) -> Locator:
    """The slider of the budget, as the keyboard finds it."""
    return control(page, "budget").locator("input[type=range]")


def focus(page: Page) -> Locator:
    """The field that names the image in focus."""
    return control(page, "focus").locator("input")


def point(page: Page, checkpoint: str) -> Locator:
    """The clickable disc over a checkpoint's point."""
    return page.locator(f".st-key-curve path[aria-roledescription=circle][aria-label*='checkpoint: {checkpoint};']")


def rows(page: Page) -> Locator:
    """The clickable area over each image's pictures in the strip."""
    return page.locator(".st-key-strip path[aria-label][d^='M-']")


def chart(alt: str) -> str:
    """Selector of a drawn chart by the beginning of its alternative text; only one that can be clicked has its key."""
    return f"[data-testid=stVegaLiteChart][aria-label^='{alt}'] svg.marks"


# What opens a page, and what is there once it has been drawn to its foot.
PAGES = {
    "": ".st-key-curve svg.marks",
    "image?block=4&force=4:full": chart("Decisions for the image as given"),
    "compare": chart("Decisions of A and B"),
    "compare?what=images": chart("Decisions of A and B"),
    "testset": chart("Mean cp by confidence"),
    "laboratory": chart("Accuracy of each step"),
    "runs": ".st-key-import_start",
    "learn": ".st-key-onward",
    "learn?step=2": ".st-key-onward",
    "learn?step=quiz": ".st-key-quiz_bar",
    "learn?step=glossary": ".dfs-glossary",
    "present": ".st-key-talk_make",
}


def settle(page: Page) -> None:
    """Wait until the app has finished its run and the charts have drawn what came of it."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 300))")
