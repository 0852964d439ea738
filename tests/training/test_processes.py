"""Several processes, as torchrun starts them, train as one process does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from places import REPOSITORY
from safetensors.torch import load_file
from steps_together import CASES, LAST, take
from tiny_runs import log_of, stopped_after, train, weights, write_config

from dfs_core.errors import UserError
from dfs_core.training import processes
from dfs_core.training.processes import average_statistics, joined
from dfs_core.training.train_state import STATE_FILE

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}  # float32: sums in another order
GATES = {"depth": 8, "options": "skip,full"}  # of two options, the other one needs no drawing
SETTINGS = {"stage": "gates", "alpha": 1e-2, "gate_momentum": 0.9, "iterations": 7, "save_every": 2}


PATHS = f"{REPOSITORY}:{REPOSITORY / 'tests'}"


def as_started_by_torchrun(rank: int, count: int) -> dict[str, str]:
    """The variables that torchrun sets for one of its processes on this machine."""
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return {"TORCHELASTIC_RUN_ID": "test"} | {name: str(value) for name, value in own.items()}


@pytest.mark.slow
def test_two_processes_find_the_gradients_of_one(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    take(cifar10_dir, one)
    monkeypatch.setattr(processes, "PATIENCE", timedelta(minutes=5))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "PYTHONPATH": PATHS}
    command = [sys.executable, str(REPOSITORY / "tests" / "steps_together.py"), str(cifar10_dir), str(two)]
    second = subprocess.Popen(command, env=os.environ | place | as_started_by_torchrun(1, 2))
    with monkeypatch.context() as patch:  # the first is this process
        for name, value in (place | as_started_by_torchrun(0, 2)).items():
            patch.setenv(name, value)
        with joined(batch_size=30):
            take(cifar10_dir, two)
            time.sleep(1.0)
            (two / LAST).touch()
    assert second.wait(timeout=300) == 0
    for name in CASES:
        found, wanted = (load_file(folder / f"{name}.safetensors") for folder in (two, one))
        assert sum(float(value.abs().sum()) > 0 for value in wanted.values()) > 10, name
        torch.testing.assert_close(found, wanted, **TOLERANCE, msg=lambda text, name=name: f"{name}: {text}")
    signs = [torch.load(place).tolist() for place in (two / "signs0.pt", two / "signs1.pt", one / "signs0.pt")]
    assert signs == [[0.0, 0.0], [1.0, -1.0], [1.0, -1.0]], "the sign is that of the whole batch"


@pytest.mark.slow
def test_a_run_of_one_process_goes_on_in_two_and_ends_with_the_same_weights(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = train(tmp_path / "in-one" / "run", cifar10_dir, GATES, **SETTINGS)
    config = write_config(tmp_path / "run.toml", GATES, **SETTINGS)
    with stopped_after(3, monkeypatch):
        train(tmp_path / "run", cifar10_dir, GATES, **SETTINGS)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dfs_core"]
    command += ["train", config, "--data-dir", cifar10_dir, "--out", tmp_path / "run", "--resume"]
    settings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": PATHS}
    done = subprocess.run([*map(str, command)], env=settings, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'run'}\n", "one of them speaks"
    assert log_of(tmp_path / "run", "loss") == pytest.approx(log_of(wanted, "loss"), rel=1e-4)
    torch.testing.assert_close(weights(tmp_path / "run"), weights(wanted), **TOLERANCE)
    files, others = (
        {path.name for path in folder.iterdir() if "tfevents" not in path.name} for folder in (tmp_path / "run", wanted)
    )
    assert files == others
    assert (tmp_path / "run" / STATE_FILE).exists()


@pytest.fixture
def as_one_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in as_started_by_torchrun(1, 3).items():
        monkeypatch.setenv(name, value)


def test_a_batch_that_cannot_be_divided_is_refused(as_one_of_three: None) -> None:
    with pytest.raises(UserError, match="batch_size 128 cannot be divided among 3 processes"), joined(128):
        pass


def test_more_processes_than_gpus_are_refused(as_one_of_three: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match="3 processes need 3 GPUs, but there are 2"), joined(129):
        pass


def test_running_statistics_are_the_mean_of_all_processes(
    as_one_of_three: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def three_alike(mine: torch.Tensor) -> None:
        mine += torch.full_like(mine, 4.0) + torch.full_like(mine, 6.0)

    monkeypatch.setattr(torch.distributed, "all_reduce", three_alike)
    norm = torch.nn.BatchNorm2d(2)
    norm.running_mean[:] = torch.tensor([2.0, 5.0])
    norm.num_batches_tracked += 7
    norm.activation_step = torch.nn.Parameter(torch.tensor([2.0]))  # learned, and kept within the range of own images
    average_statistics(norm)
    assert norm.activation_step.tolist() == [4.0]
    assert norm.weight.tolist() == [1.0, 1.0], "its gradient was averaged"
    assert norm.running_mean.tolist() == [4.0, 5.0]
    assert norm.running_var.tolist() == pytest.approx([11 / 3, 11 / 3])
    assert int(norm.num_batches_tracked) == 7


def test_processes_that_see_other_states_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.same_everywhere(3), "one process agrees with itself"
    monkeypatch.setattr(processes, "count", lambda: 2)
    for other, same in ((3, True), (0, False)):
        fill = lambda found, value, other=other: found.__setitem__(slice(None), [value, other])  # noqa: E731
        monkeypatch.setattr(processes.dist, "all_gather_object", fill)
        assert processes.same_everywhere(3) is same
