"""Without a mouse: the Tab key reaches every control of every page, and shows where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from on_page import settle
from playwright.sync_api import Page
from test_access import PAGES

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
MOST_STOPS = 400

# What a mouse can press or type into. Of a group of which the arrow keys choose, one member is enough.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, input, textarea, select, summary, [role=slider], [role=tab], [tabindex="0"]')]
  .filter(one => !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0)
  .filter(one => one.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .filter(one => one.getBoundingClientRect().width > 1 && !one.closest('[inert], [aria-hidden=true]'))"""
HERE = """() => { const one = document.activeElement;
  if (one === document.body || one.dataset.reached) return null;
  one.dataset.reached = 'yes';
  const group = one.closest('[role=radiogroup], [role=tablist]');
  group?.querySelectorAll('input, [role=radio], [role=tab]').forEach(each => each.dataset.reached = 'yes');
  return (one.ariaLabel || one.innerText || one.name || one.type || one.tagName).slice(0, 60); }"""
MISSED = f"() => ({CONTROLS})().filter(one => !one.dataset.reached).map(one => one.outerHTML.slice(0, 160))"


def walk(page: Page) -> list[str]:
    """Names of all stops of the Tab key, from the top of the page until it comes round."""
    page.evaluate("() => { document.activeElement?.blur(); window.getSelection().removeAllRanges(); }")
    names: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        name = page.evaluate(HERE)
        if name is None:
            break
        names.append(name)
    return names


@pytest.mark.parametrize("link", PAGES)
def test_the_tab_key_reaches_every_control(open_page: OpenPage, link: str):
    page = open_page(link, drawn=PAGES[link])
    settle(page)
    names = walk(page)
    assert len(names) > 10
    assert page.evaluate(MISSED) == []
