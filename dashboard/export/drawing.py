"""Charts are drawn in a process of their own: what draws them holds Python's lock, and would stall every session.

It is started when somebody first wants a picture, serves one request after the other, and ends with the server: its
input then ends. ``multiprocessing`` would do as much, but runs the main module again in the new process, which under
``streamlit run`` is the app.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, cast

from dfs_core.errors import UserError

LONGEST_S = 60.0  # for one picture: some take a second
MOST_BYTES = 3 * 2**30  # that the process may claim; what runs JavaScript claims half a GB and does not use it
# Pictures of a talk may come from anybody, so they are drawn in a process of their own, with less of everything.
KEPT_S, KEPT_BYTES = 10.0, 700 * 2**20
_PROGRAM = Path(__file__).with_name("drawing_process.py")


class Drawing:
    """The process, and who asks it. Threads can share one: each waits for its turn, and nobody else for anybody."""

    def __init__(self, longest_s: float = LONGEST_S, most_bytes: int = MOST_BYTES) -> None:
        """A process that is begun with the first request.

        Args:
            longest_s: after so many seconds a request is given up.
            most_bytes: of memory; a request that needs more ends the process, where the system can see to that.
        """
        self._longest_s, self._most_bytes = longest_s, most_bytes
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, function: str, *args: Any, **options: Any) -> Any:
        """What a function of ``vl_convert`` returns.

        Raises:
            ValueError: the function failed; its error in words.
            UserError: the process ended at the request, or took too long; the next request begins another.
        """
        message = pickle.dumps((function, args, options))
        with self._turn:
            process = self._running()
            late = threading.Timer(self._longest_s, process.kill)
            late.start()
            try:
                to, back = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
                to.write(message)
                to.flush()
                done, answer = pickle.load(back)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                self._end(process)
                raise UserError("the chart could not be drawn: what draws it stopped; try again") from error
            finally:
                late.cancel()
        if not done:
            raise ValueError(answer)
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        with self._turn:
            if self._process is not None:
                self._end(self._process)

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; a new one if there is none, or if it ended since it was last asked."""
        if self._process is not None and self._process.poll() is not None:
            self._end(self._process)
        if self._process is None:
            # -P: the program's folder holds modules of ours, which are not to take the place of others.
            command = [sys.executable, "-P", str(_PROGRAM), str(self._most_bytes)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # of what was not sent any more
                cast(IO[bytes], pipe).close()


@cache
def drawing() -> Drawing:
    """The one of this server."""
    return Drawing()


@cache
def drawing_kept() -> Drawing:
    """The one of this server for pictures that talks keep: nobody's chart waits for them."""
    return Drawing(KEPT_S, KEPT_BYTES)


def kept_to_png(svg: str, scale: float, ppi: float | None = None) -> bytes:
    """A picture of a talk as PNG. Errors as for ``Drawing.ask``."""
    return cast(bytes, drawing_kept().ask("svg_to_png", svg, scale=scale, **({} if ppi is None else {"ppi": ppi})))


def vegalite_to_svg(spec: Mapping[str, Any]) -> str:
    """A specification with its data, as SVG; nothing is fetched. Errors as for ``Drawing.ask``."""
    return cast(str, drawing().ask("vegalite_to_svg", spec, allowed_base_urls=[]))


def svg_to_png(svg: str, scale: float, ppi: float | None = None) -> bytes:
    """SVG as PNG. Errors as for ``Drawing.ask``."""
    return cast(bytes, drawing().ask("svg_to_png", svg, scale=scale, **({} if ppi is None else {"ppi": ppi})))


def svg_to_pdf(svg: str) -> bytes:
    """SVG as PDF. Errors as for ``Drawing.ask``."""
    return cast(bytes, drawing().ask("svg_to_pdf", svg))


@cache
def javascript_bundle() -> str:
    """What draws charts in a browser: Vega, Vega-Lite and vega-embed, which take seconds to put together."""
    return cast(str, drawing().ask("javascript_bundle"))
