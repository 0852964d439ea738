"""The benchmark: what it reports, on a network that is small enough for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny import make_card

from dfs_core import bench
from dfs_core.checkpoints.card import CheckpointError
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig

KEYS = ["options", "batch", "plain_step_s", "grouped_step_s", "dense_step_s", "grouped_eval_s", "dense_eval_s"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DEPTH": 8, "BATCH": 6, "ROUNDS": 3, "WARM_UP": 1}.items():
        assert hasattr(bench, name)
        monkeypatch.setattr(bench, name, value)
    monkeypatch.setattr(bench, "use_fused", lambda model: None)  # compiling takes longer than the test

    def missing(name: str) -> None:
        raise CheckpointError(f"no {name}")

    monkeypatch.setattr(bench, "read_card", missing)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("options", ["paper", "skip,4,full"])
def test_it_reports_its_options_and_five_times_in_seconds(options: str) -> None:
    found = bench.run(options, batch=6)
    assert list(found) == KEYS
    assert (found["options"], found["batch"]) == (options, 6)
    assert all(0 < found[key] < 60 for key in KEYS[2:])


@pytest.mark.usefixtures("small")
def test_each_time_is_the_median_of_the_rounds_after_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def make(model: object, decisions: object, execution: str, *batch: int) -> Callable[[], None]:
        seconds = iter((50.0, 3.0, 9.0, 4.0))  # one round of warm-up, then three that count

        def action() -> None:
            now[0] += next(seconds)

        return action

    monkeypatch.setattr(bench, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(bench, "_training_step", make)
    monkeypatch.setattr(bench, "_evaluation", make)
    found = bench.run("skipnet", batch=6)
    assert [found[key] for key in KEYS[2:]] == [4.0] * 5


@pytest.mark.usefixtures("small")
def test_steps_learn_and_every_option_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[int] = Counter()
    steps: list[str] = []
    draw, training_step = bench._draw, bench._training_step

    def counted(shares: torch.Tensor, images: int) -> torch.Tensor:
        decisions = draw(shares, images)
        seen.update(decisions.flatten().tolist())
        return decisions

    def watched(model: Any, decisions: Any, execution: str, batch: int) -> Any:
        assert batch == 5
        step, before = training_step(model, decisions, execution, batch), model.body.classifier.weight.detach().clone()

        def run() -> None:
            step()
            steps.append(f"{execution} {torch.equal(before, model.body.classifier.weight)}")

        return run

    monkeypatch.setattr(bench, "_draw", counted)
    monkeypatch.setattr(bench, "_training_step", watched)
    bench.run("skip,4,full", batch=5)
    assert set(seen) == {0, 1, 2}
    assert set(steps) == {"grouped False", "dense False"}, "weights change in every step"


@pytest.mark.usefixtures("small")
def test_an_option_set_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UserError, match="option set 'papers'"):
        bench.run("papers")


def test_evaluation_follows_the_shipped_shares_where_its_options_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = ModelConfig(depth=8, options="skip,4,full", budget=20.0)
    rows = [{"skip": 75.0, "4": 25.0, "full": 0.0}, {"skip": 0.0, "4": 0.0, "full": 100.0}]
    measured = {"n": 4, "accuracy": 50.0, "accuracy_ci95": [15.0, 85.0], "cp": 50.1, "all_in": 60.0, "policies": 2}
    card = make_card("shipped", "dfs", shipped, metrics={"test": {**measured, "shares": rows}})
    monkeypatch.setattr(bench, "read_card", lambda name: card)
    wider = ModelConfig(depth=8, options="skip,4,8,full")
    even = torch.full((2, 4), 0.25)
    shares = bench._shipped_shares(wider, even)
    assert shares.tolist() == [[75.0, 25.0, 0.0, 0.0], [0.0, 0.0, 0.0, 100.0]]
    drawn = bench._draw(shares, 2000)
    assert drawn.shape == (2000, 2)
    assert set(drawn[:, 1].tolist()) == {3}
    assert float((drawn[:, 0] == 0).float().mean()) == pytest.approx(0.75, abs=0.05)
    for other in (ModelConfig(depth=8, options="skip,8,full"), ModelConfig(depth=14, options="skip,4,full")):
        fallback = torch.full((other.gated_blocks, 3), 1 / 3)
        assert bench._shipped_shares(other, fallback) is fallback
