"""What other people's files say is text, and other sites' pages get no connection: in a real browser, on every page."""

from __future__ import annotations

import io
import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hostile import CLASS, FOLDER, text, write_hostile
from on_page import settle
from PIL import Image
from playwright.sync_api import Browser, expect
from tiny import picture

from tools.serving import served

pytestmark = pytest.mark.browser
ODD = quote(f"tiny-dfs-30{FOLDER}")
PAGES = {
    "": ".st-key-curve svg.marks",
    f"image?checkpoint={ODD}": "[data-testid=stVegaLiteChart] svg.marks",
    "compare": "[data-testid=stVegaLiteChart] svg.marks",
    "testset": "[data-testid=stVegaLiteChart] svg.marks",
    f"testset?answer={quote('cat' + CLASS)}&verdict=wrong": ".st-key-filter_parts",
    f"laboratory?checkpoint={quote(f'tiny-backbone{FOLDER}')}": ".st-key-elsewhere",
    "learn": ".st-key-onward",
    "learn?step=3&force=8": ".st-key-onward",
    "learn?step=quiz": ".st-key-quiz_bar",
    "present": ".st-key-talk_bar",
}


@pytest.fixture(scope="module")
def hostile_url(pretrained_folder: Path, cifar10_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    root = write_hostile(folder, pretrained_folder, cifar10_dir)
    settings = {"DFS_PRETRAINED_DIR": str(root), "DFS_DATA_DIR": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    with served(settings) as app:
        yield app.address
        assert "Traceback" not in app.log.read_text(), app.log.read_text()[-3000:]


def test_no_text_of_a_file_makes_a_page_ask_another_host(browser: Browser, hostile_url: str) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    asked: list[tuple[str, str]] = []
    at = [""]
    page.on("request", lambda request: asked.append((at[0], request.url)))
    for at[0], drawn in PAGES.items():
        page.goto(f"{hostile_url}/{at[0]}")
        page.locator(drawn).first.wait_for()
        settle(page)
    at[0] = "upload and talk"
    page.goto(hostile_url)
    page.locator(".st-key-strip svg.marks").wait_for()
    buffer = io.BytesIO()
    Image.fromarray(picture(3, 64)).save(buffer, "PNG")
    image = {"name": f"{text('upload')}.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    bad = {"name": f"{text('refused')}.png", "mimeType": "image/png", "buffer": b"none"}
    page.get_by_test_id("stFileUploaderDropzone").locator("input").set_input_files([image, bad])
    expect(page.locator(".st-key-refused")).to_contain_text("is not a JPEG")
    settle(page)
    page.locator(".st-key-strip_add").get_by_role("button", name="Add to talk").click()
    expect(page.get_by_text("Slide 1 of your talk")).to_be_visible()
    page.get_by_role("link", name="Present").click()
    page.get_by_label("Title", exact=True).fill(text("slide"))
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name="Present", exact=True).click()
    expect(page.locator(".dfs-slide h1")).to_contain_text("![m](http:")
    settle(page)
    context.close()
    own = (hostile_url, hostile_url.replace("http", "ws", 1), "data:", "blob:")
    assert not sorted({found for found in asked if not found[1].startswith(own)})
    assert not [found for found in asked if "elsewhere" in urlsplit(found[1]).path], "as a path of the server's own"


def test_pages_of_other_sites_get_no_connection(hostile_url: str) -> None:
    here = urlsplit(hostile_url).netloc
    port = here.partition(":")[2]
    assert handshake(here, here, hostile_url) == 101
    assert handshake(here, f"localhost:{port}", f"http://localhost:{port}") == 101
    for host, origin in (
        ("elsewhere.invalid", "http://elsewhere.invalid"),  # a name of theirs that leads to this machine
        (f"elsewhere.invalid:{port}", f"http://elsewhere.invalid:{port}"),
        ("app.streamlit.app", "https://app.streamlit.app"),
        (here, "http://elsewhere.invalid"),
        (here, "https://app.streamlit.app"),
        (here, "null"),
    ):
        assert handshake(here, host, origin) == 403, (host, origin)
    with urllib.request.urlopen(f"{hostile_url}/_stcore/host-config") as answer:
        assert json.load(answer)["allowedOrigins"] == [], "no other page may hold the app in a frame and command it"


def handshake(address: str, host: str, origin: str) -> int:
    """The status with which the server answers who asks for a websocket."""
    name, _, port = address.partition(":")
    wish = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection((name, int(port)), 60) as connection:
        connection.sendall(wish.encode())
        return int(connection.recv(64).split()[1])
