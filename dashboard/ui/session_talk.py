"""The session's talk, with one step of undo."""

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
class TalkHolder:
    """A session's talk. It is an object because its files are made in threads that cannot read the session.

    Attributes:
        talk: the talk now.
        before: the talk before the last change; None if it never changed.
    """

    talk: Talk = field(default_factory=Talk)
    before: Talk | None = None


def held() -> TalkHolder:
    """The holder of this session's talk; always the same object."""
    return cast(TalkHolder, st.session_state.setdefault(_TALK, TalkHolder()))


def current() -> Talk:
    """The talk of this session."""
    return held().talk


def keep(talk: Talk) -> None:
    """Replace the talk; ``undo`` brings the former one back."""
    here = held()
    if talk != here.talk:
        here.before, here.talk = here.talk, talk


def change(key: str, how: Callable[[Talk, int], Talk]) -> None:
    """Change the slide with that key; do nothing if it is gone.

    Args:
        key: of the slide.
        how: from the talk and the slide's index to the changed talk.
    """
    talk = current()
    index = talk.index_of(key)
    if index is not None:
        keep(how(talk, index))


def undo() -> None:
    """Undo the last change; a second call redoes it."""
    before = held().before
    if before is not None:
        keep(before)


def can_undo() -> bool:
    """Whether there is a change to undo."""
    return held().before is not None


def add(view: View) -> None:
    """Add a view to the talk and confirm it."""
    try:
        talk = current().add(view)
    except UserError as error:
        st.toast(f"Not added: {plain(str(error))}", icon=":material/error:")
        return
    keep(talk)
    st.toast(f"Slide {len(talk.slides)} of your talk: {plain(view.title)}", icon=":material/slideshow:")
