"""The training log of a run, ``log.jsonl``: one JSON object per line, checked by ``LogLine``. Read without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from dfs_core.checked import Budget, Cost, Count, Percent, build, parse_json
from dfs_core.errors import UserError

LOG_FILE = "log.jsonl"

Step = Annotated[int, Meta(ge=0, le=10**9, description="a whole number from 0 to a thousand million")]
NotNegative = Annotated[float, Meta(ge=0, description="a number, 0 or more")]


@dataclass(frozen=True, slots=True)
class LogLine:
    """The metrics of one training step, or of a validation after it. A key is absent if its stage has no such metric.

    Attributes:
        step: number of steps done; 0 in what is said at the start of the run.
        epoch: passes over the training images so far.
        loss: loss of the batch in nats.
        accuracy: accuracy on the batch in percent.
        cp: cp of the batch in percent.
        target: the cp in percent that the objective holds.
        time: time of the batch's blocks in percent of theirs in full, of a run that is charged for time.
        time_target: the time in percent that the objective holds.
        lr: learning rate.
        worth: mean absolute worth of a swap in nats (stage ``utilities``).
        explained: correlation of the predicted with the measured worth (stage ``utilities``).
        validation_accuracy: accuracy on the validation images in percent.
        validation_cp: cp on the validation images in percent.
        note: what there is to say of the run from here on, such as another precision.
        steps: number of steps that the run has in all; said once, and again if it changes.
    """

    step: Step
    epoch: NotNegative
    loss: float = 0.0
    accuracy: Percent = 0.0
    cp: Cost = 0.0
    target: Budget = 100.0
    time: Cost = 0.0
    time_target: Budget = 100.0
    lr: NotNegative = 0.0
    worth: NotNegative = 0.0
    explained: float = 0.0
    validation_accuracy: Percent = 0.0
    validation_cp: Cost = 0.0
    note: str = ""
    steps: Count = 0


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a training log by key, as written; none if there is no file.

    A last line that is not JSON is left out: a kill can cut it short.

    Raises:
        UserError: the file cannot be read, or a line is wrong. The message names the file, the line and the key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a log: {error}") from None
    found = []
    for number, text in enumerate(lines, start=1):
        try:
            line = parse_json(text)
        except UserError as error:
            if number == len(lines):
                break
            raise UserError(f"{path}, line {number}: {error}") from None
        try:
            build(LogLine, line)
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
        found.append(line)
    return found
