"""What panels of measured times share: how many images run at a time, and the button that measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.answers.parameters import whole_number
from dashboard.ui import messages, state
from dashboard.ui.read_only import read_only
from dashboard.ui.switch import switch
from dfs_core.errors import UserError

BATCH = "batch"  # page parameter: images at a time
Report = Callable[[float], object]


def at_a_time(shared: state.State, name: str, sizes: Sequence[int], usual: int) -> int:
    """Draw the control of how many images run at a time, and return its value.

    Args:
        shared: the state that pages share.
        name: of the control.
        sizes: that were measured, rising.
        usual: the one in use if the link names none of them.
    """
    wished = whole_number(shared.page.get(BATCH), 1, sizes[-1])
    batch = wished if wished is not None and wished in sizes else usual
    words = {size: str(size) for size in sizes}
    switch(name, "Images at a time", words, batch, lambda size: state.change(page={BATCH: str(size)}), labelled=True)
    return batch


def measure_button(label: str, key: str, doing: str, measure: Callable[[Report], object]) -> None:
    """Draw a button that measures under a bar and then draws the page anew, or says why it cannot. Not if read-only.

    Args:
        label: of the button.
        key: of the button.
        doing: text of the bar.
        measure: called with what takes the share that is done, 0 to 1; a ``UserError`` is shown.
    """
    if read_only() or not st.button(label, icon=":material/timer:", key=key):
        return
    bar = st.progress(0.0, doing)
    try:
        measure(lambda share: bar.progress(share, doing))
    except UserError as error:
        bar.empty()
        st.error(messages.plain(str(error)), icon=":material/timer_off:")
        return
    st.rerun()
