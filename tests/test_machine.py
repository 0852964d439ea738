"""What a machine says of itself, on systems that say nothing too; times that are taken by turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfs_core import machine


def test_facts_are_those_of_the_first_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text(
        "processor\t: 0\nmodel name\t: First\nflags\t\t: fpu amx\n\nprocessor\t: 1\nmodel name\t: Second\n"
    )
    monkeypatch.setattr(machine, "CPU_FACTS", facts)
    machine.cpu_facts.cache_clear()
    try:
        assert machine.cpu_name() == "First"
        assert machine.cpu_facts()["flags"] == "fpu amx"
        monkeypatch.setattr(machine, "CPU_FACTS", tmp_path / "missing")
        machine.cpu_facts.cache_clear()
        assert machine.cpu_facts() == {}
        assert machine.cpu_name()
    finally:
        machine.cpu_facts.cache_clear()


def test_each_time_is_the_median_of_the_rounds_that_count() -> None:
    now, seconds = [0.0], iter((50.0, 9.0, 3.0, 4.0))

    def action() -> None:
        now[0] += next(seconds)

    assert machine.medians_by_turns({"it": action}, rounds=3, warm_up=1, clock=lambda: now[0]) == {"it": 4.0}
