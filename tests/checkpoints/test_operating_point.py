"""What follows from a checkpoint and a budget: words, alpha, the file of its traces and the command that makes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_budget import NAME, every_budget_card
from tiny import make_card

from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import NoTraces, read_traces
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.prices import alpha_of

DFS = make_card("dfs-20", "dfs", ModelConfig(depth=14, budget=20.0), alpha=5e-6)
MANY = every_budget_card()


def test_a_checkpoint_of_one_budget_says_its_own_budget_and_alpha() -> None:
    point = OperatingPoint(DFS)
    assert (point.target, point.alpha, point.in_words) == (20.0, 5e-6, "DFS ResNet-14, budget 20 %, alpha 5e-6")
    assert point.traces_file == "traces.parquet"
    assert point.command(pretrained_dir() / "dfs-20") == (
        "python -m dfs_core traces --checkpoint dfs-20 --data-dir DIR"
    )
    assert "--checkpoint 'my runs/dfs-20' --data-dir" in point.command(Path("my runs/dfs-20"))


def test_of_a_checkpoint_for_every_budget_alpha_and_file_follow_from_the_budget() -> None:
    point = OperatingPoint(MANY, 1.25)
    assert point.alpha == pytest.approx(alpha_of(MANY.config.price_for(1.25)), rel=1e-3)
    assert "budget 1.25 %, price " in point.in_words
    assert point.traces_file == "traces-b1.25.parquet"
    assert (
        point.command(pretrained_dir() / NAME)
        == f"python -m dfs_core traces --checkpoint {NAME} --budget 1.25 --data-dir DIR"
    )
    assert "budgets " in OperatingPoint(MANY).in_words
    assert OperatingPoint(MANY).alpha is None


def test_a_budget_that_a_files_name_cannot_hold_is_refused() -> None:
    with pytest.raises(UserError, match=r"more digits than are kept: use 1\.23457"):
        _ = OperatingPoint(MANY, 1.23456789).traces_file


def test_a_price_takes_the_place_of_the_budget() -> None:
    assert OperatingPoint(DFS, price=0.5).in_force == (None, 0.5)


def test_whoever_finds_no_traces_is_told_the_command_as_a_field(tmp_path: Path) -> None:
    with pytest.raises(NoTraces) as caught:
        read_traces(tmp_path, OperatingPoint(DFS))
    assert caught.value.command == OperatingPoint(DFS).command(tmp_path)
    assert str(tmp_path) in caught.value.command
    assert caught.value.command in str(caught.value)
    assert "stored budgets" not in str(caught.value)
    (tmp_path / "traces.parquet").write_bytes(b"nonsense")
    with pytest.raises(UserError) as damaged:
        read_traces(tmp_path, OperatingPoint(DFS))
    assert damaged.value.command == OperatingPoint(DFS).command(tmp_path)


def test_whoever_asks_for_a_budget_without_traces_is_told_the_stored_ones(tmp_path: Path) -> None:
    for budget in ("0.4", "10"):
        (tmp_path / f"traces-b{budget}.parquet").write_bytes(b"")
    with pytest.raises(NoTraces, match=r"no traces-b2\.5\.parquet in .* \(stored budgets: 0\.4, 10 %\)"):
        read_traces(tmp_path, OperatingPoint(MANY, 2.5))


def test_a_checkpoint_of_one_measured_price_serves_its_usual_budget() -> None:
    config = ModelConfig(options="skip,2,full", policy="table", prices=((1.0, 0.36764705882),))
    assert config.usual_budget == pytest.approx(0.36764705882, rel=1e-5)
    assert config.operating_point() == (config.usual_budget, 1.0)
    card = make_card("one", "mixed", config)
    assert OperatingPoint(card).traces_file == "traces-b0.367647.parquet"


def test_without_measured_prices_a_budget_is_refused_for_that_reason() -> None:
    with pytest.raises(UserError, match="prices were not measured"):
        ModelConfig(policy="utility").operating_point(1.0)
