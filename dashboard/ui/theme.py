"""Redraw charts when the user changes the theme.

Streamlit recolours its own parts at once but reruns the page only at the next click, so charts would keep the old
colours until then. An invisible component triggers the rerun.
"""

from __future__ import annotations

import streamlit as st

# The function is called at every redraw, so it removes the former watcher first.
_SCRIPT = """export default function ({data, parentElement, setTriggerValue}) {
  const app = document.querySelector('[data-testid=stApp]');
  const shown = () => getComputedStyle(app).colorScheme;
  let drawn = data.drawn ?? shown();
  app.dataset.drawnIn = drawn;
  const follow = () => {
    if (shown() !== drawn) {
      drawn = shown();
      setTriggerValue('changed', drawn);
    }
  };
  parentElement.watcher?.disconnect();
  parentElement.watcher = new MutationObserver(follow);
  parentElement.watcher.observe(app, {attributes: true, attributeFilter: ['class']});
  return () => parentElement.watcher.disconnect();
}"""

_watch = st.components.v2.component("dfs_theme", js=_SCRIPT)


def follow() -> None:
    """Rerun the page when its theme changes."""
    with st.container(key="theme"):
        _watch(key="theme_watch", data={"drawn": st.context.theme.type}, on_changed_change=lambda: None)
