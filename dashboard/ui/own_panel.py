"""What the user says about an own picture: what it shows, and which square of it the network sees."""

from __future__ import annotations

import streamlit as st

from dashboard.answers.naming import class_name
from dashboard.answers.pictures import Picture, is_own
from dashboard.ui import state, uploads
from dashboard.ui.focus import given_and_seen
from dfs_core.checkpoints.card import Card
from dfs_core.data.images import MIDDLE

UNTOLD, NONE = "Not stated", "None of these classes"


def own_panel(picture: Picture, card: Card, figures: bool = False, place: str = "") -> None:
    """Draw the controls of an own picture; nothing for any other.

    Args:
        picture: the picture in focus.
        card: of the checkpoint in use; its classes can be chosen.
        figures: whether to show the picture as given and as the network sees it.
        place: tells the controls apart where a page has them for two pictures.
    """
    if not is_own(picture):
        return
    with st.container(key=f"own_picture{place}", border=True):
        if figures:
            st.html(f'<div class="dfs-focus">{given_and_seen(picture)}</div>')
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _tell(picture, card, place)
            st.button(
                "Remove this image",
                icon=":material/delete:",
                key=f"remove_this{place}",
                on_click=uploads.remove,
                args=(picture.key,),
            )
        if picture.has_crops:
            _crop(picture, place)


def _tell(picture: Picture, card: Card, place: str) -> None:
    picture = picture.known_to(card.classes)
    told = NONE if picture.foreign else picture.truth if picture.truth in card.classes else None
    answers = [UNTOLD, *card.classes, NONE]
    control = state.Control.showing(f"own_truth{place}", told or UNTOLD)

    def choose(answer: str) -> None:
        uploads.tell(picture.key, None if answer == UNTOLD else "" if answer == NONE else answer, card.classes)

    st.selectbox(
        "What is it really?",
        answers,
        answers.index(told or UNTOLD),
        format_func=class_name,
        key=control.key,
        on_change=control.choice(choose),
        help="The app then marks the network's answer right or wrong, and counts it. Links do not contain your choice.",
    )


def _crop(picture: Picture, place: str) -> None:
    width, height = picture.given_size
    ends = "left to right" if width > height else "top to bottom"
    percent = round(100 * picture.crop)
    control = state.Control.showing(f"own_crop{place}", percent)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.slider(
            f"Square that the network sees, from {ends}",
            0,
            100,
            percent,
            5,
            format="%d %%",
            key=control.key,
            on_change=control.choice(lambda chosen: uploads.crop(picture.key, chosen / 100)),
        )
        st.button(
            "Middle",
            icon=":material/restart_alt:",
            key=f"crop_reset{place}",
            disabled=picture.crop == MIDDLE,
            on_click=uploads.crop,
            args=(picture.key, MIDDLE),
        )
