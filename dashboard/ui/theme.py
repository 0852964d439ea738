"""Charts in the colours of the theme, also when somebody changes it under an open page.

Streamlit draws its own parts anew at once but runs the page again only with the next click; until then charts would
keep the colours of the other theme. A component that shows nothing asks for that run.
"""

from __future__ import annotations

import streamlit as st

# The function is called again whenever the page is drawn anew, so the watcher before it has to go.
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
    """Run the page again when its theme is another than it was drawn in."""
    with st.container(key="theme"):
        _watch(key="theme_watch", data={"drawn": st.context.theme.type}, on_changed_change=lambda: None)
