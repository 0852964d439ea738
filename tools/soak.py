"""A day of use in minutes: ``make soak MINUTES=60``. Many sessions at once; prints memory, errors and times.

Every session is a browser's page of its own. All of them open pages, move the budget, upload pictures and export
charts by chance; one in ten starts short runs in the laboratory. A move's time is that until the app says that it has
ended its run, so it holds what the machine spends on all the browsers, too.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
import shutil
import statistics
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.async_api import Browser, FilePayload, Page, async_playwright
from playwright.async_api import Error as BrowserError

from tools.measure import memory
from tools.serving import Served, served

PAGES = ("", "image", "compare", "testset", "learn?step=4", "present")
PATIENCE_MS = 180_000
AT_REST = "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
CHART = "[data-testid=stVegaLiteChart] svg.marks"


class Tally:
    """What all sessions did: times by kind of act, and what went wrong."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.memory: list[float] = []


async def rest(page: Page) -> None:
    """Until the app has ended its run."""
    await page.wait_for_timeout(100)
    await page.wait_for_function(AT_REST)


async def act(page: Page, app: Served, rng: random.Random, can_tune: bool) -> str:
    """One thing that a user does; returns its kind."""
    kind = rng.choices(("open", "slider", "upload", "export", "run"), (2, 10, 3, 2, int(can_tune)))[0]
    if kind == "open":
        await page.goto(f"{app.address}/{rng.choice(PAGES)}")
        await page.locator("[data-testid=stMain]").wait_for()
    elif kind == "slider":
        handle = page.locator("[class*='st-key-budget_'] input[type=range]").filter(visible=True)
        if not await handle.count():
            await page.goto(app.address)
            await page.locator(CHART).first.wait_for()
            return "open"
        await handle.first.focus()
        await page.keyboard.press(rng.choice(("ArrowLeft", "ArrowRight")))
    elif kind == "upload":
        await page.goto(app.address)
        await page.locator(CHART).first.wait_for()
        await page.locator("input[type=file]").first.set_input_files([_picture(rng) for _ in range(10)])
    elif kind == "export":
        await page.goto(app.address)
        await page.locator(CHART).first.wait_for()
        await page.locator(".st-key-curve_export").get_by_role("button").first.click()
        async with page.expect_download() as download:
            await page.locator(f".st-key-curve_{rng.choice(('svg', 'png', 'pdf'))}").get_by_role("button").click()
        await (await download.value).path()
    else:
        await page.goto(f"{app.address}/laboratory?steps=20")
        start = page.get_by_role("button", name="Start", exact=True)
        await start.wait_for()
        if await start.is_enabled():
            await start.click()
    await rest(page)
    return kind


async def session(browser: Browser, app: Served, number: int, end: float, tally: Tally) -> None:
    """One user until the end."""
    rng = random.Random(number)
    context = await browser.new_context(accept_downloads=True)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(app.address)
    await page.locator(CHART).first.wait_for()
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            kind = await act(page, app, rng, number % 10 == 0)
            tally.times[kind].append(time.monotonic() - start)
            if await page.locator("[data-testid=stException]").count():
                tally.errors["an exception on a page"] += 1
        except BrowserError as error:
            tally.errors[str(error).splitlines()[0][:100]] += 1
            await page.goto(app.address)
        await asyncio.sleep(rng.uniform(1, 8))  # a user looks
    await context.close()


def _picture(rng: random.Random) -> FilePayload:
    file = io.BytesIO()
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return {"name": f"{rng.randrange(10**6)}.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


async def play(app: Served, sessions: int, minutes: float, tally: Tally) -> None:
    """All sessions, while memory is looked at every ten seconds."""
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or "/usr/bin/chromium"
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        end = time.monotonic() + 60 * minutes
        users = [asyncio.create_task(session(browser, app, number, end, tally)) for number in range(sessions)]
        while not all(user.done() for user in users):
            tally.memory.append(memory(app.pid))
            await asyncio.wait(users, timeout=10)
        for user in users:
            if error := user.exception():
                tally.errors[str(error).splitlines()[0][:100]] += 1
        await browser.close()


def main() -> int:
    """Serve the app, play, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--sessions", type=int, default=50)
    asked = parser.parse_args()
    tally = Tally()
    with served() as app:
        asyncio.run(play(app, asked.sessions, asked.minutes, tally))
        faults = Path(app.log).read_text().count("Traceback")
    print(f"{asked.sessions} sessions, {asked.minutes:g} minutes")
    print(f"{'what':10}{'times':>7}{'median s':>10}{'p95 s':>8}")
    for kind, times in sorted(tally.times.items()):
        high = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        print(f"{kind:10}{len(times):7,}{statistics.median(times):10.2f}{high:8.2f}")
    thirds = [statistics.fmean(part) for part in np.array_split(tally.memory, 3) if len(part)]
    print(f"memory of the server in MB, by thirds of the time: {', '.join(f'{value:.0f}' for value in thirds)}")
    print(f"tracebacks in the log: {faults}; errors: {sum(tally.errors.values())}")
    for line, count in tally.errors.most_common(5):
        print(f"  {count} x {line}")
    return 1 if faults or tally.errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
