"""A sweep on a Ray cluster: each run is one task, which Ray starts, places and retries.

A run whose node dies is started again on another one, and goes on from its last saved state. For this, the working
folder and the data must lie on storage that all nodes share, at the same path.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dfs_core.checkpoints.locate import pretrained_dir, runs_dir
from dfs_core.errors import UserError
from dfs_core.training.sweep import Ending, Run, attempt

INSTALL = "pip install 'dfs-explorer[cluster]' installs Ray"
RETRIES = 20  # starts of a run after its node died; one that fails more often than that has another fault
PATIENCE = 300.0  # seconds; a node that was cut off may still train in the run's folder, or storage may hold its lock
KNOCK = 10.0  # seconds to wait for the cluster's address to answer
LOOK = 1.0  # seconds between two looks at the runs' progress


def has_ray() -> bool:
    """Whether Ray is installed. Does not import it."""
    from importlib.util import find_spec

    return find_spec("ray") is not None


def on_ray(
    runs: Sequence[Run], data_dir: Path, address: str | None, cpus: int, gpus: float | None, look: Callable[[], None]
) -> Iterator[tuple[str, Ending]]:
    """Do the runs on a Ray cluster: the name of each as it ends, and what became of it.

    Args:
        runs: the runs, each after those that it needs.
        data_dir: the folder that holds the data sets.
        address: the cluster's address, as ``ray.init`` takes it. None is the cluster of RAY_ADDRESS or of this machine,
            or a new one on this machine.
        cpus: processor cores for each run, and threads that it uses.
        gpus: GPUs for each run, or a fraction of one; None is 1 if the cluster has any.
        look: called every second.

    Raises:
        UserError: there is no cluster at the address, or none of its machines has so many cores and GPUs.
    """
    if address:
        _knock(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report on itself to another host
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:  # such as another version of Ray there
        raise UserError(f"Ray does not start at {address or 'this machine'}: {error}") from None
    try:
        if gpus is None:
            gpus = 1 if ray.cluster_resources().get("GPU") else 0
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(found.get("CPU", 0) >= cpus and found.get("GPU", 0) >= gpus for found in machines):
            raise UserError(f"no machine of the cluster has {cpus} cores and {gpus:g} GPUs: ask for fewer for each run")
        places = Path.cwd(), data_dir.resolve(), pretrained_dir().resolve(), runs_dir().resolve()
        # A task gets its parents' outcomes as arguments, so Ray starts it after them.
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=RETRIES)(_task)
        waiting: dict[str, Any] = {}
        for run in runs:
            waiting[run.name] = task.remote(run, *places, cpus, gpus, *(waiting[name] for name in run.needs))
        yield from _as_they_end(waiting, look)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise an error if nothing listens at an address: Ray would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not (host and port.isascii() and port.isdigit()):
        return  # Ray's own words, such as auto
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(f"no Ray cluster answers at {address} ({error}): 'ray start --head' starts one there") from None


def _as_they_end(waiting: dict[str, Any], look: Callable[[], None]) -> Iterator[tuple[str, Ending]]:
    import ray

    names = {reference: name for name, reference in waiting.items()}
    while names:
        ended, _ = ray.wait(list(names), num_returns=len(names), timeout=LOOK)
        look()
        for reference in ended:
            try:
                outcome = ray.get(reference)
            except ray.exceptions.RayError as error:  # a defect of ours, or a run that failed on every node
                outcome = Ending("failed", str(error).strip().splitlines()[-1])
            yield names.pop(reference), outcome


def _task(
    run: Run, root: Path, data_dir: Path, pretrained: Path, runs: Path, cpus: int, gpus: float, *before: Ending
) -> Ending:
    """One run on a node. The paths are those of the machine that asked for the sweep."""
    import torch

    if not gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a run without a GPU leaves those of its node alone
    torch.set_num_threads(cpus)
    os.environ["DFS_PRETRAINED_DIR"], os.environ["DFS_RUNS_DIR"] = str(pretrained), str(runs)
    try:
        os.chdir(root)
    except OSError:
        return Ending("failed", f"a node has no folder {root}: start the sweep in a folder that all nodes share")
    return attempt(run, data_dir, before, PATIENCE)
