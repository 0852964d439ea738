"""The stops of the Tab key on a page in a browser."""

from __future__ import annotations

from playwright.sync_api import Page

MOST_STOPS = 400

# What a mouse can press or type into. Of a group of which the arrow keys choose, one member is enough.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button, input, textarea, select, summary, [role=slider], [role=tab], [tabindex="0"]')]
  .filter(one => !one.disabled && one.type !== 'hidden' && one.tabIndex >= 0)
  .filter(one => one.checkVisibility({opacityProperty: true, visibilityProperty: true}))
  .filter(one => one.getBoundingClientRect().width > 1 && !one.closest('[inert], [aria-hidden=true]'))"""
# Names where the focus is, and says if the page shows it: by an outline, a shadow, or a border in the theme's colour.
HERE = """colour => { const one = document.activeElement;
  if (one === document.body || one.dataset.stop) return null;
  one.dataset.stop = one.dataset.reached = 'yes';
  document.getAnimations().filter(each => each instanceof CSSTransition).forEach(each => each.finish());
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


def missed(page: Page) -> list[str]:
    """What a mouse can use and ``walk`` did not come by, as HTML."""
    found: list[str] = page.evaluate(MISSED)
    return found


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
