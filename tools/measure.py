"""How fast the app is in a browser: ``make measure``. Not a test: it prints medians, and says what it measured.

Everything runs against the real checkpoints, in one Chromium on the machine that serves. A slow or busy machine gives
slow numbers: compare two states of the code by their ratio, in one go.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.locate import find
from tools.serving import served

PATHS = ("/", "/image", "/compare", "/testset", "/learn?step=4")  # pages whose slider moves something that is drawn
PATIENCE_MS = 120_000
EVERY_BUDGET = "lowbit-resnet38-cifar10"  # the checkpoint whose films have the most frames

# Run in the page before a move: resolves to the milliseconds from the key or click to the first frame after the last
# change that the app made to its charts or texts, when its run has ended.
WATCH = """patience => {
  window.moved = new Promise((done, failed) => {
    setTimeout(() => failed(new Error("nothing on the page moved")), patience);
    let start = 0, last = 0;
    const app = document.querySelector('[data-testid=stApp]');
    const begin = () => { start ||= performance.now(); };
    addEventListener('keydown', begin, {once: true, capture: true});
    addEventListener('pointerup', begin, {once: true, capture: true});
    const watch = new MutationObserver(changes => {
      if (start && changes.some(change => change.target.closest?.('svg, .dfs-ledger, [data-testid=stHtml]')
          ?? change.target.parentElement?.closest('svg, .dfs-ledger'))) {
        requestAnimationFrame(() => { last = performance.now(); });
      }
    });
    watch.observe(app, {subtree: true, childList: true, attributes: true, characterData: true});
    const check = setInterval(() => {
      if (last && app.dataset.testScriptState === 'notRunning' && performance.now() - last > 200) {
        clearInterval(check);
        watch.disconnect();
        done(last - start);
      }
    }, 20);
  });
}"""

# The same for an upload: milliseconds from the browser having the files (to hand them over takes Playwright a quarter
# of a second) to the first frame in which the strip has a row for each of them.
WATCH_UPLOAD = """([seed, wanted]) => {
  window.drawn = new Promise(done => {
    addEventListener('change', () => {
      const start = performance.now();
      const rows = `.st-key-strip path[d^='M-'][aria-label^='${seed}-']`;
      const look = () => document.querySelectorAll(rows).length < wanted
        ? requestAnimationFrame(look) : done(performance.now() - start);
      look();
    }, {once: true, capture: true});
  });
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=20)
    parser.add_argument("--tabs", type=int, default=10)
    parser.add_argument("--uploads", type=int, default=200)
    told = "checkpoint that serves every budget (default: the one with which a page opens)"
    parser.add_argument("--checkpoint", metavar="NAME", help=told)
    wished = parser.parse_args()
    chosen = f"?checkpoint={wished.checkpoint}" if wished.checkpoint else ""
    with served() as app, sync_playwright() as playwright:
        address = app.address
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = opened(browser, address, f"/{chosen}")
        move(page, 2)  # so that the images have been seen
        say("slider to new page, images seen before", move(page, wished.moves))
        name = wished.checkpoint or EVERY_BUDGET
        image = opened(browser, address, f"/image?checkpoint={name}")
        say("another image to its gate film", film(image))
        say(
            "a forced gate to its answer", force(image, wished.moves, read_card(find(name)).config.option_set.names[-1])
        )
        say(
            "16 uploads to their rows",
            [upload(opened(browser, address, f"/{chosen}"), 16, seed) for seed in range(5)],
        )
        before = memory(app.pid)
        for turn in range(wished.uploads // 10):
            visitor = opened(browser, address, f"/{chosen}")
            upload(visitor, 10, 100 + turn)
            visitor.context.close()
        print(f"server memory: {before:.0f} MB, after {wished.uploads} uploads {memory(app.pid):.0f} MB")
        tabs = [opened(browser, address, PATHS[index % len(PATHS)]) for index in range(wished.tabs)]
        turns = [time_ for _ in range(max(1, wished.moves // 5)) for tab in tabs for time_ in move(tab, 1)]
        say(f"{wished.tabs} tabs on different pages, each slider in turn", turns)
        browser.close()
        print(f"exceptions in the server's log: {app.log.read_text().count('Traceback')}")


def say(what: str, seconds: list[float]) -> None:
    """Print a median with what it is of."""
    times = sorted(1000 * value for value in seconds)
    if times:
        print(f"{what}: median {statistics.median(times):.0f} ms of {len(times)} ({times[0]:.0f} to {times[-1]:.0f})")


def opened(browser: Browser, address: str, path: str = "/") -> Page:
    """A page in a browser of its own, drawn and at rest."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address + path)
    page.locator("[data-testid=stSlider]").first.wait_for()
    rest(page)
    return page


def rest(page: Page) -> None:
    """Wait until the app's run has ended and its charts are drawn."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 250))")


def move(page: Page, times: int) -> list[float]:
    """Seconds from a key on the budget's slider to the frame in which the run's new page is drawn, for each move."""
    found = []
    for turn in range(times):
        slider = page.locator("[class*='st-key-budget_'] input[type=range]").locator("visible=true").first
        slider.focus()
        page.evaluate(WATCH, PATIENCE_MS)
        slider.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft")
        found.append(page.evaluate("() => window.moved") / 1000)
        rest(page)
    return found


def film(page: Page) -> list[float]:
    """Seconds from choosing another image to its film, for all but the first image of the gallery."""
    found = []
    chooser = page.locator("[class*='st-key-image_shown'] input").first
    for _ in range(9):
        chooser.click()
        page.evaluate(WATCH, PATIENCE_MS)
        chooser.press("ArrowDown")
        chooser.press("Enter")
        found.append(page.evaluate("() => window.moved") / 1000)
        rest(page)
    return found


def force(page: Page, times: int, option: str) -> list[float]:
    """Seconds from a click on an option of a gate of the board to the answer, for each click."""
    found = []
    for turn in range(times):
        cell = page.locator(f".st-key-gates path[aria-label^='block {4 + turn % 8}, {option}:']")
        cell.scroll_into_view_if_needed()
        page.evaluate(WATCH, PATIENCE_MS)
        cell.click()
        found.append(page.evaluate("() => window.moved") / 1000)
        rest(page)
    return found


def upload(page: Page, count: int, seed: int) -> float:
    """Seconds from the browser having the files to the frame in which all of them have a row in the strip."""
    random = np.random.default_rng(seed)
    files: list[FilePayload] = []
    for index in range(count):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (200, 200, 3), np.uint8)).save(buffer, "JPEG")
        files.append({"name": f"{seed}-{index}.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()})
    page.evaluate(WATCH_UPLOAD, [seed, count])
    page.locator("input[type=file]").first.set_input_files(files)
    took = page.evaluate("() => window.drawn") / 1000
    rest(page)
    return took


def memory(pid: int) -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
