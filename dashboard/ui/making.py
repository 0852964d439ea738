"""Files of a talk: made when they are asked for, of the talk as it is by then, in a thread that knows no session."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dashboard.export.talk import Talk
from dashboard.ui.session_talk import Held

WAIT_S = 2.0  # at most, for the run that a click begins


class TalkFile:
    """What a download's button calls for its bytes.

    Two messages leave the browser with a click: the one that runs the page again, with what was typed last, and the
    one that asks for the file. The file waits for the first.
    """

    def __init__(self, held: Held, make: Callable[[Talk], bytes]) -> None:
        """Args: held: the talk; make: from the talk to the file's bytes."""
        self._held, self._make = held, make
        self._clicked = threading.Event()

    def clicked(self) -> None:
        """The page runs again and has taken in what was typed before the click; the button's callback."""
        self._clicked.set()

    def __call__(self) -> bytes:
        """The file.

        Raises:
            UserError: it cannot be made of this talk.
        """
        self._clicked.wait(WAIT_S)
        self._clicked.clear()
        return self._make(self._held.talk)
