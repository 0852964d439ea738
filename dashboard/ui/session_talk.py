"""The session's talk: what was added to it from any page, and the last step back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from dashboard.export.talk import Talk
from dashboard.export.view import View
from dashboard.ui.messages import plain
from dfs_core.errors import UserError

_TALK = "talk"


@dataclass
class Held:
    """A session's talk. An object of its own, because files are made of it in threads that know no session.

    Attributes:
        talk: as it is now.
        before: as it was before the last change; None while there was none.
    """

    talk: Talk = field(default_factory=Talk)
    before: Talk | None = None


def held() -> Held:
    """What holds the talk of this session; the same object as long as the session lasts."""
    return cast(Held, st.session_state.setdefault(_TALK, Held()))


def current() -> Talk:
    """The talk of this session."""
    return held().talk


def keep(talk: Talk) -> None:
    """Make this the talk; the one before can be had back by ``undo``."""
    here = held()
    if talk != here.talk:
        here.before, here.talk = here.talk, talk


def change(key: str, how: Callable[[Talk, int], Talk]) -> None:
    """Change the slide of that key, wherever it stands by now; what comes late, for one that is gone, is left.

    Args:
        key: of the slide.
        how: from the talk and the slide's index to the changed talk.
    """
    talk = current()
    index = talk.index_of(key)
    if index is not None:
        keep(how(talk, index))


def undo() -> None:
    """Go back to the talk before the last change; twice comes back again."""
    before = held().before
    if before is not None:
        keep(before)


def can_undo() -> bool:
    """Whether there is a step to take back."""
    return held().before is not None


def add(view: View) -> None:
    """Add a view as it is now, and say so; for callbacks."""
    try:
        talk = current().add(view)
    except UserError as error:
        st.toast(f"Not added: {plain(str(error))}", icon=":material/error:")
        return
    keep(talk)
    st.toast(f"Slide {len(talk.slides)} of your talk: {plain(view.title)}", icon=":material/slideshow:")
