"""A sweep on a Ray cluster of two nodes on this machine, one of which is killed in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from places import REPOSITORY
from tiny_sweep import write_recipes, write_sweep

from dfs_core.checkpoints.locate import LOCK_FILE
from dfs_core.cli import main
from dfs_core.training import cluster
from dfs_core.training.train_state import STATE_FILE

cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs Ray, as requirements-dev.txt has it")

PATIENCE = 240.0  # seconds; a busy machine may need some of them
STEPS = 30
RUNS = ("tiny", "small", "gates-tiny")
SWEEP = """network = ["tiny", "small"]
[[runs]]
method = ["backbone"]
[[runs]]
method = ["gates"]
network = ["tiny"]
"""
# A dead node is found after a second instead of half a minute.
SETTINGS = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 2,
}
NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_log_monitor": False}


@contextmanager
def two_nodes() -> Iterator[tuple[Any, Any]]:
    """A cluster of two nodes with one processor each, and its second node."""
    head = {**NODE, "include_dashboard": False, "no_monitor": True, "_system_config": SETTINGS}
    found = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        yield found, found.add_node(**NODE)
    finally:
        found.shutdown()


def at_work(node: Any) -> dict[str, int]:
    """The runs that a node is training, with the process of each: those that hold the lock of a run's folder."""
    found = {}
    for raylet in node.all_processes["raylet"]:
        main = raylet.process.pid
        for process in Path(f"/proc/{main}/task/{main}/children").read_text().split():
            with suppress(OSError):
                for file in Path(f"/proc/{process}/fd").iterdir():
                    if (lock := file.readlink()).name == LOCK_FILE:
                        found[lock.parent.name] = int(process)
    return found


def kill_at_work(nodes: Any, node: Any, runs: Path) -> str:
    """Wait until a node trains a run that has a state, and kill the whole node; return the run's name."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for run, process in at_work(node).items():
            if (runs / run / STATE_FILE).exists():
                os.kill(process, signal.SIGSTOP)  # so that it does not end while its node dies
                assert not (runs / run / "card.json").exists()
                nodes.remove_node(node, allow_graceful=False)
                os.kill(process, signal.SIGKILL)
                return run
        time.sleep(0.02)
    raise AssertionError("the node was given no run")


@pytest.mark.slow
def test_a_sweep_of_which_a_node_is_killed_ends_with_the_weights_of_one_in_peace(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))  # of the nodes, too
    monkeypatch.delenv("DFS_RUNS_DIR")
    peace, disturbed = (write_recipes(tmp_path / name, STEPS, small={}) for name in ("peace", "disturbed"))
    words = ["sweep", str(write_sweep(tmp_path, SWEEP)), "--data-dir", str(cifar10_dir)]
    monkeypatch.chdir(disturbed)
    with two_nodes() as (nodes, second), ThreadPoolExecutor() as pool:
        monkeypatch.setenv("DFS_RUNS_DIR", str(disturbed / "elsewhere"))  # the nodes know it from the sweep alone
        killing = pool.submit(kill_at_work, nodes, second, disturbed / "elsewhere")
        assert main([*words, "--address", nodes.address]) == 0
        killed = killing.result()
    table, said = capsys.readouterr()
    assert f"{killed}: goes on from step" in said
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [[run, "trained"] for run in RUNS]

    monkeypatch.chdir(peace)
    monkeypatch.delenv("DFS_RUNS_DIR")
    monkeypatch.setattr(cluster, "has_ray", lambda: False)
    assert main(words) == 0
    for run in RUNS:
        kept = disturbed / "elsewhere", peace / "runs"
        found, wanted = (folder / run / "weights.safetensors" for folder in kept)
        assert found.read_bytes() == wanted.read_bytes(), run
