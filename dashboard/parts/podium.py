"""The session's talk: what was added to it from any page, and the last step back."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import streamlit as st

from dashboard.export.talk import Slide, Talk
from dashboard.export.view import View
from dashboard.parts.absent import plain
from dfs_core.errors import UserError

_TALK, _BEFORE = "talk", "talk_before"


def current() -> Talk:
    """The talk of this session."""
    return cast(Talk, st.session_state.get(_TALK, Talk()))


def keep(talk: Talk) -> None:
    """Make this the talk; the one before can be had back by ``undo``."""
    before = current()
    if talk != before:
        st.session_state[_BEFORE], st.session_state[_TALK] = before, talk


def change(index: int, slide: Slide, how: Callable[[Talk], Talk]) -> None:
    """Change a slide as a page showed it; what comes late, for a slide that stands elsewhere by now, is left."""
    talk = current()
    if talk.slides[index : index + 1] == (slide,):
        keep(how(talk))


def undo() -> None:
    """Go back to the talk before the last change; twice comes back again."""
    if can_undo():
        keep(st.session_state[_BEFORE])


def can_undo() -> bool:
    """Whether there is a step to take back."""
    return _BEFORE in st.session_state


def add(view: View) -> None:
    """Add a view as it is now, and say so; for callbacks."""
    try:
        talk = current().add(view)
    except UserError as error:
        st.toast(f"Not added: {plain(str(error))}", icon=":material/error:")
        return
    keep(talk)
    st.toast(f"Slide {len(talk.slides)} of your talk: {plain(view.title)}", icon=":material/slideshow:")
