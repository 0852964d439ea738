"""The command ``cascade``: checkpoints in a row, each asked only about images of which those before were unsure."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import run_json, run_wrong

from dfs_core.checkpoints.card_files import read_card
from dfs_core.cli import main

PASSES = ("tiny-dfs-10", "tiny-dfs-20", "tiny-backbone")


def test_between_its_first_pass_and_all_of_them_any_budget_is_met(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path
) -> None:
    alone = [read_card(name).metrics["test"] for name in PASSES]
    lowest, everything = 10.2, 0.98 * (10 + 20 + 100)
    found = run_json(capsys, "cascade", "--passes", *PASSES, "--budget", lowest, 40, "--data-dir", cifar10_dir)
    assert [row["budget"] for row in found] == [lowest, 40]
    assert [row["checkpoints"] for row in found] == [list(PASSES)] * 2
    assert found[0]["passes"] < found[1]["passes"] < 3
    assert found[0]["limits"] <= found[1]["limits"]
    for row in found:
        assert row["n"] == 40
        assert alone[0]["cp"] - 3 < row["cp"] < everything
        assert row["all_in"] > alone[0]["all_in"] - 3
        assert row["low"] <= row["accuracy"] <= row["high"]
        assert 0 <= row["shuffled"] <= 100


def test_with_one_pass_for_all_it_is_that_pass(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path
) -> None:
    first = read_card(PASSES[0]).metrics["test"]
    (row,) = run_json(capsys, "cascade", "--passes", *PASSES, "--budget", 10, "--data-dir", cifar10_dir)
    if row["passes"] == 1:
        assert row["accuracy"] == pytest.approx(first["accuracy"])
        assert row["cp"] == pytest.approx(first["cp"], abs=1e-3)
        assert row["all_in"] == pytest.approx(first["all_in"], abs=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny-dfs-10"], "needs two passes or more"),
        (["tiny-dfs-20", "tiny-dfs-10"], "passes come cheapest first, and 'tiny-dfs-20' costs"),
        (["tiny-dfs-10", "tiny-dfs-10"], "passes come cheapest first"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "1"], "these passes serve budgets from"),
        (["tiny-dfs-10", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, words: list[str], message: str
) -> None:
    assert message in run_wrong(capsys, "cascade", "--data-dir", cifar10_dir, "--passes", *words)


def test_people_get_a_table_and_the_memory(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path
) -> None:
    words = ["cascade", "--passes", "tiny-dfs-10", "tiny-backbone", "--budget", "30", "--data-dir", str(cifar10_dir)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "2 networks in memory" in printed
    assert "30.00 %" in printed
