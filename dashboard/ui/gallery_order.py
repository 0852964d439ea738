"""The order of the gallery's test images: mixed, by class, or by what the network in use spends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard.answers import costs
from dashboard.answers.costs import MEASURES
from dashboard.answers.pictures import GalleryOrder
from dashboard.ui import cached, state, stored_traces
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from dfs_core.data.sets import ImageSet

IN_WORDS: dict[GalleryOrder, str] = {
    "mixed": "Mixed: one of each class in turn",
    "class": "By class",
    "cheap": "By cost, the cheapest first",
    "dear": "By cost, the most expensive first",
}


def order_of(images: ImageSet, card: Card, shared: state.State) -> np.ndarray:
    """Indices of the test images (N,) in the wished order; within it, images are mixed.

    Images whose costs are not known at any budget of the checkpoint stay mixed.
    """
    mixed = cached.gallery(images)
    if shared.order == "class":
        return mixed[np.argsort(images.labels.numpy()[mixed], kind="stable")]
    spent = None if shared.order == "mixed" else _costs(card, shared, len(mixed))
    if spent is None:
        return mixed
    return mixed[np.argsort(spent[mixed] * (1 if shared.order == "cheap" else -1), kind="stable")]


def in_words(images: ImageSet, card: Card, shared: state.State) -> str:
    """The order, for the line that says which page is shown; empty where it is the usual one."""
    if shared.order in ("cheap", "dear") and _costs(card, shared, len(images)) is None:
        return ", mixed, as their costs are not stored"
    return {"mixed": "", "class": ", by class", "cheap": ", cheapest first", "dear": ", most expensive first"}[
        shared.order
    ]


def _costs(card: Card, shared: state.State, images: int) -> np.ndarray | None:
    """What the operating point in use, or the nearest one that is stored, spends on each test image."""
    found = stored_traces.find(OperatingPoint(card, shared.budget))
    if isinstance(found.traces, UserError) or len(found.traces.labels) != images:
        return None
    return costs.of_traces(found.traces, card.config)[MEASURES[shared.cost].column]


def choose_order(card: Card, shared: state.State) -> None:
    """Draw the choice of the order. Another order begins at its first page."""
    known = not isinstance(stored_traces.find(OperatingPoint(card, shared.budget)).traces, UserError)
    control = state.Control.showing("gallery_order", shared.order)
    offered = [order for order in IN_WORDS if known or order in ("mixed", "class", shared.order)]
    st.selectbox(
        "Order",
        offered,
        offered.index(shared.order),
        format_func=IN_WORDS.__getitem__,
        key=control.key,
        on_change=control.choice(lambda order: state.change(order=order, gallery=1, image=None, note="")),
        help=None
        if known
        else "The order by cost needs the checkpoint's stored decisions. The page Test set can store them.",
    )
