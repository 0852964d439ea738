"""The shipped cascade in a browser: rows looked at again, the limit of an image, and who was looked at again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from on_page import rows, settle
from places import REPOSITORY
from playwright.sync_api import Page, expect

from tools.serving import served

pytestmark = pytest.mark.browser
NAME = "cascade-resnet38-cifar10"


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app with the shipped checkpoints, their stored decisions, and drawn pictures."""
    nowhere = tmp_path_factory.mktemp("server") / "none"
    settings = {
        "DFS_PRETRAINED_DIR": str(REPOSITORY / "pretrained"),
        "DFS_DATA_DIR": str(nowhere),
        "OMP_NUM_THREADS": "1",
    }
    with served(settings) as app:
        yield app.address
        assert "Traceback" not in app.log.read_text(), app.log.read_text()[-3000:]


def test_explore_shows_every_pass_of_the_images_that_were_looked_at_again(open_page: Callable[..., Page]):
    page = open_page(f"?checkpoint={NAME}&budget=0.65")
    settle(page)
    said = page.locator(".st-key-looks_bar").get_by_text(re.compile(r"^Looked at again: \d+ of 10 images"))
    hard = int(re.search(r"\d+", said.text_content() or "")[0])
    assert 0 < hard < 10
    page.get_by_text("Looked at again", exact=True).click()
    expect(page).to_have_url(re.compile("again=1"))
    settle(page)
    expect(rows(page)).to_have_count(hard)
    page.get_by_role("radio", name="Most passes first").click()
    expect(page).to_have_url(re.compile("order=hard"))


def test_a_surer_first_answer_is_a_larger_budget_with_its_outcome_for_image_and_test_set(
    open_page: Callable[..., Page],
):
    page = open_page(f"image?checkpoint={NAME}&budget=0.5&image=frog")
    settle(page)
    outcomes = page.locator(".dfs-changes tbody tr")
    expect(outcomes).to_have_count(2)
    before = outcomes.all_text_contents()
    slider = page.locator(".st-key-limit_slider input[type=range]")
    slider.focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(re.compile("budget=0.5(&|$)"))
    settle(page)
    after = outcomes.all_text_contents()
    assert after[0] != before[0]
    budget = float(re.search(r"budget=([\d.]+)", page.url)[1])
    assert budget > 0.5
    shares = [float(re.search(r"([\d.]+) % looked at again", said[1])[1]) for said in (before, after)]
    assert shares[1] > shares[0]


def test_a_click_on_a_number_of_passes_shows_these_test_images(open_page: Callable[..., Page]):
    page = open_page(f"testset?checkpoint={NAME}&budget=0.65", drawn=".st-key-passes_by_class svg.marks")
    settle(page)
    segments = page.locator(".st-key-passes_by_class svg.marks path[aria-label*='made 2 passes']")
    segments.first.click()
    expect(page).to_have_url(re.compile("passes=2"))
    settle(page)
    tiles = page.locator(".dfs-tile figcaption")
    expect(tiles.first).to_contain_text("2 passes")
    assert all("2 passes" in text for text in tiles.all_text_contents())
    page.goto(page.url.split("?")[0] + f"?checkpoint={NAME}&budget=0.65")
    settle(page)
    righted = page.get_by_role("button", name=re.compile("^Show the .* put right"))
    count = re.search(r"[\d,]+", righted.text_content() or "")[0]
    righted.click()
    expect(page.get_by_text(f"Looking again put {count} images right")).to_be_visible()
