"""The command line: one line on stderr for a user's mistake, and the commands that hand on what they are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from console import run_json, run_process, run_wrong
from PIL import Image
from places import REPOSITORY
from tiny import picture
from tiny_runs import BACKBONE, write_config

from dfs_core.cli import COMMANDS, main
from dfs_core.commands import output
from dfs_core.commands.output import complain


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(picture(3, size=80)).save(path)
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "required: COMMAND"),
        ("paint", "invalid choice: 'paint'"),
        ("list --color", "unrecognized arguments: --color"),
        ("predict --checkpoint x", "required: IMAGE"),
        ("predict a.png", "required: --checkpoint"),
        ("predict a.png --check tiny-dfs-20", "required: --checkpoint"),
        ("predict a.png --checkpoint nothing", "there is no checkpoint 'nothing'"),
        ("predict a.png --checkpoint tiny-dfs-20 --budget much", "'much' is not a percentage"),
        ("predict a.png --checkpoint tiny-dfs-20 --budget 30", "trained for a budget of 20 %, not 30 %"),
        ("predict a.png --checkpoint tiny-dfs-20 --budget nan", "trained for a budget of 20 %, not nan %"),
        ("predict a.png --checkpoint tiny-backbone --budget 30", "one fixed cost and no budget"),
        ("evaluate --checkpoint tiny-dfs-20", "Give --data-dir DIR, or set DFS_DATA_DIR"),
        ("evaluate --checkpoint tiny-dfs-20 --data-dir nowhere", "no cifar10 in nowhere"),
        ("evaluate --checkpoint tiny-dfs-20 --limit 0", "'0' is not a whole number above zero"),
        ("evaluate --checkpoint tiny-dfs-20 --limit many", "'many' is not a whole number above zero"),
        ("evaluate --checkpoint tiny-dfs-20 --split all", "invalid choice: 'all'"),
        ("evaluate --checkpoint tiny-dfs-20 --execution fast", "invalid choice: 'fast'"),
        ("data", "required: download|info"),
        ("data info --data-dir nowhere", "there is no folder nowhere"),
        ("data download mnist --data-dir nowhere", "mnist"),
        ("train nowhere.toml --data-dir nowhere", "nowhere"),
        ("import-reference nowhere.pth", "nowhere.pth"),
        ("bench --options skip,5000", "skip,5000"),
    ],
)
def test_a_mistake_is_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str],
    tiny_pretrained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    message: str,
) -> None:
    monkeypatch.delenv("DFS_DATA_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert message in run_wrong(capsys, *words.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"example:\n  python -m dfs_core {command} " in capsys.readouterr().out


def test_data_info_prints_what_the_folder_holds(capsys: pytest.CaptureFixture[str], cifar10_dir: Path) -> None:
    rows = run_json(capsys, "data", "info", "--data-dir", cifar10_dir)
    assert [(row["dataset"], row["split"], row["images"]) for row in rows] == [
        ("cifar10", "train", 100),
        ("cifar10", "test", 40),
    ]
    assert main(["data", "info", "--data-dir", str(cifar10_dir)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["cifar10", "train"]


def test_data_info_of_a_folder_without_data_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["data", "info", "--data-dir", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"no data sets in {tmp_path}\n"


def test_data_download_is_asked_for_the_named_set_and_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(dataset: str, data_dir: Path, progress: Any) -> None:
        progress(0.5, "halfway")
        asked.append((dataset, data_dir))

    monkeypatch.setattr("dfs_core.data.download.download", download)
    assert main(["data", "download", "cifar10", "--data-dir", str(tmp_path)]) == 0
    assert asked == [("cifar10", tmp_path)]
    assert capsys.readouterr().out == f"cifar10 is in {tmp_path}\n"


def test_bench_prints_its_seconds_as_json_and_their_ratios_for_people(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {
        "plain_step_s": 0.2,
        "grouped_step_s": 0.3,
        "dense_step_s": 1.2,
        "grouped_eval_s": 0.1,
        "dense_eval_s": 0.5,
    }
    batches: list[int] = []

    def run(options: str, batch: int) -> dict[str, object]:
        batches.append(batch)
        return {"options": options} | seconds

    fake = SimpleNamespace(run=run, BATCH=256)
    monkeypatch.setitem(sys.modules, "dfs_core.bench", fake)
    assert run_json(capsys, "bench", "--options", "skip,full") == {"options": "skip,full"} | seconds
    assert main(["bench", "--batch", "128"]) == 0
    assert batches == [256, 128]
    head, _, plain, grouped, *_ = capsys.readouterr().out.splitlines()
    assert head == "options: paper, 128 images a training step"
    assert plain.split() == ["plain", "step", "0.2000", "s", "1.00", "x"]
    assert grouped.split() == ["grouped", "step", "0.3000", "s", "1.50", "x"]
    for words, odd in ((["--threads", "2"], "threads"), (["--app", "--batch", "8"], "batch")):
        assert f"--{odd} is not for bench of" in run_wrong(capsys, "bench", *words)


def test_train_and_import_reference_hand_on_their_arguments_and_print_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple] = []

    def record(*arguments: object) -> Path:
        calls.append(arguments)
        return Path("somewhere")

    monkeypatch.setitem(sys.modules, "dfs_core.training.train", SimpleNamespace(train=record))
    monkeypatch.setitem(sys.modules, "dfs_core.checkpoints.reference", SimpleNamespace(import_reference=record))
    config = write_config(tmp_path / "run.toml", BACKBONE)
    again = ["--seed", "3", "--start-from", "other"]
    assert main(["train", str(config), "--data-dir", "d", "--resume", "--out", "o"]) == 0
    assert main(["train", str(config), "--data-dir", "d", *again]) == 0
    assert main(["import-reference", "a.pth", "--dataset", "svhn"]) == 0
    changes = {"name": "run-seed3", "seed": 3, "start_from": "other"}
    assert calls == [
        (str(config), Path("d"), Path("o"), True, {}),
        (str(config), Path("d"), None, False, changes),
        (Path("a.pth"), None, "svhn", ""),
    ]
    assert capsys.readouterr().out == "somewhere\n" * 3


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "Permission denied", "/root/out"), 2, "error: /root/out: Permission denied\n"),
    ],
)
def test_interruption_is_quiet_and_the_systems_refusals_are_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    status: int,
    line: str,
) -> None:
    def fail() -> None:
        raise raised

    monkeypatch.setattr("dfs_core.checkpoints.card_files.scan", fail)
    assert main(["list"]) == status
    assert capsys.readouterr().err == line


def test_as_a_process_it_exits_with_the_same_codes(tiny_pretrained: Path) -> None:
    good = run_process("list", "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert len(json.loads(good.stdout)) == 6
    wrong = run_process("evaluate", "--checkpoint", "nothing", "--data-dir", ".")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert (
        wrong.stderr == f"error: there is no checkpoint 'nothing': use one of {', '.join(names(good))}, "
        "or the path of a folder\n"
    )


def test_only_a_long_value_of_an_error_is_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    long = "'a' is none of " + ", ".join(f"name-{number}" for number in range(40)) + ", or a folder's path"
    complain(long)
    assert capsys.readouterr().err == f"error: {long}\n"
    complain(f"'{'x y ' * 200}' is too long")
    assert capsys.readouterr().err == f"error: '{'x y ' * 50}...' is too long\n"


def names(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line["name"] for line in json.loads(done.stdout)]


def test_a_reader_that_goes_away_is_no_error(tiny_pretrained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "dfs_core", "list"]
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # it would write at once what is buffered for users
    done = subprocess.run(command, cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_name_that_the_terminal_cannot_show_is_spelt_out(tiny_pretrained: Path, image: Path) -> None:
    odd = image.with_name("p\u00efcture.png")
    image.rename(odd)
    done = run_process("predict", odd, "--checkpoint", "tiny-dfs-20", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "p\\xefcture.png" in done.stdout


def test_help_answers_without_loading_torch() -> None:
    code = "import sys, dfs_core.cli as c; c.build_parser().format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, timeout=60).returncode == 0


def test_help_of_a_command_keeps_the_capitals_of_its_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["import-reference", "--help"])
    assert "Convert a checkpoint of the public DFS code." in capsys.readouterr().out


def test_tables_align_words_left_and_numbers_right() -> None:
    assert output.table(("name", "cp"), [("a", "6.25 %"), ("long", "100.00 %")]) == (
        "name        cp\na       6.25 %\nlong  100.00 %"
    )


@pytest.mark.parametrize(("closed", "line"), [(">&-", "standard output is closed"), ("> /dev/full", "No space left")])
def test_output_that_goes_nowhere_is_one_line(
    tiny_pretrained: Path, monkeypatch: pytest.MonkeyPatch, closed: str, line: str
) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    command = f"{sys.executable} -m dfs_core list {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["DFS_PRETRAINED_DIR", "DFS_DATA_DIR"])
def test_a_home_of_nobody_is_one_line(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "~nosuchuser/here")
    words = ["list"] if name == "DFS_PRETRAINED_DIR" else ["evaluate", "--checkpoint", "tiny-dfs-20"]
    assert "there is no home folder of that user" in run_wrong(capsys, *words)


@pytest.mark.parametrize("words", ["predict a.png --checkpoint {}", "{}", "train {}.toml", "predict a --budget {}"])
def test_a_line_quotes_two_hundred_characters_at_most(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, words: str
) -> None:
    assert len(run_wrong(capsys, *words.format("x" * 5_000).split())) < 700


@pytest.mark.parametrize(
    "text",
    [
        f"seed = {'9' * 5_000}",
        f"seed = 0x{'f' * 5_000}",
        f"lr = {'9' * 400}",
        f"lr = {'[' * 2_000}{']' * 2_000}",
        "base = [1]",
        "base = 5",
        "name = [1, 2]",
        "model = [[1]]",
        "model = 5",
        f"model = {{depth = {'9' * 4_000}}}",
    ],
)
def test_a_configuration_of_odd_values_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "run.toml").write_text(text)
    assert len(run_wrong(capsys, "train", tmp_path / "run.toml", "--data-dir", tmp_path)) < 1_100


def test_ctrl_c_at_any_moment_is_quiet(tiny_pretrained: Path) -> None:
    program = (
        "import builtins, os, signal, runpy, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background has none
        "load, left = builtins.__import__, [int(sys.argv[1])]\n"
        "def counted(*args, **options):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return load(*args, **options)\n"
        "sys.argv[1:] = ['list']\n"
        "builtins.__import__ = counted\n"
        "runpy.run_module('dfs_core', run_name='__main__')\n"
    )
    ends = []
    for moment in (30, 300, 900):
        command = [sys.executable, "-c", program, str(moment)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
        ends.append((done.returncode, done.stderr))
    assert set(ends) == {(130, "")}, ends
