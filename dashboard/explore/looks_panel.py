"""Which rows of a cascade Explore shows: all or those looked at again, in the gallery's order or by passes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.answers.looks import looked_again
from dashboard.answers.naming import counted
from dashboard.answers.tables import Shown
from dashboard.ui import state
from dashboard.ui.page import Opened
from dashboard.ui.switch import switch

ORDER, AGAIN = "order", "again"  # the page's own parameters in its link
ORDERS = {"": "As they come", "hard": "Most passes first", "easy": "Fewest passes first"}


def choose(page: Opened, shown: Sequence[Shown]) -> list[Shown]:
    """Draw the controls, if this is a cascade, and return the images to show."""
    if not page.card.config.passes or not shown:
        return list(shown)
    order, again = page.shared.page.get(ORDER, ""), AGAIN in page.shared.page
    order = order if order in ORDERS else ""
    hard = [item for item in shown if looked_again(item.trace)]
    with st.container(key="looks_bar", horizontal=True, vertical_alignment="center"):
        switch(ORDER, "Order of the rows", ORDERS, order, lambda chosen: state.change(page={ORDER: chosen}))
        only_again = state.Control.showing(AGAIN, again)
        st.toggle(
            "Looked at again",
            again,
            key=only_again.key,
            help="Show only the images that needed more than one pass",
            on_change=only_again.choice(lambda on: state.change(page={AGAIN: "1" if on else ""})),
        )
        st.caption(f"Looked at again: {len(hard)} of {counted(len(shown), 'image')}.", width="content")
    if again and not hard:
        st.info("One pass was enough for all these images. Turn the gallery's page, or ask for a larger budget.")
    return ordered(hard if again else shown, order)


def ordered(shown: Sequence[Shown], order: str) -> list[Shown]:
    """Images by their number of passes: ``hard`` first, ``easy`` first, or as they come; equal ones keep their order.

    Of images with equally many passes, the less sure one is the harder.
    """
    if not order:
        return list(shown)
    sign = -1 if order == "hard" else 1
    return sorted(shown, key=lambda item: (sign * len(item.trace.passes), -sign * item.trace.confidence))
