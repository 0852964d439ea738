"""Whose operating point some controls choose, and what stands where there is nothing to choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.ui import state


@dataclass(frozen=True, slots=True)
class Seat:
    """Which operating point the controls choose: the one that pages share, or another that a page has beside it.

    Attributes:
        prefix: of the controls' names.
        move: takes ``checkpoint``, ``budget`` and ``note``, as ``state.change`` does.
        brief: whether there is room for short labels only.
        measure: whether the measure of cost is chosen here too: only once on a page that shows costs.
    """

    prefix: str = ""
    move: Callable[..., None] = state.change
    brief: bool = False
    measure: bool = True

    def showing(self, name: str, value: Any) -> state.Control:
        """The control of that name in this seat, which is to show ``value``."""
        return state.Control.showing(self.prefix + name, value)

    def label(self, text: str) -> str:
        """A label: all of it, or what stands before its colon."""
        return text.partition(":")[0] if self.brief else text


SHARED = Seat()


def fixed(label: str, text: str) -> None:
    """In the place of a control that has nothing to choose from."""
    st.html(f'<div class="dfs-fixed"><span>{label}</span><b>{text}</b></div>')
