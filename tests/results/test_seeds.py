"""Several seeds: what a lottery between two points reaches, and how sure a mean of seeds is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_runs import BACKBONE, train

from dfs_core.cli import main
from dfs_core.errors import UserError
from dfs_core.results.measurement import CPS, Measurement, read_measurements, to_csv
from dfs_core.results.seeds import kind_of, over_seeds, reached
from dfs_core.results.tables import seeds_table


def point(
    family: str, cp: float, accuracy: float, seed: int = 0, budget: float | None = None, run: str = ""
) -> Measurement:
    name = (run or family) + (f"-seed{seed}" if seed else "")
    measured = {"n": 10_000, "accuracy": accuracy, "low": 0.0, "high": 99.0, "cp": cp}
    measured |= {"all_in": cp + 6, "macs": None, "energy": 9.5}
    about = {
        "dataset": "cifar10",
        "depth": 38,
        "network": "ResNet-38",
        "split": "test",
        "label": name,
        "made_by": "",
        "budget": budget,
    }
    about |= {"backbone": "plain", "loss": None}
    dynamics = {"policies": 5, "minority_blocks": None, "cp_variation": 0.5, "shuffled": None}
    return Measurement(family=family, checkpoint=name, seed=seed, **measured, **about, **dynamics)


def test_between_two_points_a_lottery_reaches_the_mean_of_both() -> None:
    points = [point("static", 1.0, 80.0), point("static", 3.0, 90.0), point("static", 2.0, 84.0)]
    assert reached(points, 1.5) == pytest.approx((82.5, 7.5)), "over the point at 2, which lies under the line"
    assert reached(points, 3.0) == (90.0, 9.0)
    assert reached(points, 0.5) is None
    assert reached(points, 3.1) is None


def test_a_mean_of_three_seeds_has_students_interval() -> None:
    points = []
    for seed, gain in enumerate((0.2, 0.5, 0.8)):
        points += [point("static", 0.3, 80.0, seed), point("static", 6.0, 80.0, seed)]
        points += [point("every-budget", cp, 80 + gain, seed, budget) for cp, budget in ((0.39, 0.39), (6.2, 6.25))]
        points += [point("every-budget", 1.0, 99.0, seed, 1.1 + seed)]  # at a budget that no other seed is measured at
    points += [point("static", 1.0, 95.0, 0, run="static9")]  # a run that the other seeds do not have
    found = over_seeds(points)
    assert [row.cost for row in found] == list(CPS)
    for row in found:
        assert row.differences == pytest.approx((0.2, 0.5, 0.8))
        assert row.difference == pytest.approx(0.5)
        assert row.high - row.difference == pytest.approx(4.303 * 0.3 / 3**0.5, abs=1e-3)
        assert row.all_in == pytest.approx(0.0)
    assert "| every-budget | 0.45 % | 80.50 % | 80.00 % | +0.20, +0.50, +0.80 | +0.50 (-0.25 to +1.25) | +0.00 |" in (
        seeds_table(found)
    )


def test_networks_of_another_depth_are_another_comparison() -> None:
    points = []
    for seed in (0, 1):
        points += [point("static", cp, 80.0, seed) for cp in (0.3, 6.0)]
        points += [point("every-budget", cp, 81.0, seed, budget) for cp, budget in ((0.39, 0.39), (6.2, 6.25))]
    deeper = [
        replace(one, depth=74, network="ResNet-74", checkpoint=f"deep-{one.checkpoint}", accuracy=99.0)
        for one in points
    ]
    found = over_seeds([*points, *deeper])
    assert [(row.dynamic, row.difference) for row in found] == [
        *[("every-budget", pytest.approx(1.0))] * len(CPS),
        *[("deep-every-budget", 0.0)] * len(CPS),
    ]


def test_networks_of_another_backbone_are_another_comparison() -> None:
    points = [point("static", cp, 80.0, seed) for seed in (0, 1) for cp in (0.3, 6.0)]
    points += [point("every-budget", cp, 81.0, seed, cp) for seed in (0, 1) for cp in (0.39, 6.25)]
    assert len(over_seeds(points)) == len(CPS)
    assert over_seeds([replace(one, backbone=one.family) for one in points]) == []


def test_a_backbone_of_another_seed_is_the_same_backbone() -> None:
    one = point("static", 1.0, 80.0)
    first, second, other = (replace(one, backbone=name) for name in ("plain", "plain-seed2", "seed2-plain"))
    assert kind_of(first) == kind_of(second) != kind_of(other)


def test_a_cascade_has_no_static_runs_of_its_seeds_to_be_compared_with() -> None:
    points = [point("static", cp, 80.0, seed) for seed in (0, 1) for cp in (0.3, 6.0)]
    points += [point("cascade", cp, 81.0, seed, cp) for seed in (0, 1) for cp in (0.39, 6.25)]
    assert over_seeds(points) == []


def test_one_seed_says_nothing_of_others() -> None:
    assert over_seeds([point("static", 0.3, 80.0), point("every-budget", 6.0, 80.0, budget=6.25)]) == []


def test_points_are_read_as_they_were_written(tmp_path: Path) -> None:
    points = [point("static", 0.3, 80.0, 1), point("every-budget", 6.0, 80.0, 2, 6.25)]
    (tmp_path / "seeds.csv").write_text(to_csv(points, Measurement))
    assert read_measurements(tmp_path / "seeds.csv") == points
    assert read_measurements(tmp_path / "none.csv") == []
    (tmp_path / "old.csv").write_text("family,label\na,b\n")
    with pytest.raises(UserError, match=r"old.csv, row 1: missing key checkpoint"):
        read_measurements(tmp_path / "old.csv")


def test_passes_of_a_cascade_may_cost_more_than_the_whole_network(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text(to_csv([point("cascade", 104.0, 80.0)], Measurement))
    assert read_measurements(tmp_path / "points.csv")[0].cp == 104


def test_runs_of_other_seeds_are_collected_once_and_stay(
    cifar10_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 4):
        train(tmp_path / "runs" / f"plain{seed}", cifar10_dir, BACKBONE, method="static", seed=seed)
    shutil.copytree(tmp_path / "runs" / "plain0", tmp_path / "pretrained" / "plain0")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    out = ["results", "--out", str(tmp_path / "results")]
    assert main([*out, "--seeds", str(tmp_path / "runs")]) == 0
    (other,) = read_measurements(tmp_path / "results" / "seeds.csv")
    assert (other.seed, other.checkpoint) == (4, "plain4")
    assert other.made_by == f"python -m dfs_core evaluate --checkpoint {tmp_path}/runs/plain4 --data-dir DIR"
    assert "| plain4 |" in (tmp_path / "results" / "README.md").read_text()
    assert main(out) == 0
    assert read_measurements(tmp_path / "results" / "seeds.csv") == [other]
