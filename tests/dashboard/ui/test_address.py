"""Links into the app behind a proxy that has it below a path of its host."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st
from pages import opened, text_of

from dashboard.learn import glossary
from dashboard.learn.room_panel import address_html
from dashboard.ui import address


@pytest.fixture
def below(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets Streamlit's ``server.baseUrlPath``."""
    known = st.get_option

    def to(folder: str) -> None:
        monkeypatch.setattr(st, "get_option", lambda key: folder if key == "server.baseUrlPath" else known(key))

    return to


def test_a_path_of_the_app_begins_with_that_of_the_server(below: Callable[[str], None]):
    assert address.inside("/learn") == "/learn"
    for folder in ("dfs", "/dfs/", "dfs/"):
        below(folder)
        assert address.inside("/learn?step=2") == "/dfs/learn?step=2"


def test_the_address_of_the_app_is_that_of_its_first_page(
    below: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    assert address.app() is None, "no browser has said it"
    below("a/b")
    monkeypatch.setattr(st, "context", SimpleNamespace(url="https://example.org/a/b/image"))
    assert address.app() == "https://example.org/a/b/"


@pytest.mark.parametrize(
    ("url", "ip", "here"),
    [
        (None, None, True),
        ("http://localhost:8501/runs", None, True),
        ("http://[::1]:8501/", None, True),
        ("http://localhost:8501/runs", "192.168.1.7", False),  # what a visitor's browser states is not where it is
        ("http://localhost.example.org/", None, False),
        ("http://192.168.1.20:8501/", None, False),
    ],
)
def test_only_a_browser_that_is_connected_from_this_machine_is_on_it(
    url: str | None, ip: str | None, here: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(st, "context", SimpleNamespace(url=url, ip_address=ip))
    assert address.on_this_machine() is here


def test_links_to_the_glossary_and_of_the_room_stay_in_the_app(below: Callable[[str], None]):
    below("dfs")
    assert 'href="/dfs/learn?step=glossary#term-gate"' in glossary.link("gate", "gate")
    assert "](/dfs/learn?step=glossary#term-gate " in glossary.explained("A gate.", set())
    assert ">http://192.168.1.20/dfs/learn<" in address_html("http://192.168.1.20/dfs/learn?room=1")


def test_a_slide_links_to_its_page_and_a_presented_one_says_the_whole_address(
    below: Callable[[str], None], tiny_pretrained: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
):
    below("dfs")
    monkeypatch.setattr(type(st.context), "url", "https://example.org/dfs/present")
    app = opened("present", checkpoint="tiny-dfs-10")
    app.button(key="talk_make").click().run()
    assert re.findall(r"\[open the page\]\((.*?)\)", text_of(app))[0] == "/dfs/?checkpoint=tiny-dfs-10&budget=10"
    app.button(key="talk_start").click().run()
    assert not app.exception
    assert "https://example.org/dfs/?checkpoint=tiny-dfs-10" in text_of(app)
