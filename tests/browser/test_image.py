"""The Image page in a browser: a block is clicked and its gate forced, and the film's slider moves what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from on_page import control, settle
from playwright.sync_api import Locator, Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
DRAWN = ".st-key-film svg.marks"


def line(page: Page, name: str) -> Locator:
    """The cells of a line of the summary: prediction, confidence, cost, gates changed."""
    return page.locator(".dfs-ledger tbody tr").filter(has=page.get_by_role("rowheader", name=name)).locator("td")


def cell(page: Page, block: int, option: str) -> Locator:
    """The clickable cell of the board of gates."""
    return page.locator(f".st-key-gates path[aria-label^='block {block}, {option}:']")


def percent(cell: Locator) -> float:
    return float(cell.inner_text().removesuffix("%"))


def test_a_clicked_block_is_forced_and_prediction_and_cost_say_what_that_does(open_page: OpenPage):
    page = open_page("image", drawn=DRAWN)
    block, option = control(page, "gate_block").get_by_role("combobox"), control(page, "gate_option")
    page.locator(".st-key-path path[aria-label^='block 4:']").first.click()
    expect(page).to_have_url(re.compile(r"/image\?block=4$"))
    expect(block).to_have_value("4")
    expect(cell(page, 4, "8")).to_have_attribute("aria-label", re.compile("taken"))
    expect(line(page, "forced")).to_have_count(0)
    free = percent(line(page, "free").nth(2))

    settle(page)
    option.get_by_role("radio", name="full").click()
    expect(page).to_have_url(re.compile(r"/image\?block=4&force=4(:|%3A)full$"))
    expect(cell(page, 4, "full")).to_have_attribute("aria-label", re.compile("forced"))
    expect(line(page, "forced").nth(3)).to_have_text("1")
    forced = percent(line(page, "forced").nth(2))
    one_of_five = 100 / 5 * (1 - 1 / 16)  # a gated block at 32 bits in the place of 8
    assert forced == pytest.approx(free + one_of_five, abs=0.011)
    assert line(page, "change").nth(2).inner_text() == f"{forced - free:+.2f}"
    same = line(page, "free").nth(0).inner_text() == line(page, "forced").nth(0).inner_text()
    assert line(page, "change").nth(0).inner_text() == ("same" if same else "another class")
    assert line(page, "free").nth(1).inner_text() != line(page, "forced").nth(1).inner_text()

    settle(page)
    cell(page, 4, "full").click()  # the board lets go of what is forced
    expect(page).to_have_url(re.compile(r"/image\?block=4$"))
    expect(line(page, "forced")).to_have_count(0)
    expect(option.get_by_role("radio", name="free")).to_be_checked()


def test_the_films_slider_moves_the_page_to_another_frame_and_a_click_on_the_film_to_a_third(open_page: OpenPage):
    page = open_page("image", drawn=DRAWN)
    slider, heading = control(page, "film_frame").locator("input[type=range]"), page.locator(".dfs-ledger h2")
    frames = page.locator(".st-key-film path[aria-label^='price '], .st-key-film path[aria-label^='as trained:']")
    expect(slider).to_have_attribute("aria-valuetext", "as trained")
    expect(heading).to_have_text("DFS ResNet-14, budget 20 %, alpha 5e-6")
    costs = [label.rsplit(", ", 1)[1] for label in frames.evaluate_all("all => all.map(one => one.ariaLabel)")]
    assert len(set(costs)) > 2, "a film in which nothing happens shows nothing"
    expect(line(page, "free").nth(2)).to_have_text(costs[int(slider.input_value())])

    slider.focus()
    slider.press("End")  # the lowest price: whatever it costs
    expect(page).to_have_url(re.compile(r"/image\?price=-7$"))
    expect(heading).to_have_text(re.compile("dial at price \N{MINUS SIGN}7 \\(not trained\\)$"))
    expect(line(page, "free").nth(2)).to_have_text(costs[-1])
    assert percent(line(page, "free").nth(2)) == 100

    settle(page)
    frames.first.click(position={"x": 7, "y": 100})
    expect(page).to_have_url(re.compile(r"/image\?price=10$"))
    expect(slider).to_have_value("0")
    expect(line(page, "free").nth(2)).to_have_text(costs[0])
