"""Without a mouse: keys alone do the work. That the Tab key reaches every control: ``test_access.py``."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from on_page import settle, slider
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser


def test_keys_alone_move_the_budget_and_take_a_family_off_the_curve(open_page: OpenPage):
    page = open_page(color_scheme="light")
    slider(page).focus()
    before = slider(page).get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    expect(slider(page)).not_to_have_attribute("aria-valuetext", before)
    settle(page)
    families = page.locator("[class*='st-key-families_'] [role=toolbar] button")
    last = families.last
    expect(last).to_have_attribute("aria-pressed", "true")
    families.first.focus()
    for _ in range(families.count() - 1):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(last).to_have_attribute("aria-pressed", "false")
