"""What only a browser shows of talks: the way to a file with one's own image, and presenting by keyboard."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from on_page import control
from on_page import settle as at_rest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pptx import Presentation
from tiny import picture

OpenPage = Callable[..., Page]
pytestmark = pytest.mark.browser


def settle(page: Page) -> None:
    """Wait until the app has finished its run: a key that comes before is for the slide before."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")


def add(page: Page, view: str) -> None:
    page.locator(f".st-key-{view}_add").get_by_role("button", name="Add to talk").click()


def test_from_an_own_image_to_a_powerpoint_file_takes_six_clicks(open_page: OpenPage, tmp_path: Path):
    page = open_page()
    buffer = io.BytesIO()
    Image.fromarray(picture(3, 200)).save(buffer, "PNG")
    image = {"name": "holiday.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    with page.expect_file_chooser() as chooser:  # the button "Upload"
        page.get_by_test_id("stFileUploaderDropzone").get_by_test_id("stBaseButton-secondary").click()  # 1
    chooser.value.set_files([image])  # 2 and 3: a file, and "Open", in the system's own dialog
    expect(page.locator(".st-key-strip path[aria-label][d^='M-']")).to_have_count(1)
    add(page, "strip")  # 4
    expect(page.get_by_text("Slide 1 of your talk")).to_be_visible()
    page.get_by_role("link", name="Present").click()  # 5
    with page.expect_download() as download:
        page.get_by_role("button", name="PowerPoint").click()  # 6
    download.value.save_as(tmp_path / "talk.pptx")
    _, slide = Presentation(str(tmp_path / "talk.pptx")).slides
    assert slide.shapes.title.text.startswith("Decisions of DFS ResNet-14")
    assert [shape.image.dpi for shape in slide.shapes if shape.shape_type == 13] == [(300, 300)]
    assert "checkpoint tiny-dfs-20" in " ".join(s.text_frame.text for s in slide.shapes if s.has_text_frame)
    assert slide.notes_slide.notes_text_frame.text


@pytest.mark.parametrize(
    ("screen", "wanted"),
    [({"width": 1440, "height": 900}, 12), ({"width": 390, "height": 844}, 13)],
    ids=["desk", "phone"],
)
def test_from_a_photograph_with_its_class_and_square_to_a_six_slide_talk_presented_and_exported(
    open_page: OpenPage, tmp_path: Path, screen: dict[str, int], wanted: int
):
    page = open_page(viewport=screen)
    clicks = 0

    def click(spot: Locator) -> None:
        nonlocal clicks
        settle(page)
        spot.click()
        clicks += 1

    buffer = io.BytesIO()
    Image.fromarray(picture(3, 200)).crop((0, 0, 200, 120)).save(buffer, "PNG")
    with page.expect_file_chooser() as chooser:
        click(page.get_by_test_id("stFileUploaderDropzone").get_by_test_id("stBaseButton-secondary"))
    chooser.value.set_files([{"name": "holiday.png", "mimeType": "image/png", "buffer": buffer.getvalue()}])
    clicks += 2  # a file, and "Open", in the system's own dialog
    expect(page.locator(".st-key-strip path[aria-label][d^='M-']")).to_have_count(1)
    expect(page.get_by_text("true class unknown").first).to_be_visible()
    at_rest(page)
    told = control(page, "own_truth").get_by_role("combobox")
    click(told)
    told.fill("cat")
    page.keyboard.press("Enter")
    clicks += 1  # for those who choose it with the mouse
    expect(page.get_by_text(re.compile("is cat|✓")).first).to_be_visible()
    settle(page)
    control(page, "own_crop").locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # from the middle of the picture to its right, which a hand does with a drag
    clicks += 1
    if screen["width"] < 640:
        click(page.get_by_test_id("stExpandSidebarButton"))
    click(page.get_by_role("link", name="Present"))
    click(page.get_by_role("button", name="Make this talk").first)
    expect(page.get_by_role("button", name="Present from here")).to_have_count(6)
    click(page.get_by_role("button", name="Present", exact=True))
    expect(page.locator(".st-key-talk_moves")).to_contain_text("1 / 6")
    click(page.get_by_role("button", name="Notes"))
    expect(page.get_by_label("Speaker notes")).to_be_visible()
    click(page.get_by_role("button", name="End"))
    with page.expect_download() as download:
        click(page.get_by_role("button", name="PowerPoint"))
    download.value.save_as(tmp_path / "talk.pptx")
    slides = Presentation(str(tmp_path / "talk.pptx")).slides
    assert len(slides) == 6
    assert sum(shape.shape_type == 13 for slide in slides for shape in slide.shapes) == 3, "three charts"
    assert clicks == wanted


def test_a_talk_is_presented_by_keyboard_without_the_app_around_it(open_page: OpenPage):
    page = open_page(viewport={"width": 1920, "height": 1080}, color_scheme="dark")
    add(page, "strip")
    expect(page.get_by_text("Slide 1 of your talk")).to_be_visible()
    add(page, "curve")
    expect(page.get_by_text("Slide 2 of your talk")).to_be_visible()
    page.get_by_role("link", name="Present").click()
    page.get_by_role("button", name="Present", exact=True).click()
    heading, progress = page.locator(".dfs-slide h1"), page.locator(".st-key-talk_moves")
    expect(heading).to_have_text(re.compile("^Decisions of"))
    expect(progress).to_contain_text("1 / 2")
    expect(page.locator("header")).to_be_hidden()
    for key, title in (
        ("ArrowRight", "Accuracy"),
        ("ArrowLeft", "Decisions"),
        ("PageDown", "Accuracy"),
        ("PageUp", "Decisions"),
    ):
        settle(page)
        page.keyboard.press(key)
        expect(heading).to_have_text(re.compile(f"^{title}"))
    expect(page).to_have_url(re.compile("show=1"))
    settle(page)
    page.keyboard.press("n")
    expect(page.get_by_label("Speaker notes")).to_contain_text("Each row is an image")
    drawn = page.locator(".dfs-slide img").bounding_box()
    assert drawn["height"] > 500
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    settle(page)
    page.keyboard.press(" ")
    expect(progress).to_contain_text("2 / 2")
    settle(page)
    page.keyboard.press("1")
    expect(progress).to_contain_text("1 / 2")
    settle(page)
    page.locator(".dfs-slide").click()
    expect(progress).to_contain_text("2 / 2")
    settle(page)
    page.keyboard.press("b")
    expect(page.locator(".dfs-black")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator(".dfs-black")).to_have_count(0)
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Presenter window").click()
    presenter = popup.value
    expect(presenter.locator("h1")).to_have_text(re.compile("^Accuracy"))
    expect(presenter.locator(".clock")).to_have_text(re.compile(r"^\d+:\d\d$"))
    presenter.keyboard.press("1")
    expect(progress).to_contain_text("1 / 2")
    expect(presenter.locator("h1")).to_have_text(re.compile("^Decisions"))
    expect(presenter.locator(".notes")).to_contain_text("Each row is an image")
    page.bring_to_front()
    expect(page.get_by_role("button", name="Full screen")).to_have_css("cursor", "pointer")  # our style is there
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement !== null")
    page.evaluate("document.exitFullscreen()")
    settle(page)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("/present$"))
    expect(page.locator("header")).to_be_visible()
    page.goto(page.url)  # a new session: the browser has kept the talk
    page.get_by_role("button", name=re.compile("Open a talk of this browser: .*2 slides")).click()
    expect(page.get_by_role("button", name="PowerPoint")).to_be_visible()
    expect(page.locator(".st-key-slide_1")).to_be_visible()


def test_a_slide_of_a_new_session_leaves_the_talk_of_the_one_before(open_page: OpenPage):
    page = open_page()
    for place, view in enumerate(("strip", "curve"), start=1):
        add(page, view)
        expect(page.get_by_text(f"Slide {place} of your talk")).to_be_visible()
    at_rest(page)
    for _ in range(2):
        page.goto(page.url)  # a new session
        add(page, "strip")
        expect(page.get_by_text("Slide 1 of your talk")).to_be_visible()
        at_rest(page)
    page.get_by_role("link", name="Present").click()
    page.get_by_text("Talks that this browser keeps").click()
    page.get_by_role("button", name=re.compile("Open a talk of this browser: .*2 slides")).click()
    expect(page.locator(".st-key-slide_1")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Open a talk of this browser: .*2 slides"))).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Open a talk of this browser: .*1 slide,"))).to_have_count(1)
