"""What keeps the process quick and small: done once after the first page is drawn, and then every minute."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time

from dashboard.ui.cached import shared_predictor

EVERY_S = 60
PLACES = 2  # for memory of threads
_M_ARENA_MAX = -8  # of glibc's mallopt
_FIRST = threading.Lock()  # never released


def share_memory() -> None:
    """Let all threads take memory from two places; for a process that has just begun.

    Streamlit draws every run in a thread of its own. C's allocator would give such threads eight places for each
    processor and keep what was freed in each of them, so that the process would grow for hours although it holds no
    more than at first.
    """
    _libc("mallopt", _M_ARENA_MAX, PLACES)


def begin() -> None:
    """After the predictor's look-ahead, exempt what is loaded from garbage collection. Then tidy up every minute.

    With torch, Altair and a dozen networks in memory, a full collection takes 0.25 s or more and blocks all pages.
    Objects made later are collected as usual. Only the first call does anything.
    """
    if not _FIRST.acquire(blocking=False):
        return

    def freeze() -> None:
        gc.collect()
        gc.freeze()

    shared_predictor().afterwards(freeze)
    threading.Thread(target=_tidy_by_the_minute, name="housekeeping", daemon=True).start()


def tidy() -> None:
    """Free what is no longer used, and hand the memory back to the system."""
    gc.collect()
    _libc("malloc_trim", 0)


def _tidy_by_the_minute() -> None:
    while True:
        time.sleep(EVERY_S)
        tidy()


def _libc(function: str, *arguments: int) -> None:
    """Call a function of glibc; nothing where C has another allocator."""
    found = getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
    if found is not None:
        found(*arguments)
