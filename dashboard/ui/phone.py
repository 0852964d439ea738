"""On a phone: the drawer of pages closes when one is chosen, and the header says which page is open."""

from __future__ import annotations

import streamlit as st

# Streamlit's drawer stays open over the page that was chosen in it. A click on the button that closes it is enough.
_SCRIPT = """export default function ({data}) {
  document.querySelector('[data-testid=stHeader]')?.setAttribute('data-page', data.title);
  const close = event => {
    if (event.target.closest?.('[data-testid=stSidebarNavLink]') && matchMedia('(max-width: 768px)').matches)
      document.querySelector('[data-testid=stSidebarCollapseButton] button')?.click();
  };
  document.addEventListener('click', close);
  return () => document.removeEventListener('click', close);
}"""

_follow = st.components.v2.component("dfs_phone", js=_SCRIPT)


def follow(title: str) -> None:
    """Close the drawer on a choice, and name the page by its title."""
    with st.container(key="phone"):
        _follow(key="phone_watch", data={"title": title})
