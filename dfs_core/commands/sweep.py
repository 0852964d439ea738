"""The command ``sweep``: many runs, on one machine or on many."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dfs_core.commands.output import (
    add_data_dir,
    add_json,
    complain,
    data_dir_of,
    note_left_out,
    number,
    positive,
    table,
    write,
    write_json,
)
from dfs_core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dfs_core.training.sweep import Ending, Run

TENTHS = 10  # lines of progress for each run


def add_sweep(parser: argparse.ArgumentParser) -> None:
    """Define ``sweep``."""
    parser.add_argument(
        "file", type=Path, metavar="SWEEP.toml", help="names the runs, such as configs/sweeps/seeds.toml"
    )
    add_data_dir(parser)
    parser.add_argument("--network", metavar="NAME", help="a network in the place of those that the file names")
    parser.add_argument("--address", help="address of a Ray cluster; default: Ray's own, or one on this machine")
    parser.add_argument("--cpus", type=positive, metavar="N", help="processor cores for each run, on Ray; default: 1")
    parser.add_argument("--gpus", type=share, metavar="N", help="GPUs for each run, on Ray; default: 1 if there is one")
    add_json(parser)
    parser.set_defaults(run=run_sweep)


def share(text: str) -> float:
    """Parse a number of GPUs: 0.5 means that two runs share one."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 <= value <= 1 or value in range(2, 1025)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of GPUs: write 0, 0.5, 1, 2 and so on")
    return value


def run_sweep(args: argparse.Namespace) -> int:
    """Do the runs of a sweep, and print what became of each. They run in this process, unless Ray is asked for."""
    from dfs_core.data.folders import SPLITS
    from dfs_core.training.cluster import INSTALL, has_ray, on_ray
    from dfs_core.training.sweep import one_by_one, read_sweep

    runs, data_dir = read_sweep(args.file, args.network), data_dir_of(args)
    on_cluster = {"--address": args.address, "--cpus": args.cpus, "--gpus": args.gpus}
    asked = [name for name, value in on_cluster.items() if value is not None]
    if not has_ray() and asked:
        raise UserError(f"{asked[0]} needs Ray: {INSTALL}")
    for dataset in dict.fromkeys(run.config.dataset for run in runs):
        note_left_out(dataset, data_dir, *SPLITS)
    progress = Progress(runs)
    if asked or (has_ray() and os.environ.get("RAY_ADDRESS")):
        found = on_ray(runs, data_dir, args.address, args.cpus or 1, args.gpus, progress.look)
    else:
        several = "--cpus 1 does several at once" if has_ray() else f"{INSTALL}, which does several at once"
        complain(f"the {len(runs)} runs are done one after another; {several}", "note")
        found = one_by_one(runs, data_dir)
    outcomes = {}
    with redirect_stdout(sys.stderr):  # what Ray has to say is no part of the result
        for name, outcome in found:
            outcomes[name] = outcome
            progress.ended(name, outcome)
    rows = [_row(run, outcomes[run.name]) for run in runs]
    if args.json:
        write_json(rows)
    else:
        cells = [
            (row["run"], row["outcome"], *(number(row[key], "%") for key in ("accuracy", "cp", "all_in")), _time(row))
            for row in rows
        ]
        write(table(("run", "outcome", "test accuracy", "cp", "all-in", "time"), cells, words=(0, 1)))
    return 0 if all(outcome.good for outcome in outcomes.values()) else 2


class Progress:
    """Lines on stderr while the runs go on. What a run has done is read from its log, on whatever machine it runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = {run.name: run for run in runs}
        self.total = len(runs)
        self.seen = {name: _seen(name) for name in self.runs}

    def look(self) -> None:
        """Tell of each run that has begun, goes on from an earlier state, or has done another tenth of its steps."""
        for name in self.runs:
            (file, before), (now, line) = self.seen[name], _seen(name)
            if not line.get("steps"):
                continue
            self.seen[name] = now, line
            step, whole = line["step"], line["steps"]
            if now != file:  # a run writes a new file each time it starts, and when it is published
                if step < whole:
                    self._say(name, f"goes on from step {step}" if file else "begins")
            elif int(TENTHS * step / whole) > int(TENTHS * before.get("step", 0) / whole):
                loss = f", loss {line['loss']:.3f}" if "loss" in line else ""
                self._say(name, f"step {step}, {100 * step / whole:.0f} %{loss}")

    def ended(self, name: str, outcome: Ending) -> None:
        """Tell what became of a run."""
        del self.runs[name]
        said = f"{outcome.state}: {outcome.why}" if outcome.why else outcome.state
        self._say(name, "\n".join(filter(None, (said, outcome.traceback.rstrip()))))

    def _say(self, name: str, text: str) -> None:
        done = self.total - len(self.runs)
        if sys.stderr is not None:
            sys.stderr.write(f"[{done}/{self.total}] {name}: {text}\n")
            sys.stderr.flush()


def _seen(name: str) -> tuple[int, dict[str, Any]]:
    """The number of a run's log file, and its last metrics with all its ``steps``; 0 and nothing if it has none yet."""
    from dfs_core.checkpoints.locate import runs_dir
    from dfs_core.checkpoints.run_log import LOG_FILE

    try:
        with (runs_dir() / name / LOG_FILE).open(encoding="utf-8") as file:
            file_number, lines = os.fstat(file.fileno()).st_ino, file.read().splitlines()
    except OSError:
        return 0, {}
    found: dict[str, Any] = {}
    for text in lines:
        with suppress(ValueError):  # the last one may be half written
            line = json.loads(text)
            found = (line if "loss" in line else found | line) | {"steps": line.get("steps", found.get("steps"))}
    return file_number, found


def _row(run: Run, outcome: Ending) -> dict[str, Any]:
    """A run's row of the table. Figures are those of its card."""
    from dfs_core.checkpoints.card_files import read_card
    from dfs_core.checkpoints.locate import CARD_FILE, runs_dir

    card = read_card(runs_dir() / run.name / CARD_FILE) if outcome.good else None
    figures = {key: card.summary()[key] if card else None for key in ("accuracy", "cp", "all_in")}
    seconds = card.wall_time_s if card else None
    return {"run": run.name, "outcome": outcome.state, "why": outcome.why} | figures | {"seconds": seconds}


def _time(row: dict[str, Any]) -> str:
    return "-" if row["seconds"] is None else number(row["seconds"] / 60, "min", 1)
