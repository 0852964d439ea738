"""Files that are made when their button is clicked, and stay until the browser has them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from dashboard.export import formats
from dashboard.export.talk import Talk
from dashboard.ui.session_talk import Held

WAIT_S = 2.0  # at most, for the run that a click begins


def button(label: str, make: Callable[[], bytes], name: str, kind: str, **settings: Any) -> None:
    """A button for a file of a kind that ``formats`` knows, made by ``make``; other settings are Streamlit's."""
    mime = formats.MIME[kind]
    st.download_button(label, kept(make, name, mime), name, mime, **settings)


def kept(make: Callable[[], bytes], name: str, mime: str) -> Callable[[], bytes]:
    """``make`` for a download's button, so that its file belongs to the session that asks for it.

    Streamlit leaves such a file to nobody, and throws away what is nobody's when the second run of a page from then on
    has ended, whosever page: with a few people at their sliders that is before the browser fetches it.

    Args:
        make: makes the file, in a thread of Streamlit's.
        name: of the file; with the type and the bytes, what Streamlit knows it by.
        mime: its type.
    """
    context = get_script_run_ctx(suppress_warning=True)

    def made() -> bytes:
        data = make()
        if context is not None and runtime.exists():
            keeping = threading.Thread(target=_keep, args=(data, name, mime))
            add_script_run_ctx(keeping, context)  # a thread of its own, as Streamlit's serves other sessions next
            keeping.start()
            keeping.join()
        return data

    return made


def _keep(data: bytes, name: str, mime: str) -> None:
    files = runtime.get_instance().media_file_mgr
    files.add(data, mime, f"download of {name}", file_name=name, is_for_static_download=True)


class TalkFile:
    """What a download's button calls for its bytes.

    Two messages leave the browser with a click: the one that runs the page again, with what was typed last, and the
    one that asks for the file. The file waits for the first.
    """

    def __init__(self, held: Held, make: Callable[[Talk], bytes]) -> None:
        """Args: held: the talk; make: from the talk to the file's bytes."""
        self._held, self._make = held, make
        self._clicked = threading.Event()

    def clicked(self) -> None:
        """The page runs again and has taken in what was typed before the click; the button's callback."""
        self._clicked.set()

    def __call__(self) -> bytes:
        """The file.

        Raises:
            UserError: it cannot be made of this talk.
        """
        self._clicked.wait(WAIT_S)
        self._clicked.clear()
        return self._make(self._held.talk)
