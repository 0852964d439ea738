"""Session checkpoints of this user: those that were kept here, and one that a link names. Each browser sees its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import PREFIX
from dfs_core.checkpoints.card import Card

_NAMES = "kept_checkpoints"


def add(name: str) -> None:
    """Note that this session has kept a checkpoint."""
    st.session_state[_NAMES] = (*(kept for kept in st.session_state.get(_NAMES, ()) if kept != name), name)


def names() -> tuple[str, ...]:
    """What this session has kept, oldest first; the engine may have forgotten some."""
    linked = st.query_params.get("checkpoint", "")
    if linked.startswith(PREFIX):  # a reload, or a link that somebody sent: its name ends in 32 random bits
        add(linked)
    return tuple(st.session_state.get(_NAMES, ()))


def with_session(catalogue: Catalogue, cards: Iterable[Card]) -> Catalogue:
    """A catalogue with checkpoints that lie in memory as well; of two of one name, the one on disk stays."""
    added = [card for card in cards if catalogue.named(card.name) is None]
    return replace(catalogue, cards=(*catalogue.cards, *added)) if added else catalogue
