"""What is done once in a process, when it has everything that pages need."""

from __future__ import annotations

import gc
from functools import cache

from dashboard.ui.cached import engine


@cache
def settle() -> None:
    """Once the first page is drawn and the engine has looked ahead, keep what is loaded from the garbage collector.

    Streamlit collects garbage after every run. With torch, Altair and a dozen networks in memory that takes a quarter
    of a second and more, in which nobody's page moves. What later runs leave behind is collected as ever.
    """

    def freeze() -> None:
        gc.collect()
        gc.freeze()

    engine().afterwards(freeze)
