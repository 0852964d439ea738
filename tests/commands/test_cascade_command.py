"""The command ``cascade``: checkpoints in a row, each asked only about images of which those before were unsure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from console import run_json, run_wrong

from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.cli import main
from dfs_core.commands.evaluate import measured_images
from dfs_core.data.sets import load_images
from dfs_core.errors import UserError
from dfs_core.evaluation.limits import STRAIGHT, Row
from dfs_core.results.separate import Measured, Pass, ask, check_kin, looks_at, rows_on

PASSES = ("tiny-dfs-10", "tiny-dfs-20", "tiny-backbone")


def measured_by_itself(names: Sequence[str], data_dir: Path, **how: Any) -> dict[str, list[Measured]]:
    """What the passes say of validation and test images, as the command is to measure it."""
    passes = [Pass(load_checkpoint(name)) for name in names]
    images = {split: measured_images(passes[0].card, data_dir, split) for split in ("validation", "test")}
    labels = {split: found.labels.numpy() for split, found in images.items()}
    answered = {split: ask(passes, found, lambda *_: None) for split, found in images.items()}
    return looks_at(answered, labels, passes[0].card.config.gated_blocks, **how)


@pytest.fixture
def measured(tiny_pretrained: Path, cifar10_dir: Path) -> dict[str, list[Measured]]:
    return measured_by_itself(PASSES, cifar10_dir)


@pytest.fixture
def rows(measured: dict[str, list[Measured]]) -> list[Row]:
    """The limits for every price, from the same validation images as the command uses."""
    return rows_on(measured["validation"], load_checkpoint(PASSES[0]).card.config.gated_blocks)


def test_every_pass_is_paid_for_by_the_images_that_need_it(
    capsys: pytest.CaptureFixture[str], rows: list[Row], measured: dict[str, list[Measured]], cifar10_dir: Path
) -> None:
    passes_of, test = measured["test"], load_images("cifar10", cifar10_dir, "test")
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        (found,) = run_json(capsys, "cascade", "--passes", *PASSES, "--budget", row.cp, "--data-dir", cifar10_dir)
        assert found["limits"] == list(row.limits)
        right, cp, passes = [], [], []
        for image in range(len(test)):
            number = next((k for k, limit in enumerate(row.limits) if passes_of[k].look.sureness[image] >= limit), 2)
            right.append(passes_of[number].look.correct[image])
            cp.append(sum(one.cp[image] for one in passes_of[: number + 1]))
            passes.append(number + 1)
        assert found["accuracy"] == pytest.approx(100 * sum(right) / len(test))
        assert found["cp"] == pytest.approx(sum(cp) / len(test), abs=1e-3)
        assert found["passes"] == pytest.approx(sum(passes) / len(test))
        alone = passes_of[0].look.correct
        assert found["against"][0][0] == pytest.approx(100 * (sum(right) - sum(alone)) / len(test), abs=1e-3)
        assert all(low <= gain <= high for gain, low, high in found["against"])
        costs, each = zip(*((one.cp.mean(), 100 * one.look.correct.mean()) for one in passes_of), strict=True)
        if found["cp"] <= costs[-1]:
            above = found["accuracy"] - np.interp(found["cp"], costs, each)
            assert found["gain"] == pytest.approx(above, abs=1e-3)
        else:
            assert found["gain"] is None, "every pass is paid for, so it may cost more than the last one alone"
    assert found["passes"] == 1
    assert found["against"][0] == [0, 0, 0]
    assert found["gain"] == pytest.approx(0, abs=1e-3), "the first pass alone is an end of the line"
    first = read_card(PASSES[0]).metrics["test"]
    assert found["shuffled"] == pytest.approx(first["accuracy"])
    assert found["all_in"] == pytest.approx(first["all_in"], abs=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny-dfs-10"], "needs two passes or more"),
        (["tiny-dfs-20", "tiny-dfs-10"], "passes come cheapest first, and 'tiny-dfs-20' has a cp of"),
        (["tiny-dfs-10", "tiny-dfs-10"], "passes come cheapest first"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "1"], "these passes serve budgets from"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "0"], "a budget is a percentage above 0, not 0"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "nan"], "a budget is a percentage above 0, not nan"),
        (["tiny-dfs-10", "nowhere"], "nowhere"),
        (["tiny-dfs-10", "2"], "there is no checkpoint '2'"),
        (["tiny-dfs-10", "tiny-backbone@3"], "passes come cheapest first, and 'tiny-dfs-10' has a cp of"),
        (["tiny-dfs-10", "tiny-dfs-20@30"], "trained for a budget of 20 %, not 30 %"),
    ],
)
def test_a_mistake_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, words: list[str], message: str
) -> None:
    assert message in run_wrong(capsys, "cascade", "--data-dir", cifar10_dir, "--passes", *words)


def test_straight_an_image_pays_for_the_first_pass_and_one_other(
    capsys: pytest.CaptureFixture[str], measured: dict[str, list[Measured]], cifar10_dir: Path
) -> None:
    blocks, passes_of = load_checkpoint(PASSES[0]).card.config.gated_blocks, measured["test"]
    rows = rows_on(measured["validation"], blocks, STRAIGHT)[::20]
    assert rows
    for row in rows:
        words = ["--straight", "--passes", *PASSES, "--budget", row.cp, "--data-dir", cifar10_dir]
        (found,) = run_json(capsys, "cascade", *words)
        assert found["limits"] == list(row.limits)
        numbers = [sum(sure < limit for limit in row.limits) for sure in passes_of[0].look.sureness]
        cp = [passes_of[0].cp[i] + (passes_of[n].cp[i] if n else 0) for i, n in enumerate(numbers)]
        assert found["cp"] == pytest.approx(sum(cp) / len(cp), abs=1e-3)
        assert found["passes"] == pytest.approx(1 + sum(n > 0 for n in numbers) / len(numbers), abs=1e-3)
        right = [passes_of[n].look.correct[i] for i, n in enumerate(numbers)]
        assert found["accuracy"] == pytest.approx(100 * sum(right) / len(right))


def test_people_get_a_table_and_the_memory(
    capsys: pytest.CaptureFixture[str], rows: list[Row], cifar10_dir: Path
) -> None:
    words = ["cascade", "--passes", *PASSES, "--budget", str(rows[0].cp), "--data-dir", str(cifar10_dir)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "3 networks in memory" in printed
    assert f"{rows[0].cp:.2f} %" in printed


def test_cards_of_before_there_were_fingerprints_of_the_images_go_with_newer_ones(tiny_pretrained: Path) -> None:
    first, second = (Pass(load_checkpoint(name)) for name in PASSES[:2])

    def newer(one: Pass, **prints: str) -> Pass:
        card = replace(one.checkpoint.card, split=one.checkpoint.card.split | prints)
        return Pass(replace(one.checkpoint, card=card))

    check_kin([first, newer(second, train_images="ab")])
    check_kin([newer(first, train_images="ab"), newer(second, train_images="ab")])
    for other in (newer(second, train_images="cd"), newer(second, seed=7)):
        with pytest.raises(UserError, match="differ in classes, blocks or validation images"):
            check_kin([newer(first, train_images="ab"), other])
