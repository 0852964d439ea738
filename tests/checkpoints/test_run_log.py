import json
from pathlib import Path

import pytest

from dfs_core.checkpoints.run_log import read_log
from dfs_core.errors import UserError
from dfs_core.training.train_state import RunLog

GOOD = {"step": 1, "epoch": 0.5, "loss": 2.25, "accuracy": 12.5, "cp": 99.9, "target": 20.0, "lr": 0.1}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    check = {"step": 2, "epoch": 1, "validation_accuracy": 50.0, "validation_cp": 80.0}
    assert read_log(written(tmp_path, json.dumps(GOOD), json.dumps(check))) == [GOOD, check]
    assert read_log(tmp_path / "none.jsonl") == []


def test_what_is_said_at_the_start_and_of_all_steps_is_read_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0)
    log.note("starts from elsewhere", 0, 0)
    log.plan(0, 0.0, 20)
    log.write(**GOOD)
    log = RunLog(tmp_path, 1)
    log.plan(1, 0.5, 20)  # known already
    log.plan(1, 0.5, 30)  # the run was extended
    said = [line for line in read_log(tmp_path / "log.jsonl") if "loss" not in line]
    assert said == [
        {"step": 0, "epoch": 0, "note": "starts from elsewhere"},
        {"step": 0, "epoch": 0.0, "steps": 20},
        {"step": 1, "epoch": 0.5, "steps": 30},
    ]


def test_a_last_line_cut_short_is_left_out_and_one_before_it_is_not(tmp_path: Path) -> None:
    assert read_log(written(tmp_path, json.dumps(GOOD), '{"step": 2, "ep')) == [GOOD]
    with pytest.raises(UserError, match=r"log\.jsonl, line 1: not readable as JSON"):
        read_log(written(tmp_path, '{"step": 2, "ep', json.dumps(GOOD)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"step": "two"}, "step must be a whole number from 0 to a thousand million, not 'two'"),
        ({"step": True}, "step must be a whole number"),
        ({"step": 1.5}, "step must be a whole number"),
        ({"step": [2]}, "step must be a whole number"),
        ({"epoch": None}, "epoch must be a number, 0 or more, not None"),
        ({"epoch": -1}, "epoch must be a number, 0 or more, not -1"),
        ({"loss": "low"}, "loss must be a number, not 'low'"),
        ({"loss": float("nan")}, "loss must be a number, not nan"),
        ({"accuracy": 101.0}, "accuracy must be a percentage from 0 to 100, not 101.0"),
        ({"cp": "20"}, "cp must be a cost in percent, 0 or more, not '20'"),
        ({"target": 0}, "target must be a percentage above 0 and up to 100, not 0"),
        ({"lr": {}}, "lr must be a number, 0 or more, not {}"),
        ({"validation_cp": [1.0]}, "validation_cp must be a cost in percent"),
        ({"speed": 3}, "unknown key speed"),
    ],
)
def test_a_wrong_line_is_refused_by_file_line_and_key(tmp_path: Path, change: dict[str, object], error: str) -> None:
    path = written(tmp_path, json.dumps(GOOD), json.dumps(GOOD | change), json.dumps(GOOD))
    with pytest.raises(UserError) as refused:
        read_log(path)
    assert str(refused.value).startswith(f"{path}, line 2: {error}")
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match=r"log\.jsonl, line 2: "):
        RunLog(tmp_path, 3)


@pytest.mark.parametrize(
    "line", ["[]", "3", '"step"', "null", '{"epoch": 1}', '{"step": 1}', "[" * 100_000, "nonsense"]
)
def test_what_is_no_line_of_a_log_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(UserError, match=r"log\.jsonl, line 2: (it must be a table|missing key|not readable as JSON)"):
        read_log(written(tmp_path, json.dumps(GOOD), line, json.dumps(GOOD)))


def test_a_log_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(b"\xff\xfe\0")
    with pytest.raises(UserError, match=r"log\.jsonl cannot be read as a log"):
        read_log(tmp_path / "log.jsonl")
