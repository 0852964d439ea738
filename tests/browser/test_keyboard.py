"""Without a mouse: the Tab key reaches every control of every page, and shows where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from on_page import PAGES, settle, slider
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser
MOST_STOPS = 400

# What a mouse can press or type into. Of a group of which the arrow keys choose, one member is enough.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, input, textarea, select, summary, [role=slider], [role=tab], [tabindex="0"]')]
  .filter(one => !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0)
  .filter(one => one.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .filter(one => one.getBoundingClientRect().width > 1 && !one.closest('[inert], [aria-hidden=true]'))"""
# Names where the focus is, and says whether the page shows it: by an outline, a shadow, or a border in the theme's colour.
HERE = """colour => { const one = document.activeElement;
  if (one === document.body || one.dataset.reached) return null;
  one.dataset.reached = 'yes';
  const group = one.closest('[role=radiogroup], [role=tablist], [role=toolbar]');
  group?.querySelectorAll('input, button, [role=tab]').forEach(each => each.dataset.reached = 'yes');
  const marks = each => { const style = getComputedStyle(each);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0
      || style.boxShadow !== 'none' || style.borderTopColor === colour; };
  const around = [...one.querySelectorAll('*')].slice(0, 6);
  for (let each = one, steps = 0; each && steps < 5; each = each.parentElement, steps++) around.push(each);
  const name = (one.ariaLabel || one.innerText || one.name || one.type || one.tagName).slice(0, 60);
  return [name, one.tagName === 'MAIN' || around.some(marks)]; }"""
MISSED = f"() => ({CONTROLS})().filter(one => !one.dataset.reached).map(one => one.outerHTML.slice(0, 400))"
PRIMARY = "rgb(11, 110, 127)"


def walk(page: Page) -> dict[str, bool]:
    """All stops of the Tab key by name, from the top of the page until it comes round: whether the page shows it."""
    page.evaluate("() => { document.activeElement?.blur(); window.getSelection().removeAllRanges(); }")
    stops: dict[str, bool] = {}
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(HERE, PRIMARY)
        if stop is None:
            break
        stops[stop[0]] = stops.get(stop[0], True) and stop[1]
    return stops


@pytest.mark.parametrize("link", PAGES)
def test_the_tab_key_reaches_every_control_and_shows_where_it_is(open_page: OpenPage, link: str):
    page = open_page(link, drawn=PAGES[link], color_scheme="light")
    settle(page)
    stops = walk(page)
    assert len(stops) > 10
    assert page.evaluate(MISSED) == []
    assert [name for name, shown in stops.items() if not shown] == []


def test_keys_alone_move_the_budget_and_take_a_family_off_the_curve(open_page: OpenPage):
    page = open_page(color_scheme="light")
    slider(page).focus()
    before = slider(page).get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    expect(slider(page)).not_to_have_attribute("aria-valuetext", before)
    settle(page)
    families = page.locator("[class*='st-key-families_'] button")
    last = families.last
    expect(last).to_have_attribute("aria-pressed", "true")
    families.first.focus()
    for _ in range(families.count() - 1):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(last).to_have_attribute("aria-pressed", "false")
