"""A session of the app as a browser speaks it, without drawing: Streamlit's messages over a websocket.

Fifty browsers on one machine would measure the browsers. A user brings a browser of their own; the app's machine has to
run the app for fifty of them, and that is what these sessions ask of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.util import calc_hash
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

START = "explore"  # the page that opens at the app's own address


class Session:
    """One user's connection.

    Attributes:
        budget: the budget's slider, as the app drew it last; None on a page without one.
        exceptions: number of exceptions that pages have shown.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.budget: Slider | None = None
        self.exceptions = 0
        self.page, self.query = START, ""
        self._connection: ClientConnection | None = None
        self._moved: dict[str, WidgetState] = {}

    async def __aenter__(self) -> Self:
        stream = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        streamlit = [Subprotocol("streamlit")]
        self._connection = await connect(stream, origin=Origin(self.address), subprotocols=streamlit, max_size=None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        await self._connection.close()

    async def open(self, page: str) -> float:
        """Open a page by its name, and return the time until it stands, in seconds."""
        self.page, self.query, self.budget = page or START, "", None
        self._moved.clear()
        return await self._run()

    async def move_budget(self, choose: Callable[[int], int]) -> float:
        """Move the budget's slider, and return the time until the page stands, in seconds.

        Args:
            choose: the slider's position now -> the new one; it is kept within the slider.

        Raises:
            LookupError: the page has no such slider.
        """
        slider = self.budget
        if slider is None:
            raise LookupError(f"{self.page} has no budget")
        moved = self._moved.get(slider.id)
        labels = list(slider.options)
        now = labels.index(moved.string_array_value.data[0]) if moved else round(slider.default[0])
        state = WidgetState(id=slider.id)
        state.string_array_value.data.append(labels[min(max(choose(now), 0), len(labels) - 1)])
        self._moved[slider.id] = state
        return await self._run()

    async def _run(self) -> float:
        """Ask for a run of the page and read what it draws until it has ended."""
        assert self._connection is not None
        start = time.monotonic()
        asked = BackMsg()
        client = asked.rerun_script
        client.query_string = self.query
        client.page_script_hash = calc_hash(self.page)
        client.context_info.url = f"{self.address}/{'' if self.page == START else self.page}"
        client.widget_states.widgets.extend(self._moved.values())
        await self._connection.send(asked.SerializeToString())
        while True:
            said = ForwardMsg.FromString(bytes(await self._connection.recv(decode=False)))
            kind = said.WhichOneof("type")
            if kind == "delta":
                self._read(said)
            elif kind == "page_info_changed":
                self.query = said.page_info_changed.query_string
            elif kind == "script_finished" and said.script_finished in (
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
            ):
                self.exceptions += said.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR
                return time.monotonic() - start

    def _read(self, said: ForwardMsg) -> None:
        element = said.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.exceptions += 1
        elif kind == "slider" and "-budget_" in element.slider.id:
            self.budget = element.slider
