"""The laboratory in a browser: a short run to its end, and a checkpoint that is kept and used."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from on_page import chart, control
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
RUN_MS = 300_000  # some seconds where nothing else runs


def test_a_short_run_is_watched_to_its_end_kept_and_used_in_explore(open_page: OpenPage):
    page = open_page("laboratory?target=60&pull=1e-3&steps=20", drawn=chart("Accuracy of each step"))
    page.locator(".st-key-start").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"run=[0-9a-f]{8}$"))
    keep = page.locator(".st-key-keep").get_by_role("button", name="Keep as a session checkpoint")
    expect(keep).to_be_visible(timeout=RUN_MS)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    marks = page.locator(f"{chart('cp of each step')} path[aria-roledescription=circle][aria-label*='step: ']")
    expect(marks).to_have_count(20 + 1)  # every step, and where the run stands
    expect(page.locator(".dfs-ledger tbody tr")).to_have_count(2)  # before and after

    keep.click()
    expect(page.locator(".st-key-keeping")).to_contain_text(re.compile(r"Kept as session-b60-a1e-3-[0-9a-f]{8}"))
    page.locator(".st-key-see").get_by_role("button").click()
    in_use = page.locator(".dfs-ledger h2")
    expect(in_use).to_contain_text("Session, gates tuned live")
    expect(page).to_have_url(re.compile(r"/\?checkpoint=session-b60-a1e-3-[0-9a-f]{8}&"))
    kept = page.url.split("/")[-1]
    expect(control(page, "method").get_by_role("combobox")).to_have_value("Session, gates tuned live")

    again = open_page(kept)  # whoever has the link has the checkpoint, as long as the app runs
    expect(again.locator(".dfs-ledger h2")).to_have_text(in_use.inner_text())
    expect(again).to_have_url(re.compile(re.escape(kept)))
    other = open_page()  # and nobody else
    expect(control(other, "method").get_by_role("radio")).to_have_text(["DFS", "SkipNet", "Backbone"])
