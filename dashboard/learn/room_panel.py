"""Learn in front of a room: large type, the controls folded away, and the address of the app with its QR code."""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

import segno
import streamlit as st

from dashboard.export.stamp import is_local
from dashboard.ui import state
from dashboard.ui.address import inside
from dashboard.ui.page import Opened

ROOM = "room"  # page parameter
_LARGE = """<style>
html { font-size: clamp(17px, 1.15vw, 26px); }
.st-key-controls { display: none; }
.stApp [data-testid="stMainBlockContainer"] { max-width: none; padding-inline: 2vw; }
</style>"""


def room(page: Opened) -> None:
    """Draw the switch and, while it is on, what belongs to it."""
    on = ROOM in page.shared.page
    control = state.Control.showing(ROOM, on)
    with st.container(key="room_bar", horizontal=True, vertical_alignment="center"):
        st.toggle(
            "For a room",
            on,
            key=control.key,
            width="content",
            help="Large type; the controls above are folded away. F11 gives Learn the whole screen.",
            on_change=control.choice(lambda wished: state.change(page={ROOM: "1" if wished else ""})),
        )
        if on:
            with st.popover("Address for the room", icon=":material/qr_code_2:", key="room_address"):
                st.html(address_html(st.context.url))
    if on:
        st.html(_LARGE)


def address_html(url: str | None) -> str:
    """The address of the app with its QR code; or, where only this machine reaches it, what to do."""
    found = urlsplit(url or "")
    if not found.hostname or is_local(found.hostname):
        return (
            "<p>Only this machine reaches the app. To open it to the room, start it with<br>"
            "<code>DFS_READ_ONLY=1 dfs-explorer --server.address=0.0.0.0 --server.allowedHosts=ADDRESS</code><br>"
            "with this machine's address in the room's network, and open that address here, too."
            " docs/serving.md says what that opens.</p>"
        )
    address = f"{found.scheme}://{found.netloc}{inside('/learn')}"
    code = segno.make(address, error="m").svg_data_uri(scale=7, border=2, dark="#000", light="#fff")
    return (
        f'<figure class="dfs-qr"><img src="{escape(code)}" alt="QR code of {escape(address)}">'
        f"<figcaption>{escape(address)}</figcaption></figure>"
    )
