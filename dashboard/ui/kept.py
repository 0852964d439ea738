"""Session checkpoints: those that this session kept, and one that a link names. Each session sees only its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import PREFIX
from dfs_core.checkpoints.card import Card

_NAMES = "kept_checkpoints"


def add(name: str) -> None:
    """Add a checkpoint to those that this session keeps."""
    st.session_state[_NAMES] = (*(kept for kept in st.session_state.get(_NAMES, ()) if kept != name), name)


def names() -> tuple[str, ...]:
    """Names of the checkpoints that this session keeps, oldest first; the shared predictor may have dropped some."""
    for key in ("checkpoint", "right"):  # of the page, and of side B of a comparison
        linked = st.query_params.get(key, "")
        if linked.startswith(PREFIX):  # a reload or a shared link; its name ends in 32 random bits: nobody can guess it
            add(linked)
    return tuple(st.session_state.get(_NAMES, ()))


def with_session(catalogue: Catalogue, cards: Iterable[Card]) -> Catalogue:
    """The catalogue plus checkpoints in memory; of two with one name, the one on disk stays."""
    added = [card for card in cards if catalogue.named(card.name) is None]
    return replace(catalogue, cards=(*catalogue.cards, *added)) if added else catalogue
