"""What can be clicked at the curve but its points: ticks, rows of its table, switches; and the copied link."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from on_page import focus, in_use, point, settle
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser


def test_a_click_on_a_tick_puts_its_image_in_focus(open_page: OpenPage):
    page = open_page()
    ticks = page.locator(".st-key-curve line[aria-label*='picture: ']")
    expect(ticks).to_have_count(10)
    names = ticks.evaluate_all("all => all.map(one => one.ariaLabel.match(/picture: ([^;]+)/)[1])")
    settle(page)
    # Ticks of equal cost lie on each other, and the last one drawn takes the click. Playwright clicks no line.
    x, y = ticks.last.evaluate(
        "e => { const box = e.getBoundingClientRect(); return [box.x, box.y + box.height / 2]; }"
    )
    page.mouse.click(x, y)
    expect(focus(page)).to_have_value(re.compile(rf"^10\. {names[-1]}"))
    expect(page).to_have_url(re.compile("image="))


def test_a_chosen_row_of_the_curves_table_is_used(open_page: OpenPage):
    page = open_page()
    page.get_by_text("Table of points").click()
    table = page.locator(".st-key-points_table [data-testid=stDataFrame]")
    expect(table).to_be_visible()
    settle(page)
    before = in_use(page).inner_text()
    table.click(position={"x": 12, "y": 35 * 4 + 17})  # the mark at the left of the fourth row
    expect(in_use(page)).not_to_have_text(before)


def test_only_the_front_hides_points_that_another_beats(open_page: OpenPage):
    page = open_page()
    marks = page.locator(".st-key-curve path[aria-label*='checkpoint: ']")
    settle(page)
    everything = marks.count()
    page.get_by_text("Only the front").click()
    expect(page).to_have_url(re.compile("front=1"))
    settle(page)
    assert 0 < marks.count() < everything


def test_the_copied_link_opens_what_was_copied(open_page: OpenPage):
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    point(page, "tiny-dfs-10").click()
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 10 %, alpha 5e-6")
    settle(page)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Link copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    page.goto(copied)
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 10 %, alpha 5e-6")
