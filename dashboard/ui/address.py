"""Where the app is. Behind a proxy it may be below a path of its host: Streamlit's ``server.baseUrlPath``."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from dashboard.export.stamp import is_local


def inside(path: str) -> str:
    """A path of the app, such as ``/learn``, as a browser asks for it, such as ``/dfs/learn``."""
    folder = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{folder}{path}" if folder else path


def app() -> str | None:
    """URL of the app's first page, as the browser reaches it; None where no browser has said it."""
    found = urlsplit(st.context.url or "")
    return f"{found.scheme}://{found.netloc}{inside('/')}" if found.netloc else None


def on_this_machine() -> bool:
    """Whether the browser is on the app's machine: by its connection too, because a client may state any URL."""
    return st.context.ip_address is None and is_local(urlsplit(st.context.url or "http://localhost").hostname)
