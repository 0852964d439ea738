"""What the logs of runs say: how far each run is, and its metrics over its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashboard.answers.tables import Rows
from dfs_core.checkpoints.locate import CARD_FILE, LOCK_FILE
from dfs_core.checkpoints.run_log import LOG_FILE

RunState = Literal["finished", "in progress", "stopped"]
ALIVE_S = 300.0  # a run whose log has not grown for so long has stopped
METRICS = {
    "loss": ("loss", "Loss of training batches"),
    "accuracy": ("accuracy %", "Accuracy on training batches"),
    "cp": ("cp %", "cp of training batches"),
    "validation_accuracy": ("accuracy %", "Accuracy on validation images"),
}
KEPT = (*METRICS, "step", "steps", "epoch")  # what the overview has from a log
MOST = 300  # points of a line; more lines of a log are averaged


@dataclass(frozen=True, slots=True)
class Run:
    """A folder with a training log.

    Attributes:
        name: of the folder, with its place if another place has one of that name.
        place: where it lies.
        folder: its path.
        changed: time of the last change of its log, in seconds.
        published: whether it has a card.
    """

    name: str
    place: str
    folder: Path
    changed: float
    published: bool

    def state(self, now: float) -> RunState:
        """How it goes at a time in seconds.

        A process locks the folder that it trains in. One that was killed leaves the lock behind, but its log stands
        still. The age of a log alone says nothing: copying a folder makes it young.
        """
        if (self.folder / LOCK_FILE).exists() and now - self.changed < ALIVE_S:
            return "in progress"
        return "finished" if self.published else "stopped"


def find(roots: Mapping[str, Path], names: Mapping[Path, str]) -> list[Run]:
    """The runs in some folders, those whose log changed last first.

    Args:
        roots: place -> folder.
        names: names of the checkpoints that other pages show, by their folders.
    """
    found: list[Run] = []
    for place, root in roots.items():
        for log in root.glob(f"*/{LOG_FILE}"):
            try:
                changed = log.stat().st_mtime
            except OSError:  # deleted meanwhile
                continue
            name = log.parent.name
            taken = any(run.name == name for run in found)
            shown = names.get(log.parent, f"{name}@{place}" if taken else name)
            card = (log.parent / CARD_FILE).is_file()
            found.append(Run(shown, place, log.parent, changed, card))
    return sorted(found, key=lambda run: (-run.changed, run.name))


def overview(runs: Sequence[Run], logs: Mapping[str, Rows], now: float) -> Rows:
    """One row for each run: its state and its latest metrics.

    Args:
        runs: from ``find``.
        logs: name of a run -> lines of its log.
        now: the time in seconds.
    """
    return [
        {"run": run.name, "place": run.place, "state": run.state(now), "step": 0, "steps": None, "epoch": None}
        | dict.fromkeys(METRICS)
        | {key: value for line in logs[run.name] for key, value in line.items() if key in KEPT}
        | {"minutes since": round((now - run.changed) / 60, 1)}
        for run in runs
    ]


def metric_rows(logs: Mapping[str, Rows], metric: str) -> Rows:
    """``run``, ``step`` and ``value`` of a metric; means of neighbours where there are more than ``MOST`` lines."""
    rows: Rows = []
    for name, log in logs.items():
        lines = [line for line in log if metric in line]
        size = -(-len(lines) // MOST) or 1
        for start in range(0, len(lines), size):
            part = lines[start : start + size]
            mean = sum(line[metric] for line in part) / len(part)
            rows.append({"run": name, "step": part[-1]["step"], "value": mean})
    return rows
