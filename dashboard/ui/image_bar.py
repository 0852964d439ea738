"""The sources of a page's images: the gallery, uploads, the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.answers.naming import class_name
from dashboard.answers.pictures import OWN_IMAGE, PAGE_SIZE, TEST_KEY, Picture, gallery_order, index_of_test, is_own_key
from dashboard.ui import cached, messages, state, unlike, uploads
from dashboard.ui.gallery_order import choose_order, in_words, order_of
from dashboard.ui.read_only import read_only
from dashboard.ui.switch import switch
from dfs_core.checkpoints.card import Card
from dfs_core.data.known import title_of

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet

SHOW, _LINKED = "own_show", "own_linked"
OWN, GALLERY, BOTH = "Mine", "Gallery", "Both"


def choose_pictures(card: Card, shared: state.State) -> list[Picture]:
    """Draw the bar above the images and return the images to show: the user's own first, then the gallery's page."""
    images, size = cached.test_images(card), card.config.image_size
    with st.container(key="sources", horizontal=True, vertical_alignment="center", gap="small"):
        if not read_only():
            uploads.uploader()
        mine = uploads.pictures(card.classes)
        show = _what_to_show(shared) if mine else GALLERY
        if show != OWN:
            gallery = _gallery(images, card, shared)
    say_refused()
    if mine or (isinstance(images, str) and not any(picture.truth in card.classes for picture in cached.drawn(card))):
        unlike.say_classes(card)
    st.session_state[_LINKED] = shared.image
    if show == OWN:
        return [picture.at(size) for picture in mine]
    own = mine if show == BOTH else []
    shown = [picture.at(size) for picture in (*own, *_linked_drawing(images, card, shared), *gallery)]
    if shared.image == OWN_IMAGE and not mine:
        messages.image_of_the_sender(shown[0].name)
    elif shared.image and not is_own_key(shared.image) and shared.image not in [p.key for p in shown]:
        messages.no_image(shared.image, shown[0].name, card.dataset if isinstance(images, str) else "")
    return shown


def say_refused() -> None:
    """Show in one line, which the user can close, why files were refused."""
    lines = uploads.refused()
    if not lines:
        return
    with st.container(key="refused", horizontal=True, vertical_alignment="center"):
        st.error(messages.plain("; ".join(lines)) + ".", icon=":material/broken_image:")
        st.button(
            "Close", icon=":material/close:", key="close_refused", type="tertiary", on_click=uploads.close_refused
        )


def pictures_at_hand(card: Card, shared: state.State) -> list[Picture]:
    """The pictures that a page offers: the user's own first, then the gallery's page. Draws nothing."""
    images = cached.test_images(card)
    found = [
        *uploads.pictures(card.classes),
        *_linked_drawing(images, card, shared),
        *_gallery_page(images, card, shared)[0],
    ]
    return [picture.at(card.config.image_size) for picture in found]


def next_page(card: Card, shared: state.State) -> int:
    """Number of the gallery's page after the one that is shown; after the last one comes the first."""
    _, page, pages = _gallery_page(cached.test_images(card), card, shared)
    return page % pages + 1


def more_pictures(card: Card) -> None:
    """Draw the camera and, if there are no test images, the offer to download them."""
    if read_only():
        return
    images = cached.test_images(card)
    with st.container(key="more_pictures"):
        camera = st.expander("Take a picture", icon=":material/photo_camera:", on_change="rerun", key="camera_panel")
        if camera.open:  # so that the browser asks for the camera only when the user wants it
            camera.camera_input(
                "Take a picture",
                key=uploads.CAMERA,
                label_visibility="collapsed",
                on_change=uploads.focus_own,
                args=(uploads.CAMERA,),
            )
        if isinstance(images, str):
            messages.no_data_set(card.dataset, images)


def _what_to_show(shared: state.State) -> str:
    """Draw the switch between the user's own images and the gallery, and return its value.

    A link to a gallery image shows the gallery as well, and a new upload shows the user's own.
    """
    show = st.session_state.get(SHOW, OWN)
    news = shared.image is not None and shared.image != st.session_state.get(_LINKED)
    own = is_own_key(shared.image)
    if news and show == (GALLERY if own else OWN):
        show = OWN if own else BOTH
    st.session_state[SHOW] = show
    switch("show", "Show", {name: name for name in (OWN, GALLERY, BOTH)}, show, _show)
    return str(show)


def _show(wished: str) -> None:
    st.session_state[SHOW] = wished
    if wished == GALLERY and is_own_key(state.current().image):
        state.change(image=None)


def _gallery(images: ImageSet | str, card: Card, shared: state.State) -> list[Picture]:
    """One gallery page, of test images or of drawings, with buttons to the previous and next page."""
    pictures, page, pages = _gallery_page(images, card, shared)
    buttons = [("Previous", ":material/chevron_left:", (page - 2) % pages + 1)]
    buttons.append(("Next", ":material/chevron_right:", page % pages + 1))
    for label, icon, target in buttons:
        st.button(label, icon=icon, help=f"{label} images", key=f"turn_{label} images", on_click=_turn, args=(target,))
    what, lost = "drawings", 0
    if not isinstance(images, str):
        what = f"{messages.plain(title_of(images.dataset))} test images"
        lost = min(PAGE_SIZE, len(images) - (page - 1) * PAGE_SIZE) - sum(p.origin == "test" for p in pictures)
    unread = f", {lost} of them cannot be read" if lost else ""
    order = "" if isinstance(images, str) else in_words(images, card, shared)
    st.caption(f"{what}, page {page:,} of {pages:,}{order}{unread}", width="content")
    if not isinstance(images, str):
        _jump(images, card, shared)
    return pictures


def _jump(images: ImageSet, card: Card, shared: state.State) -> None:
    """The order of the images; controls that go to one by its number, or to the first one of a class, stay empty."""
    with st.popover("Find", icon=":material/search:", type="tertiary", key="jump"):
        choose_order(card, shared)
        of_class = state.Control.showing("jump_class", None)
        st.selectbox(
            "Class",
            images.classes,
            format_func=class_name,
            index=None,
            placeholder="Choose a class",
            key=of_class.key,
            on_change=of_class.choice(lambda name: _go_to(first_of(order_of(images, card, shared), images, name))),
        )
        number = state.Control.showing("jump_number", None)
        st.number_input(
            f"Image number, 0 to {len(images) - 1:,}",
            min_value=0,
            max_value=len(images) - 1,
            value=None,
            placeholder="Number in the test set",
            key=number.key,
            on_change=number.choice(_go_to),
        )


def first_of(order: np.ndarray, images: ImageSet, name: str) -> int | None:
    """Index of the first image of a class in an order; None if there is none."""
    found = np.flatnonzero(images.labels.numpy()[order] == images.classes.index(name))
    return int(order[found[0]]) if len(found) else None


def _go_to(index: int | None) -> None:
    if index is not None:
        state.change(image=f"{TEST_KEY}{index}", note="")


def _gallery_page(images: ImageSet | str, card: Card, shared: state.State) -> tuple[list[Picture], int, int]:
    """The pictures of the gallery's page, its number, and the number of pages.

    If a gallery image is in focus, its page is shown, so a link needs to name only the image.
    """
    if isinstance(images, str):
        drawn = cached.drawn(card)
        order = gallery_order(np.unique([picture.truth for picture in drawn], return_inverse=True)[1])
        named = next((index for index, picture in enumerate(drawn) if picture.key == shared.image), None)
    else:
        order = order_of(images, card, shared)
        named = index_of_test(shared.image)
    pages = cached.gallery_pages(images, card)
    page = min(shared.gallery, pages)
    if named is not None and named < len(order):
        page = int(np.flatnonzero(order == named)[0]) // PAGE_SIZE + 1
    shown = order[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    if isinstance(images, str):
        return [drawn[index] for index in shown], page, pages
    found = [cached.test_picture(images, int(index)) for index in shown]
    readable = [picture for picture in found if isinstance(picture, Picture)]
    return readable or list(cached.drawn(card)[:PAGE_SIZE]), page, pages


def _linked_drawing(images: ImageSet | str, card: Card, shared: state.State) -> list[Picture]:
    """The drawing in focus, if the gallery shows test images: the link may be older than their download."""
    if isinstance(images, str):
        return []
    return [picture for picture in cached.drawn(card) if picture.key == shared.image]


def _turn(page: int) -> None:
    state.change(gallery=page, image=None, note="")
