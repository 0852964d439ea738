"""The test set's page in a browser: a click on a bar filters, the map answers to the pointer, figures are in view."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from on_page import settle
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_a_click_on_a_bar_filters_and_no_number_without_its_image_leads_to_explore(open_page: Callable[..., Page]):
    page = open_page()
    page.get_by_role("link", name="Test set").click()
    segments = page.locator(".st-key-shares path[aria-label*=' of the images']")
    expect(segments.first).to_be_visible()
    expect(page.locator(".dfs-ledger tbody tr")).to_have_count(1)

    chosen = segments.first
    block, option = re.match(r"block (\d+), (\w+):", chosen.get_attribute("aria-label") or "").groups()
    chosen.click()
    expect(page).to_have_url(re.compile(rf"testset\?taken={block}-{option}$"))
    expect(page.get_by_role("button", name=f"block {block}: {option}")).to_be_visible()

    settle(page)  # until then the tiles of the run before are still there
    expect(page.locator(".st-key-tiles")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"^Explore \d+$"))).to_have_count(0)


def test_the_map_is_drawn_and_says_what_lies_under_the_pointer(open_page: Callable[..., Page]):
    page = open_page("testset?sort=cost")
    cells = page.locator(".st-key-decision_map .heatmaplayer image")
    expect(cells).to_have_count(2)
    settle(page)
    page.locator(".st-key-map_bar").scroll_into_view_if_needed()
    box = max((cells.nth(0).bounding_box(), cells.nth(1).bounding_box()), key=lambda found: found["width"])
    page.mouse.move(box["x"] + 20, box["y"] + 5)  # in the first row of the first block
    said = page.locator(".st-key-decision_map .hoverlayer text")
    expect(said.first).to_contain_text(re.compile(r"image \d+: \w+"))
    expect(said.first).to_contain_text(re.compile(r"block 2: (0|8|16|32) bits"))
    names = page.locator(".st-key-decision_map .modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)")
    assert not [name for name in names if re.search("share|cloud|edit", name, re.I)], "nothing goes to another host"


def test_beside_a_decision_vector_all_its_figures_are_in_view(open_page: Callable[..., Page]):
    page = open_page("testset", drawn=".st-key-decision_vectors svg.marks", viewport={"width": 1024, "height": 900})
    settle(page)
    page.wait_for_function(
        "() => { const frame = document.querySelector('.st-key-decision_vectors_scroll');"
        " return frame.scrollWidth <= frame.clientWidth; }"
    )
