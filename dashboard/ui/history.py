"""One entry in the browser's history for one change.

Streamlit adds an entry when the page changes, and another one when the app then writes its parameters into the URL.
Back would lead to the URL between the two. So what follows without a new key or click replaces the last entry.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """export default function () {
  if (window.dfsHistory) return;
  window.dfsHistory = {acted: false};
  const push = history.pushState.bind(history), act = () => { window.dfsHistory.acted = true; };
  for (const kind of ['pointerdown', 'keydown', 'drop']) addEventListener(kind, act, {capture: true});
  history.pushState = (state, title, url) => {
    const same = new URL(url ?? location.href, location.href).href === location.href;
    const add = window.dfsHistory.acted && !same;
    window.dfsHistory.acted = window.dfsHistory.acted && same;
    return add ? push(state, title, url) : history.replaceState(state, title, url);
  };
}"""

_watch = st.components.v2.component("dfs_history", js=_SCRIPT)


def one_entry_for_one_change() -> None:
    """Watch over the history, from the first run on."""
    with st.container(key="history"):
        _watch(key="history_watch")
