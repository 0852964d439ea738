"""What outlives a reload of the page: the server's memory of one browser, under a cookie that ends with the browser.

Streamlit begins a new session with every reload. So what the user gave is kept outside the session, under a random
token. The browser holds the token in a cookie, which is set only when there is something to keep.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import streamlit as st

from dashboard.ui import cached

COOKIE = "dfs_browser"
_MEMORY = "browser_memory"
_TOKEN = r"[\w-]{22}"
_NO_COOKIES = "This browser keeps no cookies, so your own images are lost when you reload the page."

_SCRIPT = """{
document.cookie = '%s=%s; path=/; SameSite=Strict';
if (!document.cookie.includes('%s=')) document.querySelector('.dfs-keep').textContent = '%s';
}"""


def memory() -> dict[str, Any]:
    """What is kept of this browser by name; always the same object. Tabs of one browser share it."""
    return _entry()[1]


def survive_reload() -> None:
    """Keep what there is of this browser beyond the session; its cookie remembers the token, or it says why not."""
    token, kept = _entry()
    known = cached.browser_memory(token)
    if known is not kept:
        known.update(kept)
        st.session_state[_MEMORY] = token, known
    script = _SCRIPT % (COOKIE, token, COOKIE, _NO_COOKIES)
    st.html(f'<small class="dfs-keep"></small><script>{script}</script>', unsafe_allow_javascript=True)


def _entry() -> tuple[str, dict[str, Any]]:
    if _MEMORY not in st.session_state:
        token = str(st.context.cookies.get(COOKIE, ""))
        if re.fullmatch(_TOKEN, token):
            st.session_state[_MEMORY] = token, cached.browser_memory(token)
        else:  # only browsers with something to keep have a place on the server: there are few
            st.session_state[_MEMORY] = secrets.token_urlsafe(16), {}
    entry: tuple[str, dict[str, Any]] = st.session_state[_MEMORY]
    return entry
