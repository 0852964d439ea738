"""The command ``cascade``: checkpoints in a row, each asked only about images of which those before were unsure."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import run_json, run_wrong

from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.cli import main
from dfs_core.commands.evaluate import measured_images
from dfs_core.data.sets import load_images
from dfs_core.evaluation.limits import Row
from dfs_core.results.separate import measure_pass, rows_on

PASSES = ("tiny-dfs-10", "tiny-dfs-20", "tiny-backbone")


@pytest.fixture
def rows(tiny_pretrained: Path, cifar10_dir: Path) -> list[Row]:
    """The limits for every price, from the same validation images as the command uses."""
    checkpoints = [load_checkpoint(name) for name in PASSES]
    images = measured_images(checkpoints[0].card, cifar10_dir, "validation")
    return rows_on([measure_pass(one, images) for one in checkpoints], checkpoints[0].card.config.gated_blocks)


def test_every_pass_is_paid_for_by_the_images_that_need_it(
    capsys: pytest.CaptureFixture[str], rows: list[Row], cifar10_dir: Path
) -> None:
    test = load_images("cifar10", cifar10_dir, "test")
    measured = [measure_pass(load_checkpoint(name), test) for name in PASSES]
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        (found,) = run_json(capsys, "cascade", "--passes", *PASSES, "--budget", row.cp, "--data-dir", cifar10_dir)
        assert found["limits"] == list(row.limits)
        right, cp, passes = [], [], []
        for image in range(len(test)):
            number = next((k for k, limit in enumerate(row.limits) if measured[k].look.sureness[image] >= limit), 2)
            right.append(measured[number].look.correct[image])
            cp.append(sum(one.cp[image] for one in measured[: number + 1]))
            passes.append(number + 1)
        assert found["accuracy"] == pytest.approx(100 * sum(right) / len(test))
        assert found["cp"] == pytest.approx(sum(cp) / len(test), abs=1e-3)
        assert found["passes"] == pytest.approx(sum(passes) / len(test))
        alone = measured[0].look.correct
        assert found["gains"][0][0] == pytest.approx(100 * (sum(right) - sum(alone)) / len(test), abs=1e-3)
        assert all(low <= gain <= high for gain, low, high in found["gains"])
    assert found["passes"] == 1
    assert found["gains"][0] == [0, 0, 0]
    first = read_card(PASSES[0]).metrics["test"]
    assert found["shuffled"] == pytest.approx(first["accuracy"])
    assert found["all_in"] == pytest.approx(first["all_in"], abs=1e-3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny-dfs-10"], "needs two passes or more"),
        (["tiny-dfs-20", "tiny-dfs-10"], "passes come cheapest first, and 'tiny-dfs-20' costs"),
        (["tiny-dfs-10", "tiny-dfs-10"], "passes come cheapest first"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "1"], "these passes serve budgets from"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "0"], "a budget is a percentage above 0, not 0"),
        (["tiny-dfs-10", "tiny-backbone", "--budget", "nan"], "a budget is a percentage above 0, not nan"),
        (["tiny-dfs-10", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, words: list[str], message: str
) -> None:
    assert message in run_wrong(capsys, "cascade", "--data-dir", cifar10_dir, "--passes", *words)


def test_people_get_a_table_and_the_memory(
    capsys: pytest.CaptureFixture[str], rows: list[Row], cifar10_dir: Path
) -> None:
    words = ["cascade", "--passes", *PASSES, "--budget", str(rows[0].cp), "--data-dir", str(cifar10_dir)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "3 networks in memory" in printed
    assert f"{rows[0].cp:.2f} %" in printed
