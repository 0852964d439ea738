"""The gallery of test images with their predictions, in an order of choice, with links to Explore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import streamlit as st

from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import class_name
from dashboard.answers.parameters import whole_number
from dashboard.answers.pictures import Picture
from dashboard.answers.verdicts import marked
from dashboard.testset import statistics
from dashboard.testset.statistics import Order
from dashboard.ui import cached, messages, state
from dashboard.ui.page import Opened
from dashboard.ui.switch import switch
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.traces import Traces

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet

AT_A_TIME = 16  # two rows of eight; see ``style.css``
ORDERS: dict[Order, str] = {
    "hardest": "Hardest",
    "easiest": "Easiest",
    "dearest": "Most expensive",
    "cheapest": "Cheapest",
}


def gallery(page: Opened, traces: Traces, costs: Mapping[str, np.ndarray], chosen: np.ndarray) -> None:
    """Some of the chosen images, each with a link to Explore; without the data set, their numbers.

    Args:
        page: the opened page; its own URL parameters have the order and the part of it that is shown.
        traces: of the test set.
        costs: from ``costs.of_traces``.
        chosen: indices of the images that pass the filter.
    """
    order, start = _place(page.shared.page, len(chosen))
    ranked = statistics.ranked(traces, costs[MEASURES[page.shared.cost].column], chosen, order)
    rows = statistics.image_rows(traces, costs, ranked[start : start + AT_A_TIME])
    with st.container(horizontal=True, vertical_alignment="center", key="gallery_bar"):
        st.markdown("### Images", width="content")
        switch("order", "Order", ORDERS, order, lambda value: state.change(page={"order": value, "shown": ""}))
        st.caption(f"{start + 1:,} to {start + len(rows):,} of {len(chosen):,}", width="content")
        _turn("Images before", ":material/chevron_left:", start - AT_A_TIME, len(chosen))
        _turn("Images after", ":material/chevron_right:", start + AT_A_TIME, len(chosen))
        if order in ("hardest", "easiest"):
            st.caption(_EASE, width="content")
    pictures, why = test_pictures(page.card, traces, [row["index"] for row in rows])
    if why:
        st.info(why, icon=":material/image_not_supported:")
    with st.container(gap="small", key="tiles"):
        for row, picture in zip(rows, pictures, strict=True):
            _tile(page, row, picture)


def test_pictures(card: Card, traces: Traces, indices: list[int]) -> tuple[list[Picture | None], str]:
    """The pictures of some test images; without the traced data set, None for each and a message.

    The labels show whether the images on this machine are the traced ones; otherwise indices would not match.
    """
    images = cached.test_images(card)
    if isinstance(images, str):
        return [None] * len(indices), f"The pictures cannot be shown, only their numbers: {messages.plain(images)}"
    if not _is_traced_set(images, traces):
        return [None] * len(indices), (
            f"The pictures cannot be shown, only their numbers: the {len(images):,} test images on this machine are"
            f" not the {len(traces):,} images of the traces."
        )
    found = [cached.test_picture(images, index) for index in indices]
    return [picture if isinstance(picture, Picture) else None for picture in found], ""


def _is_traced_set(images: ImageSet, traces: Traces) -> bool:
    return len(images) == len(traces) and np.array_equal(images.labels.numpy(), traces.labels)


def _place(own: Mapping[str, str], count: int) -> tuple[Order, int]:
    """The order, and the first image's place in it (from 0), from the page's parameters."""
    order = own.get("order", "")
    wished = AT_A_TIME * ((whole_number(own.get("shown")) or 1) - 1)
    return cast(Order, order if order in get_args(Order) else next(iter(ORDERS))), wished if wished < count else 0


def _turn(label: str, icon: str, start: int, count: int) -> None:
    possible = 0 <= start < count
    number = str(start // AT_A_TIME + 1) if start > 0 else ""
    st.button(
        "",
        icon=icon,
        help=label,
        key=f"turn_{label}",
        disabled=not possible,
        on_click=state.change,
        kwargs={"page": {"shown": number}},
    )


def _tile(page: Opened, row: dict[str, Any], picture: Picture | None) -> None:
    measure = MEASURES[page.shared.cost]
    truth = class_name(row["truth"])
    truly = f", is {truth}" if row["verdict"] == "wrong" else ""
    said = marked(row["verdict"], f"{class_name(row['prediction'])}{truly}")
    name = escape(f"test image {row['index']}: {truth}")
    image = f'<img src="{picture.seen_uri}" alt="{name}">' if picture else ""
    looked = ""
    if row.get("passes", 1) > 1:
        first = "" if row["first"] == row["prediction"] else f", first {escape(class_name(row['first']))}"
        looked = f"<span>{row['passes']} passes{first}</span>"
    with st.container(gap=None, key=f"tile_{row['index']}"):
        st.html(
            f'<figure class="dfs-tile {row["verdict"]}">{image}<figcaption><b>{escape(said)}</b>'
            f"<span>{row['confidence']:.1f} % sure</span><span>{measure.name} {row[measure.column]:.2f} %</span>"
            f"{looked}</figcaption></figure>"
        )
        if picture is None:  # Explore cannot show it either
            st.caption(f"Image {row['index']}")
            return
        query = state.to_query(replace(page.shared, image=picture.key, gallery=1, page={}), page.catalogue)
        st.page_link("explore/page.py", label=f"Explore {row['index']}", query_params=query)


_EASE = "Easy: right with high confidence. Hard: wrong with high confidence."
