"""Charts are rendered in a separate process: vl-convert holds Python's global lock and would stall all sessions.

The process starts at the first request and handles one request at a time. It ends with the server, which closes its
input. We do not use ``multiprocessing``: it would run the main module again, which under ``streamlit run`` is the app.
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

LONGEST_S = 60.0  # for one picture; a slow one takes about a second
MOST_BYTES = 3 * 2**30  # address space of the process; its JavaScript engine reserves half a GB that it does not use
# The pictures of a talk file may come from anybody: a process of their own draws them, under tighter limits.
KEPT_S, KEPT_BYTES = 10.0, 700 * 2**20
_PROGRAM = Path(__file__).with_name("drawing_process.py")


class Drawing:
    """The rendering process. It is thread-safe: threads that need a picture wait for each other."""

    def __init__(self, longest_s: float = LONGEST_S, most_bytes: int = MOST_BYTES) -> None:
        """A process that starts with its first request.

        Args:
            longest_s: time limit of a request, in seconds.
            most_bytes: memory limit; a request that needs more ends the process, where the system can enforce it.
        """
        self._longest_s, self._most_bytes = longest_s, most_bytes
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, function: str, *args: Any, **options: Any) -> Any:
        """Call a function of ``vl_convert`` in the process and return its result.

        Raises:
            ValueError: the function failed, with its message.
            UserError: the process died or took too long; the next request starts a new one.
        """
        message = pickle.dumps((function, args, options))
        with self._lock:
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
                raise UserError("the chart could not be drawn: the rendering process stopped; try again") from error
            finally:
                late.cancel()
        if not done:
            raise ValueError(answer)
        return answer

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            if self._process is not None:
                self._end(self._process)

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; a new one if there is none or it has ended."""
        if self._process is not None and self._process.poll() is not None:
            self._end(self._process)
        if self._process is None:
            # -P: the modules in the program's folder must not shadow others.
            command = [sys.executable, "-P", str(_PROGRAM), str(self._most_bytes)]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # from flushing what was not sent
                cast(IO[bytes], pipe).close()


@cache
def drawing() -> Drawing:
    """The rendering process of this server."""
    return Drawing()


@cache
def drawing_kept() -> Drawing:
    """The one of this server for pictures that talks keep: nobody's chart waits for them."""
    return Drawing(KEPT_S, KEPT_BYTES)


def vegalite_to_svg(spec: Mapping[str, Any]) -> str:
    """Render a Vega-Lite specification with its data as SVG, without network access. Errors as for ``Drawing.ask``."""
    return cast(str, drawing().ask("vegalite_to_svg", spec, allowed_base_urls=[]))


def svg_to_png(svg: str, scale: float, ppi: float | None = None, kept: bool = False) -> bytes:
    """Render SVG, or a picture that a talk keeps, as PNG. Errors as for ``Drawing.ask``."""
    process = drawing_kept() if kept else drawing()
    return cast(bytes, process.ask("svg_to_png", svg, scale=scale, **({} if ppi is None else {"ppi": ppi})))


def svg_to_pdf(svg: str) -> bytes:
    """Render SVG as PDF. Errors as for ``Drawing.ask``."""
    return cast(bytes, drawing().ask("svg_to_pdf", svg))


@cache
def javascript_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as JavaScript; building this takes seconds."""
    return cast(str, drawing().ask("javascript_bundle"))
