"""What tests read off a page that AppTest has run."""

from __future__ import annotations

import re

from places import APP
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash


def go_to(app: AppTest, page: str) -> AppTest:
    """Turn to a page by its folder; ``AppTest.switch_page`` would know it by its file's name, which all pages share."""
    app._page_hash = calc_hash(page)
    return app


def opened(page: str = "explore", **query: str) -> AppTest:
    """A page, opened by a link with these parameters."""
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params.update(query)
    app = go_to(app, page).run()
    assert not app.exception, page
    return app


def control(elements, name: str):
    """The control of that name; its key ends in a number that changes when the page moves it."""
    (found,) = (element for element in elements if element.key.rpartition("_")[0] == name)
    return found


def text_of(app: AppTest) -> str:
    """Everything that the page says, HTML of ours included, with plain spaces only."""
    html = "".join(element.proto.body for element in app.get("html"))
    written = " ".join(str(element.value) for kind in (app.markdown, app.caption) for element in kind)
    return breakable(html + written)


def said(element) -> str:
    """A message as it is read: without the signs that keep Markdown from being read in it, with plain spaces only."""
    return breakable(element.value.replace("\\", ""))


def breakable(text: str) -> str:
    """A text with plain spaces only."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def unlinked(text: str) -> str:
    """A sentence of Learn without its links to the glossary."""
    return re.sub(r'\[([^]]+)\]\(/learn[^"]*"[^"]*"\)', r"\1", text)


def rows_of(app: AppTest) -> list[str]:
    """Labels of the images shown, from the control that puts one in focus."""
    return list(control(app.selectbox, "focus").options)
