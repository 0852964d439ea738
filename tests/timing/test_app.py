"""What the dashboard asks, timed: the right requests, of the right predictor, in turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from console import run_json

from dfs_core.predictor import Predictor
from dfs_core.timing import app


class Counted:
    """A predictor on a clock of its own: a picture takes 2 s in the float simulation and 0.5 s on the engine."""

    def __init__(self, plain: Predictor) -> None:
        self.card, self.now, self.asked = plain.card, 0.0, []
        self.engine: Any = replace_with(self, 0.5)

    def compiled(self) -> Any:
        return self.engine

    def predict(self, images: Any, **wishes: Any) -> None:
        self.asked.append((len(images), sorted(wishes)))
        self.now += 2.0 * len(images)


def replace_with(counted: Counted, seconds: float) -> Any:
    class OnEngine:
        def predict(self, images: Any, **wishes: Any) -> None:
            counted.now += seconds * len(images)

    return OnEngine()


def test_each_request_is_timed_on_both(tiny_pretrained: Path) -> None:
    counted = Counted(Predictor.load("tiny-dfs-20"))
    found = app.time_app(counted, clock=lambda: counted.now)  # type: ignore[arg-type]
    assert [(one.what, one.engine, one.grouped, one.speed) for one in found] == [
        ("16 pictures", 8.0, 32.0, 4.0),
        ("a picture at 40 budgets", 20.0, 80.0, 4.0),
        ("a gate forced", 0.5, 2.0, 4.0),
    ]
    assert set(map(str, counted.asked)) == {"(16, [])", "(40, ['price'])", "(1, ['forced'])"}


def test_the_command_times_the_first_checkpoint_of_each_method(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "ROUNDS", 1)
    monkeypatch.setattr(app, "WARM_UP", 0)
    found = run_json(capsys, "bench", "--app", "--network", "tiny-backbone")
    assert {"tiny-backbone", "tiny-dfs-10"} < set(found)
    assert [one["what"] for one in found["tiny-backbone"]] == ["16 pictures"], "a plain network has no gates"
    assert all(one["engine"] > 0 for asked in found.values() for one in asked)
