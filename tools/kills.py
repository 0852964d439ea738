"""Kill a small training run at random moments and resume it until it ends: ``make kills N=1000``.

Its weights must equal those of an undisturbed run to the byte. Each run is killed several times, so N kills take fewer
than N runs. Every attempt is a fork of this process, which has loaded PyTorch already: starting Python anew would take
most of the time, and most kills would hit the start.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch._dynamo  # the first optimiser would load it, in two seconds
from PIL import Image

from dfs_core.data.known import KNOWN
from dfs_core.training.train import train

CONFIG = """name = "run"
dataset = "cifar10"
stage = "joint"
method = "dfs"
alpha = 1e-2
iterations = 60
batch_size = 20
save_every = 3
validate_every = 7
log_every = 1
precision = "fp32"
compile = false
[model]
depth = 8
options = "skip,4,full"
budget = 20
"""
MOMENTS = (0.05, 0.8)  # of an undisturbed run's time: late enough for most attempts to get on
CLASSES = KNOWN["cifar10"].classes


def write_images(folder: Path) -> None:
    """A data set of noise: the test compares bytes, so what the run learns does not matter."""
    random_numbers = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for name in CLASSES:
            place = folder / "cifar10" / split / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = random_numbers.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")


def begin(config: Path, data: Path, out: Path) -> int:
    """Begin or resume the run in a process of its own, and return the process's number."""
    process = os.fork()
    if not process:
        ended = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            train(config, data, out, resume=True)
            ended = 0
        finally:
            os._exit(ended)
    return process


def wait(process: int, seconds: float) -> int | None:
    """How a process ended, as a return code, or None if it still runs after ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def main() -> int:
    """Kill, resume and compare, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # a fork cannot use its parent's threads
    rng, kills, runs, same = random.Random(asked.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "data")
        (folder / "run.toml").write_text(CONFIG)
        start = time.monotonic()
        if wait(begin(folder / "run.toml", folder / "data", folder / "undisturbed" / "run"), 600) != 0:
            raise SystemExit("the undisturbed run failed")
        whole = time.monotonic() - start
        wanted = (folder / "undisturbed" / "run" / "weights.safetensors").read_bytes()
        while kills < asked.kills:
            out, before = folder / "killed" / "run", kills
            while True:
                process = begin(folder / "run.toml", folder / "data", out)
                ended = wait(process, rng.uniform(*MOMENTS) * whole)
                if ended is None:
                    os.kill(process, signal.SIGKILL)
                    ended = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                    kills += 1
                if ended not in (0, -signal.SIGKILL):
                    raise SystemExit(f"after {kills} kills a resumed run ended with {ended}")
                if ended == 0:
                    break
            runs += 1
            same += (out / "weights.safetensors").read_bytes() == wanted
            print(f"run {runs}: {kills - before} kills, {same} of {runs} identical", flush=True)
            shutil.rmtree(folder / "killed")
    print(f"{kills} kills in {runs} runs: {same} of {runs} ended with the same weights to the byte")
    return 0 if same == runs else 1


if __name__ == "__main__":
    raise SystemExit(main())
