"""The command ``time``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.commands.checkpoints import add_budget, add_checkpoint, budget_text
from dfs_core.commands.output import add_data_dir, add_json, few, number, table, write, write_json
from dfs_core.files import json_text, write_whole

if TYPE_CHECKING:
    from dfs_core.engine import Engine
    from dfs_core.model.network import DFSNet
    from dfs_core.timing.calibration import Calibration

BATCH, AT_LEAST = 128, 16  # images in a batch, and images that are timed


def add_time(parser: argparse.ArgumentParser) -> None:
    """Define ``time``."""
    add_checkpoint(parser)
    add_budget(parser)
    add_data_dir(parser)
    parser.add_argument("--batch", type=few, default=BATCH, metavar="N", help=f"images at a time (default: {BATCH})")
    parser.add_argument("--threads", type=few, metavar="N", help="processor threads (default: PyTorch's own)")
    parser.add_argument("--calibrate", action="store_true", help="measure the parts of the network again")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="also write the calibration to a file, to train by it"
    )
    add_json(parser)
    parser.set_defaults(run=run_time)


def run_time(args: argparse.Namespace) -> int:
    """Print a checkpoint's time on this machine, and the time that its calibration predicts."""
    import torch

    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.data.augment import normalise
    from dfs_core.engine import compile_network
    from dfs_core.timing.compare import time_network
    from dfs_core.timing.pixels import pixels_of

    checkpoint = load_checkpoint(args.checkpoint)
    card, model = checkpoint.card, checkpoint.model
    budget, _ = card.config.operating_point(args.budget)
    count = -(-AT_LEAST // args.batch) * args.batch
    pixels, source = pixels_of(card, count, args.data_dir)
    images = normalise(pixels, card.mean, card.std)
    before = torch.get_num_threads()
    torch.set_num_threads(args.threads or before)
    try:
        engine = compile_network(model)
        calibration = _calibration(model, engine, args.calibrate)
        if args.save:
            write_whole(args.save, json_text(asdict(calibration)).encode())
        found = time_network(model, engine, calibration, images, args.batch, args.budget)
    finally:
        torch.set_num_threads(before)
    result = {
        "checkpoint": card.name,
        "budget": budget,
        "images": found.images,
        "source": source,
        "batch": args.batch,
        "threads": calibration.threads,
        "kernels": engine.name,
        "machine": asdict(calibration.machine),
        "calibrated": calibration.date,
        "engine_ms": found.engine,
        "grouped_ms": found.grouped,
        "predicted_ms": found.predicted,
    }
    if args.json:
        write_json(result)
    else:
        write(_text(result))
    return 0


def _calibration(model: DFSNet, engine: Engine, again: bool) -> Calibration:
    """The stored calibration, or a new one, which is stored."""
    import torch

    from dfs_core.bar import progress_bar
    from dfs_core.timing import kept
    from dfs_core.timing.clock import calibrate

    found = None if again else kept.find(model.config, torch.get_num_threads(), engine.name)
    if found is None:
        with progress_bar("measuring this machine", "%") as report:
            found = calibrate(model, engine, report=lambda share: report(round(100 * share), 100))
        kept.keep(found)
    return found


def _text(result: dict[str, Any]) -> str:
    machine, timed = result["machine"], result["engine_ms"]
    head = [
        ("checkpoint", result["checkpoint"]),
        ("budget", budget_text(result["budget"])),
        ("images", f"{result['images']:,} ({result['source']}), {result['batch']:,} at a time"),
        ("machine", f"{machine['processor']}, {machine['cores']} cores, threads used: {result['threads']}"),
        ("software", f"DFS Explorer {machine['version']}, PyTorch {machine['torch']}, {machine['system']}"),
        ("kernels", {"native": "native (C++ built here)", "library": "library (PyTorch's own)"}[result["kernels"]]),
        ("calibrated", result["calibrated"]),
    ]
    names = {"engine_ms": "engine, timed", "predicted_ms": "engine, predicted", "grouped_ms": "grouped, timed"}
    rows = [
        (name, number(ms := result[key], "ms", 3), number(1000 / ms, decimals=0), number(ms / timed, "x"))
        for key, name in names.items()
    ]
    lines = [f"{name:<18}{value}" for name, value in head]
    return "\n".join([*lines, "", table(("", "an image", "images a second", "engine = 1"), rows)])
