"""What only a browser shows: links, clicks on charts, themes, widths, and that nothing leaves the machine."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from on_page import focus, in_use, point, rows, settle, slider
from PIL import Image
from playwright.sync_api import Page, expect
from tiny import picture

from dashboard.drawing.palette import DARK, LIGHT, Palette

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser


def test_the_page_says_what_is_in_use_and_shows_a_cell_for_every_decision(open_page: OpenPage):
    page = open_page()
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 20 %, alpha 5e-6")
    expect(page.locator(".st-key-strip path[aria-label*=', block ']")).to_have_count(10 * 5)
    expect(rows(page)).to_have_count(10)
    widths = page.locator(".dfs-legend img").evaluate_all("marks => marks.map(mark => mark.naturalWidth)")
    assert widths, "the legend has marks"
    assert all(widths), "every mark is drawn"


def test_back_in_the_browsers_history_goes_back_in_the_app(open_page: OpenPage):
    page = open_page()
    slider(page).focus()
    slider(page).press("ArrowRight")
    expect(page).to_have_url(re.compile("budget=30"))
    settle(page)
    page.wait_for_timeout(700)  # as a person would; sooner it could be a late answer to the step before
    page.go_back()
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 20 %, alpha 5e-6")
    settle(page)  # while a slider takes the place of another, both are there
    expect(slider(page)).to_have_attribute("aria-valuetext", "20 %")


def test_a_click_on_a_point_selects_it_and_moves_slider_and_link(open_page: OpenPage):
    page = open_page()
    point(page, "tiny-dfs-10").click()
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 10 %, alpha 5e-6")
    expect(slider(page)).to_have_attribute("aria-valuetext", "10 %")
    expect(page).to_have_url(re.compile("checkpoint=tiny-dfs-10&budget=10"))
    point(page, "tiny-skipnet-50").click()
    expect(in_use(page)).to_have_text("SkipNet ResNet-14, budget 50 %, alpha 5e-6")


def test_the_same_point_can_be_clicked_again_after_the_slider_moved_away(open_page: OpenPage):
    page = open_page()
    point(page, "tiny-dfs-10").click()
    expect(slider(page)).to_have_attribute("aria-valuetext", "10 %")
    slider(page).focus()
    slider(page).press("ArrowRight")
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 20 %, alpha 5e-6")
    settle(page)
    point(page, "tiny-dfs-10").click()
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 10 %, alpha 5e-6")


def test_a_fast_run_along_the_slider_ends_where_it_stopped(open_page: OpenPage):
    page = open_page()
    slider(page).focus()
    for key in ["ArrowLeft", *["ArrowRight"] * 3, *["ArrowLeft"] * 3, *["ArrowRight"] * 2]:
        slider(page).press(key)
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 30 %, alpha 5e-6")
    settle(page)
    page.wait_for_timeout(700)  # long enough for a late answer to an earlier step to undo it
    expect(slider(page)).to_have_attribute("aria-valuetext", "30 %")
    expect(page).to_have_url(re.compile("budget=30"))


def test_a_click_on_a_cell_or_on_a_picture_puts_that_image_in_focus(open_page: OpenPage):
    page = open_page()
    rows(page).nth(4).click()
    expect(focus(page)).to_have_value(re.compile(r"^5\. "))
    page.locator(".st-key-strip path[aria-label*=', block ']").nth(7 * 5).click()
    expect(focus(page)).to_have_value(re.compile(r"^8\. "))
    rows(page).nth(4).click()
    expect(focus(page)).to_have_value(re.compile(r"^5\. "))


def test_sixteen_uploads_are_sixteen_rows_and_a_bad_one_is_one_message(open_page: OpenPage):
    page = open_page()
    files = []
    for seed in range(16):
        buffer = io.BytesIO()
        Image.fromarray(picture(seed, 200)).save(buffer, "JPEG")
        files.append({"name": f"{seed}.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()})
    files.append({"name": "notes.png", "mimeType": "image/png", "buffer": b"these are notes"})
    page.locator("input[type=file]").set_input_files(files)
    expect(rows(page)).to_have_count(16)
    expect(page.locator("[data-testid=stAlert]")).to_have_count(1)
    expect(page.locator("[data-testid=stAlert]")).to_contain_text("notes.png")


def test_an_upload_outlives_a_reload_and_its_crop_is_drawn_over_it(open_page: OpenPage):
    buffer = io.BytesIO()
    Image.fromarray(picture(3, 200)[:100]).save(buffer, "PNG")
    page = open_page("")
    page.locator("input[type=file]").set_input_files(
        [{"name": "wide.png", "mimeType": "image/png", "buffer": buffer.getvalue()}]
    )
    frame = page.locator(".st-key-in_focus .dfs-crop i")
    expect(frame).to_be_visible()
    shown = page.locator(".st-key-in_focus .dfs-crop img").first.bounding_box()
    box = frame.bounding_box()
    assert abs(box["width"] - shown["width"] / 2) < 3
    assert abs(box["x"] - shown["x"] - shown["width"] / 4) < 3
    assert abs(box["y"] - shown["y"] - shown["height"] / 4) < 3
    settle(page)
    page.reload()
    expect(frame).to_be_visible()
    expect(focus(page)).to_have_value("1. wide.png")
    assert "image=own" in page.url


def drawn_in(colours: Palette) -> str:
    """A condition in the page: the strip's cells have colours of a theme, two of them or more."""
    allowed = [colours.option(name) for name in ("skip", "8", "16", "full")]
    return (
        "() => { const cells = [...document.querySelectorAll('.st-key-strip g.mark-rect path[stroke]')];"
        " const fills = [...new Set(cells.map(cell => cell.getAttribute('fill')))];"
        f" return fills.length > 1 && fills.every(fill => {allowed}.includes(fill)); }}"
    )


def test_each_theme_has_its_colours_and_charts_follow_a_change_under_an_open_page(open_page: OpenPage):
    page = open_page(color_scheme="light")
    for colours in (LIGHT, DARK):
        page.wait_for_function(drawn_in(colours))
        background = page.locator("[data-testid=stApp]").evaluate("e => getComputedStyle(e).backgroundColor")
        assert background == f"rgb{tuple(int(colours.background[i : i + 2], 16) for i in (1, 3, 5))}"
        if colours is LIGHT:
            settle(page)
            page.get_by_test_id("stMainMenu").get_by_role("button").first.click()
            page.get_by_role("menuitemradio", name="Dark").click()


def test_strip_and_curve_stand_beside_each_other_and_on_a_narrow_page_below_each_other(open_page: OpenPage):
    page = open_page()
    strip, curve = page.locator(".st-key-strip"), page.locator(".st-key-curve")
    assert strip.bounding_box()["y"] + strip.bounding_box()["height"] <= 900
    assert curve.bounding_box()["x"] > strip.bounding_box()["x"] + 500
    page.set_viewport_size({"width": 800, "height": 900})
    expect(strip).to_be_visible()
    page.wait_for_function("() => document.querySelector('.st-key-curve').getBoundingClientRect().x < 100")
    assert curve.bounding_box()["y"] > strip.bounding_box()["y"] + strip.bounding_box()["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_menu_is_in_view_beside_the_link_and_opens(open_page: OpenPage, scheme: str):
    phone = {"width": 360, "height": 800}
    page = open_page("learn?step=glossary", drawn=".dfs-glossary", color_scheme=scheme, viewport=phone)
    pages, link = page.get_by_test_id("stExpandSidebarButton"), page.get_by_role("button", name="Copy link")
    menu = page.get_by_test_id("stMainMenu").get_by_role("button").first
    boxes = [found.bounding_box() for found in (pages, link, menu)]
    ends = [end for box in boxes for end in (box["x"], box["x"] + box["width"])]
    assert ends == sorted(ends), "none lies over another"
    assert ends[-1] <= phone["width"]
    menu.click()
    expect(page.get_by_role("menuitemradio", name="Dark")).to_be_visible()


def test_on_a_phone_the_drawer_closes_on_a_choice_and_the_header_names_the_page(open_page: OpenPage):
    page = open_page("learn?step=glossary", drawn=".dfs-glossary", viewport={"width": 390, "height": 844})
    header, drawer = page.get_by_test_id("stHeader"), page.get_by_test_id("stSidebar")
    expect(header).to_have_attribute("data-page", "Learn")
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(drawer).to_be_in_viewport()
    drawer.get_by_role("link", name="Explore").click()
    expect(header).to_have_attribute("data-page", "Explore")
    expect(drawer).not_to_be_in_viewport()
    expect(page.locator(".st-key-strip")).to_be_visible()


def test_the_camera_is_not_asked_for_until_somebody_opens_it(open_page: OpenPage):
    page = open_page()
    expect(page.locator("[data-testid=stCameraInput]")).to_have_count(0)
    page.get_by_text("Take a picture").click()
    expect(page.locator("[data-testid=stCameraInput]")).to_have_count(1)


def test_embedded_in_a_slide_the_page_has_no_chrome(open_page: OpenPage):
    page = open_page("?embed=true")
    expect(page.locator("[data-testid=stMainMenu]")).to_have_count(0)
    expect(in_use(page)).to_have_text("DFS ResNet-14, budget 20 %, alpha 5e-6")
