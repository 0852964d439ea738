"""What keeps the process quick and small: done once after the first page is drawn, and then every minute."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable
from functools import cache

from dashboard.ui.cached import engine

EVERY_S = 60


@cache
def begin() -> None:
    """Exempt what is loaded by now from garbage collection, after the engine's look-ahead; then tidy up every minute.

    With torch, Altair and a dozen networks in memory, a full collection takes 0.25 s or more and blocks all pages.
    Objects made later are collected as usual.
    """

    def freeze() -> None:
        gc.collect()
        gc.freeze()

    engine().afterwards(freeze)
    threading.Thread(target=_tidy_by_the_minute, name="housekeeping", daemon=True).start()


def tidy() -> None:
    """Free what is no longer used, and hand the memory back to the system.

    Streamlit draws every run in a thread of its own. C's allocator keeps what such threads have freed, each in another
    place, so that the process would grow for hours although it holds no more than at first.
    """
    gc.collect()
    _hand_back()()


def _tidy_by_the_minute() -> None:
    while True:
        time.sleep(EVERY_S)
        tidy()


@cache
def _hand_back() -> Callable[[], object]:
    """``malloc_trim`` of glibc; nothing where C has another allocator."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return (lambda: None) if trim is None else lambda: trim(0)
