"""A day of use in minutes: ``make soak MINUTES=60``. Many sessions at once; prints memory, errors and times.

Of 50 users, five have a browser on this machine. They upload pictures, export charts, start short runs in the
laboratory, move the budget and open pages by chance. The others speak to the app as a browser does, but draw nothing
(``wire.py``): they move the budget and open pages. Users come one after the other, as into a room, and look at each
answer for a minute in the mean, the five for half a minute. So an hour holds some 2,000 pictures, 200 exports, 20 runs
and 2,500 moves. With ``PACE=2`` people are twice as quick, and half an hour holds as much. A move's time is that until
the app has ended its run; in a browser it holds the drawing too.
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

import numpy as np
from PIL import Image
from playwright.async_api import Browser, FilePayload, Locator, Page, async_playwright
from playwright.async_api import Error as BrowserError

from tools.measure import memory
from tools.serving import Served, served
from tools.wire import Session

PAGES = ("", "image", "compare", "testset", "learn?step=4", "present")
PATIENCE_MS, LATE_MS = 180_000, 20_000
AGAIN, GONE = "export, clicked twice", "Deferred file"  # and what the log then says
BROWSERS = 5
# How often, relative to each other: in a browser, and of those that draw nothing.
ACTIONS = {"open": 1.0, "slider": 5.0, "upload": 10.0, "export": 10.0, "run": 2.0}
UNDRAWN = {"open": 1.0, "slider": 9.0}
TUNED = "dfs-resnet38-cifar10-b20"  # what the laboratory's runs start from
LOGGED = 5000  # characters of the log that are printed after a fault
LOOK_S, LONG_LOOK_S = (10, 50), (20, 100)  # seconds that users look at an answer: with a browser here, and the others
ARRIVAL_S = 6  # from one session's arrival to the next, at most: all have arrived after a third of the time
REPORT_S = 300
SLIDER, DRAWN = "slider", "slider in a browser"
AT_REST = "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
BUDGET = "[class*='st-key-budget_'] input[type=range]"
CHART = "[data-testid=stVegaLiteChart] svg.marks"


class Tally:
    """Results of all sessions: times by kind of action, and errors."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.memory: list[float] = []

    def line(self) -> str:
        """How it stands, in one line."""
        number = sum(len(times) for times in self.times.values())
        moves = [f"{kind} p95 {high(times):.2f} s, " for kind, times in self.times.items() if kind in (SLIDER, DRAWN)]
        errors = "; ".join(f"{count} x {line}" for line, count in self.errors.items()) or "no error"
        return f"{number:,} actions, {''.join(moves)}{self.memory[-1]:.0f} MB, {errors}"


def high(times: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


async def rest(page: Page) -> None:
    """Wait until the app has finished its run."""
    await page.wait_for_timeout(100)
    await page.wait_for_function(AT_REST)


async def explore(page: Page, app: Served) -> None:
    """Open Explore where the page is not there already."""
    if page.url.split("?")[0].rstrip("/") != app.address:
        await page.goto(app.address)
    await page.locator(CHART).first.wait_for()


async def export(page: Page, button: Locator, patience_ms: int) -> None:
    """Open the curve's menu, click on a button in it, and keep the file that it gives."""
    await page.keyboard.press("Escape")  # closes the menu that an earlier export left open
    await button.wait_for(state="hidden")
    await rest(page)
    await page.locator(".st-key-curve_export").get_by_role("button").first.click()
    await button.wait_for(timeout=patience_ms)
    await rest(page)
    async with page.expect_download(timeout=patience_ms) as download:
        await button.click()
    await (await download.value).path()


async def act(page: Page, app: Served, rng: random.Random) -> tuple[str, float]:
    """Perform one action in a browser; return its kind, and its time in seconds."""
    kind = rng.choices(tuple(ACTIONS), tuple(ACTIONS.values()))[0]
    if kind in ("slider", "upload", "export"):
        await explore(page, app)
        await rest(page)
    start = time.monotonic()
    if kind == "open":
        await page.goto(f"{app.address}/{rng.choice(PAGES)}")
        await page.locator("[data-testid=stMain]").wait_for()
    elif kind == "slider":
        await page.locator(BUDGET).filter(visible=True).first.focus()
        await page.keyboard.press(rng.choice(("ArrowLeft", "ArrowRight")))
    elif kind == "upload":
        await page.locator("input[type=file]").first.set_input_files([_picture(rng) for _ in range(10)])
    elif kind == "export":
        save = page.locator(f".st-key-curve_{rng.choice(('svg', 'png', 'pdf'))}").get_by_role("button")
        try:
            await export(page, save, LATE_MS)
        except BrowserError:
            # Streamlit binds a file to a run of the page. A click that meets the next run finds none; people try again.
            kind = AGAIN
            await export(page, save, PATIENCE_MS)
    else:
        await page.goto(f"{app.address}/laboratory?checkpoint={TUNED}&steps=20")
        button = page.get_by_role("button", name="Start", exact=True)
        await button.wait_for()
        if await button.is_enabled():
            await button.click()
    await rest(page)
    return DRAWN if kind == "slider" else kind, time.monotonic() - start


async def undrawn(app: Served, number: int, gap: float, end: float, tally: Tally, pace: float) -> None:
    """One session without a browser, from its arrival to the end."""
    rng = random.Random(number)
    await asyncio.sleep(number * gap)
    async with Session(app.address) as user:
        tally.times["open"].append(await user.open(""))
        while time.monotonic() < end:
            kind = rng.choices(tuple(UNDRAWN), tuple(UNDRAWN.values()))[0]
            if kind == SLIDER and user.budget is not None:
                seconds = await user.move_budget(lambda place: place + rng.choice((-3, -1, 1, 3)))
            else:
                kind, seconds = "open", await user.open(rng.choice(PAGES).split("?")[0])
            tally.times[kind].append(seconds)
            await asyncio.sleep(min(rng.uniform(*LONG_LOOK_S) / pace, max(end - time.monotonic(), 0)))
        if user.exceptions:
            tally.errors["an exception on a page"] += user.exceptions


async def session(
    browser: Browser, app: Served, number: int, gap: float, end: float, tally: Tally, pace: float
) -> None:
    """One session in a browser, from its arrival to the end."""
    rng = random.Random(number)
    await asyncio.sleep(number * gap)
    context = await browser.new_context(accept_downloads=True)
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await explore(page, app)
    while time.monotonic() < end:
        try:
            kind, seconds = await act(page, app, rng)
            tally.times[kind].append(seconds)
            if await page.locator("[data-testid=stException]").count():
                tally.errors["an exception on a page"] += 1
        except BrowserError as error:
            tally.errors[" ".join(str(error).split())[:200]] += 1
            await page.goto(app.address)
        await asyncio.sleep(min(rng.uniform(*LOOK_S) / pace, max(end - time.monotonic(), 0)))
    await context.close()


def _picture(rng: random.Random) -> FilePayload:
    file = io.BytesIO()
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return {"name": f"{rng.randrange(10**6)}.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


async def play(app: Served, sessions: int, minutes: float, pace: float, tally: Tally) -> None:
    """Run all sessions and record the memory every ten seconds."""
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or "/usr/bin/chromium"
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        end = time.monotonic() + 60 * minutes
        report, gap = time.monotonic(), min(ARRIVAL_S, 20 * minutes / sessions)
        every = max(sessions // BROWSERS, 1)
        users = [
            asyncio.create_task(
                undrawn(app, number, gap, end, tally, pace)
                if number % every
                else session(browser, app, number, gap, end, tally, pace)
            )
            for number in range(sessions)
        ]
        while not all(user.done() for user in users):
            tally.memory.append(memory(app.pid))
            await asyncio.wait(users, timeout=10)
            if time.monotonic() >= report + REPORT_S:
                report = time.monotonic()
                print(f"{(end - report) / 60:.0f} minutes left: {tally.line()}", flush=True)
        for user in users:
            if error := user.exception():
                tally.errors[(str(error).splitlines() or [type(error).__name__])[0][:100]] += 1
        await browser.close()


def main() -> int:
    """Serve the app, run the sessions and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--pace", type=float, default=1.0)
    asked = parser.parse_args()
    tally = Tally()
    with served() as app:
        asyncio.run(play(app, asked.sessions, asked.minutes, asked.pace, tally))
        log = app.log.read_text()
        faults = log.count("Traceback") - log.count(f"MediaFileStorageError: {GONE}")
    print(f"{asked.sessions} sessions, {asked.minutes:g} minutes, pace {asked.pace:g}")
    print(f"{'what':22}{'times':>7}{'median s':>10}{'p95 s':>8}")
    for kind, times in sorted(tally.times.items()):
        print(f"{kind:22}{len(times):7,}{statistics.median(times):10.2f}{high(times):8.2f}")
    thirds = [statistics.fmean(part) for part in np.array_split(tally.memory, 3) if len(part)]
    print(f"memory of the server in MB, by thirds of the time: {', '.join(f'{value:.0f}' for value in thirds)}")
    print(f"tracebacks in the log: {faults}; errors: {sum(tally.errors.values())}")
    for line, count in tally.errors.most_common(5):
        print(f"  {count} x {line}")
    if faults:
        print(log[log.index("Traceback") :][:LOGGED])
    return 1 if faults or tally.errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
