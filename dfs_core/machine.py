"""Facts about this machine and its time, without torch."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

CPU_FACTS = Path("/proc/cpuinfo")


@cache
def cpu_facts() -> dict[str, str]:
    """What Linux tells of the first processor, such as ``model name`` and ``flags``; empty on other systems."""
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in reversed(lines))  # so that the first processor's facts come last, and stay
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def cpu_name() -> str:
    """The processor's model; if Linux does not tell it, its architecture."""
    return cpu_facts().get("model name") or platform.processor() or platform.machine() or "unknown"


def medians_by_turns(
    actions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Time actions by turns, so that a slow moment of the machine slows all of them.

    Args:
        actions: what to time.
        rounds: how often each is timed.
        warm_up: earlier rounds that do not count.
        clock: the time in seconds.

    Returns:
        The median time of each action in seconds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(warm_up + rounds):
        for name, action in actions.items():
            began = clock()
            action()
            if number >= warm_up:
                seconds[name].append(clock() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}
