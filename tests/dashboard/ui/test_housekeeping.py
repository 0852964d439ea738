"""The process stays small: garbage goes by the minute, and freed memory back to the system."""

from __future__ import annotations

import gc
import os
import platform
import threading
import weakref
from pathlib import Path

import pytest
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.ui import housekeeping
from tools.measure import memory


class Ring:
    """Something that only a collection frees."""

    def __init__(self) -> None:
        self.itself = self


def test_a_page_starts_it_once(tiny_pretrained: Path, no_data: Path) -> None:
    for _ in range(2):
        AppTest.from_file(str(APP), default_timeout=60).run()
    assert [thread.name for thread in threading.enumerate()].count("housekeeping") == 1


def test_it_collects_what_refers_to_itself() -> None:
    gc.disable()
    try:
        gone = weakref.ref(Ring())
        assert gone() is not None
        housekeeping.tidy()
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone can hand memory back")
def test_it_hands_freed_memory_back() -> None:
    housekeeping.tidy()
    before, mine = memory(os.getpid()), []
    thread = threading.Thread(target=lambda: mine.extend(bytes(1000) for _ in range(200_000)))  # 200 MB
    thread.start()
    thread.join()
    full = memory(os.getpid())
    kept = mine[::500]  # lies between what goes
    mine.clear()
    housekeeping.tidy()
    assert full - before > 150
    assert memory(os.getpid()) - before < 50
    assert kept
