"""The command time: the keys that scripts rely on, and what it says of its images. No test looks at a real duration."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from console import run_json, run_wrong

from dfs_core.cli import main
from dfs_core.timing import clock, compare


@pytest.fixture(autouse=True)
def _few_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(clock, "ROUNDS", 1)
    monkeypatch.setattr(compare, "ROUNDS", 1)
    monkeypatch.setattr("dfs_core.engine.engine.library", lambda wait: None)  # no compiler in tests


WORDS = ("time", "--checkpoint", "tiny-dfs-20", "--batch", 4)


def test_it_times_test_images_and_keeps_the_calibration(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    found = run_json(capsys, *WORDS, "--data-dir", cifar10_dir, "--threads", 2)
    keys = "checkpoint budget images source batch threads kernels machine calibrated engine_ms grouped_ms predicted_ms"
    assert list(found) == keys.split()
    assert (found["images"], found["batch"], found["threads"], found["kernels"]) == (16, 4, 2, "library")
    assert found["source"] == "cifar10, test"
    assert min(found[key] for key in ("engine_ms", "grouped_ms", "predicted_ms")) > 0
    assert torch.get_num_threads() == before
    (kept,) = (tmp_path / "cache" / "dfs-explorer").iterdir()
    written = kept.stat().st_mtime_ns
    again = run_json(capsys, *WORDS, "--data-dir", cifar10_dir, "--threads", 2)
    assert again["calibrated"] == found["calibrated"]
    assert kept.stat().st_mtime_ns == written, "it is not measured a second time"


def test_without_a_data_set_it_times_the_drawings_and_says_so(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, no_data: Path
) -> None:
    assert main([*map(str, WORDS)]) == 0
    text = capsys.readouterr().out
    assert "drawings: there is no data set here" in text
    assert "library (PyTorch's own)" in text
    assert [line.split("  ")[0] for line in text.splitlines()[-3:]] == [
        "engine, timed", "engine, predicted", "grouped, timed",
    ]  # fmt: skip


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, tmp_path: Path) -> None:
    run_wrong(capsys, *WORDS, "--data-dir", tmp_path / "none")
    assert "not a whole number above zero" in run_wrong(capsys, *WORDS[:3], "--batch", 0)
    assert "too many" in run_wrong(capsys, *WORDS[:3], "--threads", 5000)
