"""The button that copies the page's link."""

from __future__ import annotations

import streamlit as st

from dashboard.ui import uploads

_TITLE = "Copy a link that opens this page as it is now"
_COPIED = "Link copied."
_WITHOUT_UPLOADS = "Your own images are not in it; the receiver is told so."

# Browsers refuse the clipboard API without TLS; then the script falls back to execCommand. The braces give it its own
# scope, because it runs again at every redraw.
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
    """Draw the button, unless the app is embedded in another page."""
    if st.context.is_embedded:
        return
    said = f"{_COPIED} {_WITHOUT_UPLOADS}" if uploads.pictures() else _COPIED
    title = f"{_TITLE}. {_WITHOUT_UPLOADS}" if uploads.pictures() else _TITLE
    with st.container(key="copy_link"):
        st.html(
            f'<div class="dfs-copy" data-said="{said}"><span role="status"></span>'
            f'<button type="button" title="{title}">Copy link</button></div><script>{_SCRIPT}</script>',
            unsafe_allow_javascript=True,
        )
