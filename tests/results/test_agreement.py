"""Two operating points on the same test images: counts and test by hand, and the command that prints them."""

from __future__ import annotations

from pathlib import Path

import pytest
from console import run_json, run_wrong
from made_up import traces
from scipy.stats import binom

from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.cli import main
from dfs_core.evaluation.metrics import paired_difference
from dfs_core.results.agreement import Agreement, why_not

A, B = "tiny-backbone", "tiny-dfs-20"


def test_mcnemar_counts_and_p_equal_those_done_by_hand() -> None:
    a = traces()
    b = traces(predictions=(1, 1, 1, 2, 2, 0))  # loses images 0 and 5, wins image 1
    found = Agreement.of(a, b)
    assert (found.both, found.a_only, found.b_only, found.neither) == (3, 2, 1, 0)
    assert found.agree == 3
    assert found.gain == pytest.approx(-100 / 6)
    assert found.p == pytest.approx(min(1.0, 2 * binom.cdf(1, 3, 0.5)))
    half = 1.959964 * ((3 / 6 - (1 / 6) ** 2) / 5) ** 0.5  # the variance of a sample
    assert found.high - found.gain == pytest.approx(100 * half, rel=1e-6)
    assert Agreement.of(a, a).p == 1


def test_traces_of_other_images_are_not_set_against_each_other() -> None:
    other = traces()
    other.labels[0] = 2
    assert why_not(traces(), traces()) == ""
    assert "different images" in why_not(traces(), other)


def test_the_command_prints_what_the_stored_decisions_say(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path
) -> None:
    found = run_json(capsys, "compare", A, B)
    cards = [read_card(name) for name in (A, B)]
    plain, dynamic = (read_traces(tiny_pretrained / card.name, OperatingPoint(card)).correct for card in cards)
    for side, card in zip("ab", cards, strict=True):
        assert found[side]["checkpoint"] == card.name
        assert found[side]["accuracy"] == pytest.approx(card.metrics["test"]["accuracy"])
        assert found[side]["cp"] == pytest.approx(card.metrics["test"]["cp"], abs=1e-3)
    assert (found["gain"], found["low"], found["high"]) == paired_difference(dynamic, plain)
    assert found["a_only"] == (plain & ~dynamic).sum()
    assert run_json(capsys, "compare", A, f"{B}@20") == found
    assert main(["compare", A, A]) == 0
    assert "0.00 points. No image is right on one alone" in capsys.readouterr().out
    assert main(["compare", A, B]) == 0
    said = capsys.readouterr().out
    assert f"{found['gain']:+.2f} points (95 % interval {found['low']:+.2f} to {found['high']:+.2f})" in said
    assert f"only on A: {found['a_only']:,}; only on B: {found['b_only']:,}" in said


def test_a_checkpoint_for_every_budget_is_compared_at_the_budget_behind_its_name(
    capsys: pytest.CaptureFixture[str], root: Path, cifar10_dir: Path
) -> None:
    low, high = read_card("every").config.budget_range
    budgets = [float(f"{low * (high / low) ** part:.3g}") for part in (0.2, 0.5, 0.8)]
    made = ["--checkpoint", "every", "--data-dir", str(cifar10_dir), "--budget", *map(str, budgets[:2])]
    assert main(["traces", *made]) == 0
    capsys.readouterr()
    found = run_json(capsys, "compare", f"every@{budgets[0]}", f"{root / 'every'}@{budgets[1]}%")
    assert [found[side]["budget"] for side in "ab"] == budgets[:2]
    assert found["images"] == 40
    wrong = run_wrong(capsys, "compare", f"every@{budgets[2]}", "mix")
    assert f"--budget {budgets[2]:g}" in wrong, "the command that makes what is missing"


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ((A, f"{B}@30"), "trained for a budget of 20 %, not 30 %"),
        ((A, f"{B}@nan"), "trained for a budget of 20 %, not nan %"),
        ((f"{A}@5", B), "one fixed cost and no budget"),
        ((A, "gone@20"), "there is no checkpoint 'gone'"),
        ((A, "gone@home"), "there is no checkpoint 'gone@home'"),
        ((A, "@20"), "there is no checkpoint '@20'"),
        ((A,), "arguments are required"),
    ],
)
def test_mistakes_are_told_in_one_line(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, points: tuple[str, ...], said: str
) -> None:
    assert said in run_wrong(capsys, "compare", *points)
