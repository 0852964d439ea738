"""Every page under axe-core, in both themes: it finds nothing of any weight.

The Tab key reaches every control and shows where it is.

On a narrow screen nothing but charts scrolls sideways, each in its own frame, and all buttons are in view.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from keyboard import missed, walk
from on_page import PAGES, settle
from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser

# Vega writes a container for every layer of a chart, also for one that has nothing to show yet: no name is missing.
EMPTY_LAYERS = ".role-mark:empty"
# Streamlit's own uploader, of which axe says (minor) that it has both no role and a place in the tab order.
STREAMLITS = "presentation-role-conflict", "stFileUploaderDropzone"
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 400, "height": 900}
COLOURS = ("color-contrast", "link-in-text-block")  # rules of all that a second theme can change

# Edges that fade where a chart scrolls are animations too, which run along with the scrolling and never end.
AT_REST = """() => !document.querySelector('[data-testid=stSkeleton]')
  && !document.getAnimations().some(one => one.playState === 'running' && one.timeline instanceof DocumentTimeline)"""

OUT_OF_VIEW = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const over = main.scrollWidth > main.clientWidth ? [`the page: ${main.scrollWidth} of ${main.clientWidth}`] : [];
  const bars = '[class*=_toolbar] button, [class*=force_bar] button';
  const lost = [...main.querySelectorAll(bars)].filter(one => one.getBoundingClientRect().right > main.clientWidth);
  return [...over, ...lost.map(one => one.innerText)];
}"""


def findings(page: Page, *rules: str) -> list[str]:
    """A line for each element that axe finds at fault, by all its rules unless some are named."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}  # one passing element of a rule is enough to know of
    options |= {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found: dict[str, Any] = Axe().run(page, {"exclude": [EMPTY_LAYERS]}, options).response
    assert found["passes"], "axe has looked at nothing"
    return [
        f"{rule['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if not (rule["id"] == STREAMLITS[0] and STREAMLITS[1] in node["html"])
    ]


@pytest.mark.parametrize("link", PAGES)
def test_axe_finds_nothing_the_tab_key_reaches_all_and_a_narrow_page_keeps_its_width(open_page: OpenPage, link: str):
    page = open_page(link, drawn=PAGES[link], color_scheme="dark", viewport=NARROW)
    settle(page)
    page.wait_for_function(f"({OUT_OF_VIEW})().length === 0")  # charts take their width a moment later
    page.set_viewport_size(WIDE)
    rest(page, "dark")
    assert findings(page, *COLOURS) == []
    page.emulate_media(color_scheme="light")
    rest(page, "light")
    assert findings(page) == []
    stops = walk(page)
    assert missed(page) == []
    assert [name for name, shown in stops.items() if not shown] == []


def rest(page: Page, scheme: str) -> None:
    """Wait until a page stands still in a theme: a colour that is fading in has another contrast."""
    page.wait_for_function(f"document.querySelector('[data-testid=stApp]').dataset.drawnIn === '{scheme}'")
    settle(page)
    page.wait_for_function(AT_REST)


def test_axe_is_able_to_find_something(open_page: OpenPage):
    page = open_page("learn?step=glossary", drawn=".dfs-glossary")
    settle(page)
    page.locator(".dfs-glossary dd").first.evaluate("element => { element.style.color = '#999999'; }")
    page.locator(".dfs-glossary").evaluate("element => element.append(document.createElement('button'))")
    assert sorted(line.split(":")[0] for line in findings(page)) == ["button-name", "color-contrast"]


@pytest.mark.parametrize("width", [720, 1024, 1280])
def test_on_a_narrow_desk_no_control_is_squeezed(open_page: Callable[..., Page], width: int):
    """A window of 1440 pixels at 200 % has 720."""
    page = open_page("", viewport={"width": width, "height": 450})
    controls = page.locator(".st-key-controls")
    widths = controls.locator("[data-testid=stColumn]").evaluate_all("all => all.map(one => one.clientWidth)")
    assert len(widths) > 2
    assert min(widths) > (200 if width == 720 else 100)
    heights = controls.locator("[data-testid=stWidgetLabel] p").evaluate_all("all => all.map(one => one.clientHeight)")
    assert heights
    assert max(heights) < 30, "a label stands in one line"


def test_on_paper_the_names_of_rows_are_not_drawn_twice_and_the_map_fits(open_page: Callable[..., Page]):
    paper = {"width": 704, "height": 1000}  # A4 with margins of 12 mm
    page = open_page("image", viewport=paper)
    expect(page.locator(".dfs-rows span").first).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".dfs-rows span").first).to_be_hidden()
    page.emulate_media(media="screen")
    page = open_page("testset", viewport={"width": 1280, "height": 900})
    drawn = page.locator(".st-key-decision_map .js-plotly-plot .main-svg").first
    drawn.wait_for()
    page.set_viewport_size({"width": 1280, "height": 901})
    wide = drawn.bounding_box()["width"]
    page.emulate_media(media="print")
    assert drawn.bounding_box()["width"] < 0.6 * wide
