"""Work that is done once in a process, after the first page is drawn."""

from __future__ import annotations

import gc
from functools import cache

from dashboard.ui.cached import engine


@cache
def freeze_loaded() -> None:
    """Exempt what is loaded by now from garbage collection, after the engine's look-ahead.

    With torch, Altair and a dozen networks in memory, a full collection takes 0.25 s or more and blocks all pages.
    Objects made later are collected as usual.
    """

    def freeze() -> None:
        gc.collect()
        gc.freeze()

    engine().afterwards(freeze)
