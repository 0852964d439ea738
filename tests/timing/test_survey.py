"""Surveys: who takes part, what is kept, and where it is found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dfs_core.errors import UserError
from dfs_core.timing import bench, kept
from dfs_core.timing.bench import OPENVINO, REFERENCE
from dfs_core.timing.survey import Survey


@pytest.fixture(scope="module")
def survey(pretrained_folder: Path, cifar10_dir: Path) -> Survey:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFS_PRETRAINED_DIR", str(pretrained_folder))
        return bench.run("tiny-backbone", cifar10_dir, "library", batches=(1, 3), rounds=1)


def test_every_checkpoint_of_the_network_takes_part_beside_its_plain_form(survey: Survey) -> None:
    assert survey.batches == (1, 3)
    assert (survey.kernels, survey.source, survey.threads) == ("library", "cifar10, test", 1)
    names = {timing.what: timing for timing in survey.timings if timing.batch == 3}
    assert set(names) - {OPENVINO} >= {REFERENCE, "tiny-backbone", "tiny-dfs-20"}
    assert names[REFERENCE].rival
    assert names[REFERENCE].checkpoint == "tiny-backbone"
    assert names[REFERENCE].speed == 1
    assert not names["tiny-dfs-20"].rival
    for one in names.values():
        assert one.ms > 0
        assert one.speed == pytest.approx(names[REFERENCE].ms / one.ms)


def test_its_report_rises_to_the_end(tiny_pretrained: Path, cifar10_dir: Path) -> None:
    shares: list[float] = []
    bench.run("tiny-backbone", cifar10_dir, "library", batches=(1,), rounds=1, report=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_no_data_set_is_said_or_refused(tiny_pretrained: Path, no_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cifar10"):
        bench.run("tiny-backbone", tmp_path, "library", batches=(1,), rounds=1)
    found = bench.run("tiny-backbone", None, "library", batches=(1,), rounds=1)
    assert found.source.startswith("drawings")


def test_it_is_kept_for_its_network_and_machine_and_the_latest_counts(
    survey: Survey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kept.find_survey("tiny-backbone") is None
    path = kept.keep_survey(survey)
    assert path is not None
    assert kept.find_survey("tiny-backbone") == survey
    assert kept.find_survey("another") is None
    later = replace(survey, threads=2, date="9999")
    kept.keep_survey(later)
    kept.keep_survey(replace(survey, machine=replace(survey.machine, cores=99), date="99999"))
    assert kept.find_survey("tiny-backbone") == later
    assert len(list(path.parent.glob("survey-*.json"))) == 3
    for file in path.parent.glob("survey-*.json"):
        file.write_text("{")
    assert kept.find_survey("tiny-backbone") is None
