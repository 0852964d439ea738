"""A small training run, killed at random moments and resumed until it ends: ``make kills N=1000``.

Its weights must be, to the byte, those of a run that was left in peace. A run is killed several times on its way, so N
kills are fewer runs.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
CONFIG = """name = "run"
dataset = "cifar10"
stage = "joint"
method = "dfs"
alpha = 1e-2
iterations = 80
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
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def write_images(folder: Path) -> None:
    """Noise as the images of a data set: a run's bytes do not ask what it learns from."""
    random_numbers = np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for name in CLASSES:
            place = folder / "cifar10" / split / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = random_numbers.integers(0, 256, (32, 32, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")


def begin(config: Path, data: Path, out: Path) -> subprocess.Popen[bytes]:
    """A process that trains, or goes on with it."""
    command = [sys.executable, "-m", "dfs_core", "train", str(config), "--data-dir", str(data), "--out", str(out)]
    settings = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, "--resume"], cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)


def main() -> int:
    """Kill, resume and compare, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, kills, runs, same = random.Random(asked.seed), 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "data")
        (folder / "run.toml").write_text(CONFIG)
        start = time.monotonic()
        if begin(folder / "run.toml", folder / "data", folder / "peace" / "run").wait():
            raise SystemExit("the run that was left in peace did not end well")
        whole = time.monotonic() - start
        wanted = (folder / "peace" / "run" / "weights.safetensors").read_bytes()
        while kills < asked.kills:
            out, before = folder / "killed" / "run", kills
            while True:
                process, start = begin(folder / "run.toml", folder / "data", out), time.monotonic()
                try:
                    ended = process.wait(rng.uniform(0.1, 1.0) * whole)
                    whole = min(whole, time.monotonic() - start) if kills == before else whole
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    ended = process.wait()
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
