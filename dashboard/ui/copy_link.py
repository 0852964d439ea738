"""The button that copies the page's link. The address bar has it too, but not everybody looks there."""

from __future__ import annotations

import streamlit as st

from dashboard.ui import uploads

_TITLE = "Copy a link that opens this page as it is"
_COPIED = "Link copied."
_STAYS = "Your own images are not in it: an upload cannot travel in a link."

# Where the browser allows no clipboard, as on an address without TLS, the old way is tried. In braces, because the
# script runs once more when the page is drawn anew.
_SCRIPT = """{
const root = document.querySelector('.dfs-copy');
root.querySelector('button').onclick = async () => {
  const url = new URL(window.location.href);
  url.searchParams.delete('embed');
  const said = root.querySelector('[role=status]');
  try {
    await navigator.clipboard.writeText(url.href);
  } catch (refused) {
    const text = Object.assign(document.createElement('textarea'), {value: url.href});
    document.body.append(text);
    text.select();
    document.execCommand('copy');
    text.remove();
  }
  said.textContent = root.dataset.said;
  setTimeout(() => { said.textContent = ''; }, 4000);
};
}"""


def copy_link() -> None:
    """Draw the button; in a frame of another page there is none."""
    if st.context.is_embedded:
        return
    said = f"{_COPIED} {_STAYS}" if uploads.pictures() else _COPIED
    title = f"{_TITLE}. {_STAYS}" if uploads.pictures() else _TITLE
    with st.container(key="copy_link"):
        st.html(
            f'<div class="dfs-copy" data-said="{said}"><span role="status"></span>'
            f'<button type="button" title="{title}">Copy link</button></div><script>{_SCRIPT}</script>',
            unsafe_allow_javascript=True,
        )
