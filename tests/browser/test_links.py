"""The link of every page, as its controls have written it, shows the same page in a browser that was never there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from on_page import chart, control, rows, settle, slider
from playwright.sync_api import Page, expect

from dashboard.learn import lesson

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
SHARED = "checkpoint=tiny-dfs-30&budget=30"
PATIENCE_S = 60

# All that a page shows: its texts, what its controls stand at, and the marks of its charts.
SHOWN = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const controls = [...main.querySelectorAll('input, textarea, [role=radio], [aria-pressed]')];
  return {
    link: location.pathname + location.search,
    texts: main.innerText.split('\\n').map(text => text.trim()).filter(text => text),
    controls: controls.filter(one => one.checkVisibility()).map(one =>
      [one.ariaLabel ?? one.innerText, one.ariaValueText, one.value, one.checked, one.ariaChecked, one.ariaPressed]),
    marks: [...main.querySelectorAll('svg.marks [aria-label]')].map(mark => mark.ariaLabel),
  };
}"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page, what is done on it, and the link that comes of that.

    Attributes:
        path: of the page.
        drawn: what is there once the page has been drawn, before and after.
        act: what a user does.
        own: what it adds to the link, as a pattern.
    """

    path: str
    drawn: str
    act: Callable[[Page], None]
    own: str


def choose(name: str) -> Callable[[Page], None]:
    """Choose an option of a row of them."""
    return lambda page: page.get_by_role("radio", name=name).click()


def choose_image(page: Page) -> None:
    rows(page).nth(3).click()
    expect(page).to_have_url(re.compile("image="))
    control(page, "scale").get_by_text("linear").click()


def move_steps(page: Page) -> None:
    slider = control(page, "steps").locator("input[type=range]")
    slider.focus()
    slider.press("ArrowRight")


VISITS = {
    "explore": Visit("", ".st-key-strip svg.marks", choose_image, "&image=[a-z-]+&scale=linear"),
    "image": Visit("image", chart("Decisions for the image as given"), choose("full"), "&force=2(:|%3A)full&block=2"),
    "compare": Visit("compare", chart("Decisions of A and B"), choose("Two images"), "&what=images"),
    "testset": Visit("testset", chart("Mean cp by confidence"), choose("wrong"), "&verdict=wrong"),
    "laboratory": Visit("laboratory", chart("Accuracy of each step"), move_steps, r"&steps=\d+"),
    "learn": Visit("learn", ".st-key-onward", choose(f"2 {lesson.STEPS['2']}"), "&step=2"),
    # A talk stays in its session; what is selected travels.
    "present": Visit("present", ".st-key-talk_make", lambda page: None, ""),
}


def shown(page: Page) -> dict[str, Any]:
    settle(page)
    return page.evaluate(SHOWN)


@pytest.mark.parametrize("name", VISITS)
def test_a_pages_link_shows_the_same_in_a_fresh_browser(open_page: OpenPage, name: str):
    visit = VISITS[name]
    first = open_page(f"{visit.path}?{SHARED}", drawn=visit.drawn)
    before = shown(first)
    visit.act(first)
    expect(first).to_have_url(re.compile(rf"/{visit.path}\?{re.escape(SHARED)}{visit.own}$"))
    second = open_page(first.url.split("/")[-1], drawn=visit.drawn)
    deadline = time.monotonic() + PATIENCE_S
    here, there = shown(first), shown(second)
    while here != there and time.monotonic() < deadline:
        here, there = shown(first), shown(second)
    assert there == here, differences(here, there)
    assert re.search('budget 30 %|"30 %"', json.dumps(there)), "what all pages share shows nowhere"
    if visit.own:
        assert there != before | {"link": there["link"]}, "what was done shows nowhere"


def differences(here: dict[str, Any], there: dict[str, Any]) -> str:
    """What stands on one page and not on the other, in a few lines."""
    lines = []
    for part in here:
        a, b = (side[part] if isinstance(side[part], list) else [side[part]] for side in (here, there))
        lines += [f"{part}, first browser alone: {one}" for one in a if one not in b][:5]
        lines += [f"{part}, second browser alone: {one}" for one in b if one not in a][:5]
    return "\n".join(lines) or "the order differs"


def test_a_change_is_one_entry_in_the_history_and_so_is_a_change_of_page(open_page: OpenPage):
    page = open_page()
    before = page.evaluate("history.length")
    slider(page).focus()
    slider(page).press("ArrowRight")
    expect(page).to_have_url(re.compile("budget=30"))
    settle(page)
    page.get_by_role("link", name="Compare").click()
    expect(page).to_have_url(re.compile(r"compare\?.*budget=30"))
    settle(page)
    assert page.evaluate("history.length") == before + 2
    page.go_back()
    expect(page).to_have_url(re.compile(r"/\?.*budget=30"))
