"""Where the images on a page come from: a gallery that is there at once, uploads, the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.answers.pictures import PAGE_SIZE, Picture, gallery_order, index_of_test
from dashboard.ui import cached, messages, state, uploads
from dashboard.ui.links import OWN_KEYS
from dfs_core.checkpoints.card import Card

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet

SHOW, _LINKED = "own_show", "own_linked"
OWN, GALLERY, BOTH = "Mine", "Gallery", "Both"


def choose_pictures(card: Card, shared: state.State) -> list[Picture]:
    """Draw the bar above the images and return those to show: own ones first, then the gallery's page."""
    images, size = cached.test_images(card), card.config.image_size
    with st.container(key="sources", horizontal=True, vertical_alignment="center", gap="small"):
        uploads.uploader()
        mine = uploads.pictures()
        show = _what_to_show(shared) if mine else GALLERY
        if show != OWN:
            gallery = _gallery(images, shared)
    say_refused()
    st.session_state[_LINKED] = shared.image
    if show == OWN:
        return [picture.at(size) for picture in mine]
    own = mine if show == BOTH else []
    shown = [picture.at(size) for picture in (*own, *_linked_drawing(images, shared), *gallery)]
    if shared.image and not shared.image.startswith(OWN_KEYS) and shared.image not in [p.key for p in shown]:
        messages.no_image(shared.image, shown[0].name)
    return shown


def say_refused() -> None:
    """Which files cannot be used and why, in one line that can be closed."""
    lines = uploads.refused()
    if not lines:
        return
    with st.container(key="refused", horizontal=True, vertical_alignment="center"):
        st.error(messages.plain("; ".join(lines)) + ".", icon=":material/broken_image:")
        st.button(
            "Close", icon=":material/close:", key="close_refused", type="tertiary", on_click=uploads.close_refused
        )


def pictures_at_hand(card: Card, shared: state.State) -> list[Picture]:
    """All pictures that a page can show without asking: own ones first, then the gallery's page. Draws nothing."""
    images = cached.test_images(card)
    found = [*uploads.pictures(), *_linked_drawing(images, shared), *_gallery_page(images, shared)[0]]
    return [picture.at(card.config.image_size) for picture in found]


def more_pictures(card: Card, shared: state.State) -> None:
    """Below the images: the camera, and the offer to fetch real test images where there are none."""
    images = cached.test_images(card)
    camera = st.expander("Take a picture", icon=":material/photo_camera:", on_change="rerun", key="camera_panel")
    if camera.open:  # only then, so that no browser asks for the camera unbidden
        camera.camera_input("Take a picture", key=uploads.CAMERA, label_visibility="collapsed")
    if isinstance(images, str):
        messages.no_data_set(card.dataset, images)


def _what_to_show(shared: state.State) -> str:
    """The switch between one's own images and the gallery; a link to an image of the gallery shows that as well."""
    show = st.session_state.get(SHOW, OWN)
    news = shared.image is not None and shared.image != st.session_state.get(_LINKED)
    if show == OWN and news and not str(shared.image).startswith(OWN_KEYS):
        show = BOTH
    st.session_state[SHOW] = show
    control = state.Control.showing("show", show)
    st.segmented_control(
        "Show",
        [OWN, GALLERY, BOTH],
        default=show,
        required=True,
        key=control.key,
        label_visibility="collapsed",
        on_change=control.choice(lambda wished: st.session_state.update({SHOW: wished})),
    )
    return str(show)


def _gallery(images: ImageSet | str, shared: state.State) -> list[Picture]:
    """One page of test images, or of drawings where there are none, with buttons to turn the page."""
    pictures, page, pages = _gallery_page(images, shared)
    turn = [("Previous", ":material/chevron_left:", (page - 2) % pages + 1)]
    turn.append(("Next", ":material/chevron_right:", page % pages + 1))
    for label, icon, target in turn:
        st.button(label, icon=icon, help=f"{label} images", key=f"turn_{label} images", on_click=_turn, args=(target,))
    what, lost = "drawings", 0
    if not isinstance(images, str):
        what = f"{messages.plain(images.dataset)} test images"
        lost = min(PAGE_SIZE, len(images) - (page - 1) * PAGE_SIZE) - sum(p.origin == "test" for p in pictures)
    unread = f", {lost} of them cannot be read" if lost else ""
    st.caption(f"{what}, page {page:,} of {pages:,}{unread}", width="content")
    return pictures


def _gallery_page(images: ImageSet | str, shared: state.State) -> tuple[list[Picture], int, int]:
    """The pictures of the gallery's page, its number, and how many pages there are.

    An image of the gallery that is in focus takes its page along, so that a link has to name the image alone.
    """
    if isinstance(images, str):
        drawn = cached.drawn()
        order = gallery_order(np.unique([picture.truth for picture in drawn], return_inverse=True)[1])
        named = next((index for index, picture in enumerate(drawn) if picture.key == shared.image), None)
    else:
        order = cached.gallery(images)
        named = index_of_test(shared.image)
    pages = cached.gallery_pages(images)
    page = min(shared.gallery, pages)
    if named is not None and named < len(order):
        page = int(np.flatnonzero(order == named)[0]) // PAGE_SIZE + 1
    shown = order[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    if isinstance(images, str):
        return [drawn[index] for index in shown], page, pages
    found = [cached.test_picture(images, int(index)) for index in shown]
    readable = [picture for picture in found if isinstance(picture, Picture)]
    return readable or list(cached.drawn()[:PAGE_SIZE]), page, pages


def _linked_drawing(images: ImageSet | str, shared: state.State) -> list[Picture]:
    """The drawing in focus where test images are the gallery: a link may be older than they are on this machine."""
    if isinstance(images, str):
        return []
    return [picture for picture in cached.drawn() if picture.key == shared.image]


def _turn(page: int) -> None:
    state.change(gallery=page, image=None, note="")
