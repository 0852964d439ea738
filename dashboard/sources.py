"""Where the images on a page come from: a gallery that is there at once, uploads, the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import cached, state
from dashboard.pictures import PAGE_SIZE, Origin, Picture, gallery_order
from dfs_core.checkpoint import Card
from dfs_core.data import KNOWN, ImageSet
from dfs_core.errors import UserError

UPLOADER, CAMERA, SHOW = "uploads", "camera", "show"
OWN, GALLERY, BOTH = "Mine", "Gallery", "Both"


def choose_pictures(card: Card, shared: state.State) -> list[Picture]:
    """Draw the bar above the images and return those to show: own ones first, then the gallery's page."""
    images = cached.test_images(card.dataset)
    with st.container(key="sources", horizontal=True, vertical_alignment="center", gap="small"):
        files = st.file_uploader(
            "Your own images: JPEG, PNG or WebP, several at once",
            type=["jpg", "jpeg", "png", "webp"],
            accept_multiple_files=True,
            key=UPLOADER,
            label_visibility="collapsed",
            width=430,
        )
        own, refused = _own(files)
        show = _what_to_show() if own else GALLERY
        if show != OWN:
            gallery = _gallery(images, shared)
    for line in refused:
        st.error(line, icon=":material/broken_image:")
    if show == OWN:
        return own
    return [*own, *gallery] if show == BOTH else gallery


def more_pictures(card: Card) -> None:
    """Below the images: the camera, and the offer to fetch real test images where there are none."""
    images = cached.test_images(card.dataset)
    camera = st.expander("Take a picture", icon=":material/photo_camera:", on_change="rerun", key="camera_panel")
    if camera.open:  # only then, so that no browser asks for the camera unbidden
        camera.camera_input("Take a picture", key=CAMERA, label_visibility="collapsed")
    if isinstance(images, ImageSet):
        return
    with st.expander("Show real test images", icon=":material/download:"):
        st.caption(f"The gallery shows drawings, because there are no test images on this machine: {images}")
        if card.dataset in KNOWN and st.button(f"Download {card.dataset} into {cached.data_dir()}", key="download"):
            _download(card.dataset)


def _own(files: Sequence[UploadedFile]) -> tuple[list[Picture], list[str]]:
    """Uploads and the camera's picture, and a line for each file that cannot be used."""
    photo = st.session_state.get(CAMERA)
    wanted: list[tuple[UploadedFile, Origin]] = [(photo, "camera")] if photo else []
    wanted += [(file, "upload") for file in files]
    found: dict[str, Picture] = {}
    refused = []
    for file, origin in wanted:
        picture = cached.upload(file, origin)
        if isinstance(picture, str):
            refused.append(picture)
            continue
        copies = sum(key.startswith(picture.key) for key in found)
        key = f"{picture.key}-{copies + 1}" if copies else picture.key
        found[key] = replace(picture, key=key)
    return list(found.values()), refused


def _what_to_show() -> str:
    return st.segmented_control(
        "Show", [OWN, GALLERY, BOTH], default=OWN, required=True, key=SHOW, label_visibility="collapsed"
    )


def _gallery(images: ImageSet | str, shared: state.State) -> list[Picture]:
    """One page of test images, or of drawings where there are none, with buttons to turn the page."""
    if isinstance(images, ImageSet):
        pages = -(-len(images) // PAGE_SIZE)
        page = (shared.gallery - 1) % pages + 1
        pictures = cached.test_page(images, page, PAGE_SIZE)
        what = f"{images.dataset} test images"
    else:
        drawn = cached.drawn()
        order = gallery_order(np.unique([picture.truth for picture in drawn], return_inverse=True)[1])
        pages = -(-len(drawn) // PAGE_SIZE)
        page = (shared.gallery - 1) % pages + 1
        pictures = [drawn[i] for i in order[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]]
        what = "drawings"
    turn = [("Previous images", ":material/chevron_left:", (page - 2) % pages + 1)]
    turn.append(("Next images", ":material/chevron_right:", page % pages + 1))
    for label, icon, target in turn:
        st.button("", icon=icon, help=label, key=f"turn_{label}", on_click=_turn, args=(target,))
    st.caption(f"{what}, page {page:,} of {pages:,}", width="content")
    return pictures


def _turn(page: int) -> None:
    state.change(gallery=page, image=None)


def _download(dataset: str) -> None:
    bar = st.progress(0.0, f"Downloading {dataset}")

    def report(fraction: float, text: str) -> None:
        bar.progress(min(max(fraction, 0.0), 1.0), text)

    try:
        cached.fetch(dataset, report)
    except UserError as error:
        bar.empty()
        st.error(str(error), icon=":material/cloud_off:")
        return
    st.rerun()
