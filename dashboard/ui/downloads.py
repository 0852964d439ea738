"""Download buttons whose file is made on click and kept until the browser has fetched it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from dashboard.export import formats
from dashboard.export.talk import Talk
from dashboard.ui.session_talk import TalkHolder

WAIT_S = 2.0  # longest wait for the rerun that a click starts


def button(label: str, make: Callable[[], bytes], name: str, kind: str, **settings: Any) -> None:
    """A download button.

    Args:
        label: text of the button.
        make: makes the file, on click.
        name: of the file.
        kind: one of ``formats.MIME``.
        settings: passed on to ``st.download_button``.
    """
    mime = formats.MIME[kind]
    st.download_button(label, kept(make, name, mime), name, mime, **settings)


def kept(make: Callable[[], bytes], name: str, mime: str) -> Callable[[], bytes]:
    """Wrap ``make`` so that its file belongs to the session that asked for it.

    Streamlit ties this file to no session and deletes it after two script runs of any session; we register it with
    ours. Otherwise, with several users, it could be gone before the browser fetches it.

    Args:
        make: makes the file; Streamlit calls it in a thread.
        name: of the file. Streamlit identifies a file by name, type and bytes.
        mime: its type.
    """
    context = get_script_run_ctx(suppress_warning=True)

    def made() -> bytes:
        data = make()
        if context is not None and runtime.exists():
            thread = threading.Thread(target=_register, args=(data, name, mime))
            add_script_run_ctx(thread, context)  # not on Streamlit's own thread: that one serves other sessions next
            thread.start()
            thread.join()
        return data

    return made


def _register(data: bytes, name: str, mime: str) -> None:
    files = runtime.get_instance().media_file_mgr
    files.add(data, mime, f"download of {name}", file_name=name, is_for_static_download=True)


class TalkFile:
    """The ``data`` callable of a talk's download button.

    A click sends two messages: one reruns the page with the text typed last, the other asks for the file. The file
    waits for the rerun, so that it includes that text.
    """

    def __init__(self, held: TalkHolder, make: Callable[[Talk], bytes]) -> None:
        """Args: held: the talk; make: from the talk to the file's bytes."""
        self._held, self._make = held, make
        self._clicked = threading.Event()

    def clicked(self) -> None:
        """Callback of the button: the rerun has begun and the typed text is in the talk."""
        self._clicked.set()

    def __call__(self) -> bytes:
        """Make the file.

        Raises:
            UserError: the talk cannot be written in this format.
        """
        self._clicked.wait(WAIT_S)
        self._clicked.clear()
        return self._make(self._held.talk)
