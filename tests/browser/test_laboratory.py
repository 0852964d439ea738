"""The laboratory in a real browser: a short run to its end, and a checkpoint that is kept and used."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
RUN_MS = 300_000


def test_a_short_run_is_watched_to_its_end_kept_and_used_in_explore(open_page: OpenPage):
    page = open_page("laboratory?target=60&pull=1e-3&steps=20")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page).to_have_url(re.compile("run="))
    keep = page.get_by_role("button", name="Keep as a session checkpoint")
    expect(keep).to_be_visible(timeout=RUN_MS)
    expect(page.locator(".st-key-chase path[aria-label*='step: 20;']")).to_have_count(1)
    keep.click()
    page.get_by_role("button", name="See it in Explore").click()
    expect(page.locator(".dfs-ledger h2")).to_contain_text("Session, gates tuned live")
    expect(page).to_have_url(re.compile("checkpoint=session-b60"))
    page.reload()
    expect(page.locator(".dfs-ledger h2")).to_contain_text("budget 60 %")
