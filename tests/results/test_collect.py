"""Results: every point from cards and traces, comparisons on the same images, tables that say the same."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from places import REPOSITORY

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.checkpoints.traces import Traces
from dfs_core.cli import main
from dfs_core.model.cost import cost_models
from dfs_core.results.collect import collect, figures_of
from dfs_core.results.comparison import Comparison, compare
from dfs_core.results.measurement import Measurement, read_measurements, to_csv
from dfs_core.results.seeds import over_seeds
from dfs_core.results.tables import comparisons_table, full_page, points_table, with_headlines


def test_a_point_says_what_its_traces_say(root: Path) -> None:
    points = [point for point in collect(root) if point.checkpoint == "every"]
    card = load_checkpoint(root / "every").card
    assert points
    for point in points:
        traces = read_traces(root / "every", OperatingPoint(card, point.budget))
        own = cost_models(card.config)["cp"].per_image(traces.decisions)
        assert point.accuracy == pytest.approx(100 * (traces.predictions == traces.labels).mean())
        assert point.cp == pytest.approx(own.mean(), abs=1e-3)
        assert point.cp_variation == pytest.approx(own.std() / own.mean(), abs=1e-3)
        for measure in ("macs", "energy"):
            expected = cost_models(card.config)[measure].total(traces.decisions)
            assert getattr(point, measure) == pytest.approx(expected, abs=1e-3)
        assert point.policies == len({tuple(row) for row in traces.decisions.tolist()})
        assert f"--budget {point.budget:g}" in point.made_by
    assert [point.cp for point in points] == sorted(point.cp for point in points)


def test_a_checkpoint_of_one_cost_has_one_point_with_or_without_its_traces(root: Path) -> None:
    (traced,) = [point for point in collect(root) if point.checkpoint == "backbone"]
    (root / "backbone" / "traces.parquet").unlink()
    (bare,) = [point for point in collect(root) if point.checkpoint == "backbone"]
    assert (traced.accuracy, traced.cp, traced.all_in, traced.low) == (bare.accuracy, bare.cp, bare.all_in, bare.low)
    assert traced.minority_blocks == 0
    assert bare.minority_blocks is None


def test_a_point_says_how_far_below_its_own_backbone_it_is(root: Path) -> None:
    points = collect(root)
    plain = next(point for point in points if point.checkpoint == "backbone")
    assert (plain.backbone, plain.loss) == ("backbone", None)
    for point in points:
        assert point.backbone == "backbone"
        assert point is plain or point.loss == pytest.approx(plain.accuracy - point.accuracy, abs=1e-3)


def test_what_was_made_of_another_backbone_is_not_compared(root: Path) -> None:
    assert compare(root)
    shutil.copytree(root / "backbone", root / "other")
    for name, parents in (("other", []), ("mix", ["gone", "other", "backbone"])):
        card = json.loads((root / name / "card.json").read_text())
        (root / name / "card.json").write_text(json.dumps(card | {"name": name, "parents": parents}))
    assert {point.backbone for point in collect(root) if point.checkpoint == "mix"} == {"other"}, "the nearest"
    assert compare(root) == []


def test_a_block_differs_from_five_percent_of_the_images_on(root: Path) -> None:
    card = load_checkpoint(root / "backbone").card
    two = card.config.to_dict() | {"options": "skip,full", "policy": "recurrent", "constant": []}
    card = replace(card, model=two, metrics={})
    decisions = np.ones((100, 2), np.uint8)
    decisions[:4, 0], decisions[:5, 1] = 0, 0
    right = np.zeros(100, np.int64)
    names = ("skip", "full")
    traces = Traces("x", "", None, 0.0, "cifar10", card.classes, names, right, right, np.ones(100), decisions)
    figures = figures_of(traces, card)
    assert figures["minority_blocks"] == 50
    assert figures["policies"] == 3
    assert figures["cp"] == pytest.approx(100 * (200 - 9) / 200)


def test_static_and_dynamic_are_compared_where_they_cost_the_same(root: Path) -> None:
    shutil.rmtree(root / "mix")
    shutil.copytree(root / "every", root / "mix")
    card = (root / "mix" / "card.json").read_text().replace('"method": "every-budget"', '"method": "mixed"')
    (root / "mix" / "card.json").write_text(card)
    shutil.copytree(root / "every", root / "once")
    card = (root / "once" / "card.json").read_text().replace('"method": "every-budget"', '"method": "blockdrop"')
    (root / "once" / "card.json").write_text(card)
    found = compare(root)
    dynamic = [row.dynamic for row in found]
    assert dynamic == sorted(dynamic), "method by method"
    assert set(dynamic) == {"every", "once"}, "each method that decides per image"
    for row in found:
        assert row.static == "mix"
        assert row.dynamic_cp == row.static_cp
        assert row.difference == row.low == row.high == 0
    assert "+0.00 (+0.00 to +0.00)" in comparisons_table(found)


def test_the_command_writes_what_it_prints(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", "--out", str(tmp_path / "results")]) == 0
    printed = capsys.readouterr().out
    points = collect(root)
    assert points_table(points) in printed
    assert (tmp_path / "results" / "points.csv").read_text() == to_csv(points, Measurement)
    with (tmp_path / "results" / "points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["checkpoint"] for row in rows] == [point.checkpoint for point in points]
    assert rows[0]["made_by"].startswith("python -m dfs_core evaluate --checkpoint")
    for row in rows:
        assert f"| {row['checkpoint']} |" in printed


def test_the_readmes_tables_are_those_of_the_shipped_checkpoints(tmp_path: Path) -> None:
    """If this fails, run ``make results``."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    points, comparisons = collect(REPOSITORY / "pretrained"), compare(REPOSITORY / "pretrained")
    others = read_measurements(REPOSITORY / "results" / "seeds.csv")
    seeds = over_seeds([*points, *others])
    assert with_headlines(readme, points) == readme
    assert full_page(points, comparisons, others, seeds) == (REPOSITORY / "results" / "README.md").read_text(
        encoding="utf-8"
    )
    assert to_csv(points, Measurement) == (REPOSITORY / "results" / "points.csv").read_text()
    assert to_csv(comparisons, Comparison) == (REPOSITORY / "results" / "comparisons.csv").read_text()


def test_results_leave_no_checkpoint_out_in_silence(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["results", "--out", str(tmp_path / "results")]
    assert main([*out, "--seeds", str(tmp_path / "typo")]) == 2
    assert "typo has no run with another seed than 0" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "nowhere"))
        assert main(out) == 2
        assert "there is no folder" in capsys.readouterr().err
        (tmp_path / "empty").mkdir()
        patch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "empty"))
        assert main(out) == 2
        assert "empty has no checkpoints" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
    broken = tmp_path / "runs" / "one"
    broken.mkdir(parents=True)
    (broken / "card.json").write_text("{")
    assert main([*out, "--seeds", str(tmp_path / "runs")]) == 2
    assert "left out: " in capsys.readouterr().err, "the reason why there is no other seed"


def test_results_name_what_cannot_be_read_and_hold_all_else(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    whole = collect(root)
    (root / "mix" / "card.json").write_text("{")
    (root / "every" / "dial.csv").write_text("price,n\nmuch,4\n")
    (root / "every" / "shuffled.csv").write_bytes(b"\xff\xfe")
    (root / "backbone" / "traces.parquet").write_bytes(b"PAR1")
    out.mkdir()
    (out / "seeds.csv").write_text("family\ndfs\n")
    assert main(["results", "--out", str(out)]) == 2
    named = capsys.readouterr().err.splitlines()
    assert [
        next(name for name in ("card", "dial", "shuffled", "traces", "seeds") if f"{name}." in line) for line in named
    ] == [
        "card",
        "traces",
        "shuffled",
        "dial",
        "seeds",
    ]
    assert all(line.startswith("error: left out: ") for line in named)
    kept = {point.checkpoint for point in read_measurements(out / "points.csv")}
    assert kept == {point.checkpoint for point in whole} - {"mix"}, "the backbone's point is that of its card"
    assert (out / "seeds.csv").read_text() == "family\ndfs\n", "what cannot be read is not written over"


def test_runs_with_other_seeds_replace_their_own_points_and_no_others(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def seeds(folder: str, *names: str) -> dict[str, float]:
        for name in names:
            shutil.copytree(root / "every", tmp_path / folder / name)
            card = json.loads((root / "every" / "card.json").read_text()) | {"name": name, "seed": int(name[-1])}
            (tmp_path / folder / name / "card.json").write_text(json.dumps(card))
        out = ["--out", str(tmp_path / "results")]
        assert main(["results", *out, "--seeds", str(tmp_path / folder)]) == 0
        capsys.readouterr()
        return {point.checkpoint: point.loss for point in read_measurements(tmp_path / "results" / "seeds.csv")}

    first = seeds("first", "every-seed1", "every-seed2")
    assert set(first) == {"every-seed1", "every-seed2"}
    file = tmp_path / "results" / "seeds.csv"
    file.write_text(file.read_text().replace("every-seed", "old-seed"))
    assert set(seeds("second", "every-seed1")) == {"old-seed1", "old-seed2", "every-seed1"}


def test_a_linked_checkpoint_has_the_name_of_the_link(root: Path, tmp_path: Path) -> None:
    (root / "mix").rename(tmp_path / "elsewhere")
    (root / "mix").symlink_to(tmp_path / "elsewhere")
    assert any(point.checkpoint == "mix" and point.minority_blocks is not None for point in collect(root))
