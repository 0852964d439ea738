"""Progress without a terminal: lines that a log can hold, now and then."""

from __future__ import annotations

import io
import sys

import pytest

from dfs_core import bar


def lines(monkeypatch: pytest.MonkeyPatch, every_s: float) -> list[str]:
    monkeypatch.setattr(bar, "LINE_EVERY_S", every_s)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    moving = bar.steps_bar("my-run", 40, 10)
    for step in range(30):
        moving.set_postfix(refresh=False, loss=f"{step:.3f}")
        moving.update()
    moving.close()
    text = sys.stderr.getvalue()
    assert "\r" not in text
    return [line for line in text.splitlines() if line]


def test_a_run_says_how_far_it_is_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(monkeypatch, 0.0)
    assert len(found) >= 30
    assert "my-run: 25 of 40 steps" in found[14]
    assert "loss=14.000" in found[14]
    assert "left" in found[14]
    assert "my-run: 40 of 40 steps" in found[-1]


def test_it_does_not_say_it_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines(monkeypatch, 3600.0)
    assert len(found) <= 2
    assert "my-run: 40 of 40 steps" in found[-1]
