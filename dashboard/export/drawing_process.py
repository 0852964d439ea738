"""The rendering process: reads pickled requests for functions of ``vl_convert`` and writes pickled answers.

``drawing.py`` runs it as a program. It imports nothing else of the project and ends when its input ends.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress

import vl_convert

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

FUNCTIONS = ("vegalite_to_svg", "svg_to_png", "svg_to_pdf", "javascript_bundle")


def main() -> None:
    """Answer ``(function, arguments, options)`` with ``(True, result)`` or ``(False, error message)``."""
    _limit(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, which then ends this process
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # prints of libraries go to stderr, not among the answers
    while True:
        try:
            function, args, options = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if function not in FUNCTIONS:
            raise SystemExit(f"unknown function '{function}'")
        try:
            answer = (True, getattr(vl_convert, function)(*args, **options))
        except Exception as error:  # of any type: the server reports it
            answer = (False, str(error))
        pickle.dump(answer, answers)
        answers.flush()


def _limit(most_bytes: int) -> None:
    """Claim no more memory than that; where the system knows no such limit, time alone is limited."""
    if resource is not None:
        # What ends for want of memory leaves no file. macOS refuses the first limit, and a lower one may be in force.
        for limit, most in ((resource.RLIMIT_DATA, most_bytes), (resource.RLIMIT_CORE, 0)):
            with suppress(ValueError, OSError):
                resource.setrlimit(limit, (most, most))


if __name__ == "__main__":
    main()
