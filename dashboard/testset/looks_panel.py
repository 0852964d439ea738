"""Looking again on Test set: how many passes the images needed, and which answers it changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard.answers import looks
from dashboard.answers.looks import Change
from dashboard.answers.naming import counted, unbroken
from dashboard.drawing import legends
from dashboard.testset.filters import Filter
from dashboard.testset.head_panel import narrow
from dashboard.ui import class_groups
from dashboard.ui.page import Opened
from dashboard.ui.show import picked, show
from dashboard.views import looks as views
from dashboard.views.passes_chart import PASS_PARAM, pass_keys
from dfs_core.checkpoints.traces import Traces


def passes(page: Opened, traces: Traces, chosen: np.ndarray, wanted: Filter) -> None:
    """The passes of a cascade by class and by confidence, and what the later ones changed; nothing for others."""
    if traces.looks is None:
        return
    st.markdown("### Looking again")
    found = looks.looked(traces, page.card.config, chosen)
    if wanted.change:  # all of them were looked at again
        side = looks.CHANGES[wanted.change].removeprefix("put ")
        st.markdown(f"Looking again put {counted(len(chosen), 'image')} {side}. Each picture names its first answer.")
        return
    if not wanted.verdict:  # otherwise all of them changed alike
        st.markdown(unbroken(views.in_words(found)))
        _outcomes(page, found, wanted)
    st.html(legends.legend(pass_keys(page.card.config, page.colours), page.colours, "Passes"))
    shown = class_groups.of_page(traces.classes, page.shared)
    members = {group.name: group.classes for group in shown}
    one = next((name for name, own in members.items() if set(own) == set(wanted.classes)), None)
    only = (one, wanted.passes[0]) if one and len(wanted.passes) == 1 else None

    def click() -> None:
        if spot := picked(views.BY_CLASS, PASS_PARAM):
            same = only == (spot["group"], spot["passes"])
            classes, number = members[spot["group"]], (spot["passes"],)
            narrow(page, replace(wanted, classes=() if same else classes, passes=() if same else number))

    left, right = st.columns(2, gap="large")
    with left:
        by_class = views.by_class(page, traces, chosen, only, shown)
        show(by_class, page.colours, click, PASS_PARAM)
        st.caption(f"{by_class.notes} A click on a part of a bar shows these images.")
    with right:
        show(views.by_confidence(page, traces, chosen), page.colours)
        st.caption(unbroken("How sure the first pass was, the least sure on top. It should look again at those."))


def _outcomes(page: Opened, found: looks.Looked, wanted: Filter) -> None:
    """The images that looking again put right, and those that it put wrong; a click shows them."""
    with st.container(key="looks_outcomes", horizontal=True, vertical_alignment="center", gap="small"):
        counts: dict[Change, int] = {"righted": found.righted, "spoiled": found.spoiled}
        for change, count in counts.items():
            st.button(
                f"Show the {count:,} {looks.CHANGES[change]}",
                icon=":material/check:" if change == "righted" else ":material/close:",
                key=f"show_{change}",
                disabled=not count,
                on_click=narrow,
                args=(page, replace(wanted, change=change)),
            )
    if found.again:
        show(views.changes(page, found), page.colours)
