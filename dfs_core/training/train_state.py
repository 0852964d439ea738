"""The state of a run on disk: written atomically, so that a run killed at any moment goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.optim.swa_utils import get_ema_multi_avg_fn

from dfs_core.errors import UserError
from dfs_core.files import append_line, write_whole
from dfs_core.model.network import DFSNet
from dfs_core.training.precision import Precision

STATE_FILE = "state.safetensors"
LOCK_FILE = ".lock"
LOG_FILE = "log.jsonl"
PROGRESS = ("step", "seconds", "commit", "precision")  # what a saved state holds beside tensors


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a run's folder, which is made if it is not there, for this process alone; the lock ends with the process.

    Raises:
        UserError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(f"another process trains in {folder}: wait for it, or give another --out") from None
    try:
        yield
    finally:
        (folder / LOCK_FILE).unlink(missing_ok=True)
        lock.release()


@dataclass
class RunState:
    """What changes from step to step.

    Attributes:
        model: the network in training.
        optimiser: its SGD.
        average: the running average of the weights, or None.
        commit: revision of the code that the run began with.
        precision: what it computes in, ``bf16`` or ``fp32``, on whatever machine it is resumed.
        parents: names of what it builds on, as a ``Card`` has them.
        step: steps done.
        seconds: wall time so far, over all restarts.
    """

    model: DFSNet
    optimiser: torch.optim.SGD
    average: DFSNet | None
    commit: str
    precision: Precision
    parents: tuple[str, ...] = ()
    step: int = 0
    seconds: float = 0.0

    @property
    def final(self) -> DFSNet:
        """The network that a run gives: the average if one is kept."""
        return self.model if self.average is None else self.average

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the weights; faster in the first steps, so that it forgets its start."""
        if self.average is None:
            return
        pairs = list(zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True))
        means, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        # All of them in one call: one by one, a GPU would wait for Python to start each.
        get_ema_multi_avg_fn(min(decay, (1 + self.step) / (10 + self.step)))(means, values, 0)
        for counter, value in pairs:
            if not counter.is_floating_point():
                counter.copy_(value)

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            if (buffer := self.optimiser.state.get(parameter, {}).get("momentum_buffer")) is not None:
                tensors[f"momentum.{name}"] = buffer
        return tensors

    def save(self, folder: Path, settings: dict[str, Any]) -> None:
        """Write the state, which is there in full or not at all."""
        progress = json.dumps({key: getattr(self, key) for key in PROGRESS} | {"settings": settings})
        # safetensors wants every tensor contiguous; loading copies into the network's own layout.
        tensors = {key: value.detach().cpu().contiguous() for key, value in self._tensors().items()}
        metadata = {"progress": progress, "sha256": _digest(progress, tensors)}
        write_whole(folder / STATE_FILE, save(tensors, metadata=metadata))

    @torch.no_grad()
    def restore(self, folder: Path, settings: dict[str, Any]) -> bool:
        """Take up a saved state; False if there is none.

        Raises:
            UserError: the state is of another configuration, or cannot be read.
        """
        path = folder / STATE_FILE
        if not path.exists():
            return False
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
                saved = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            if metadata["sha256"] != _digest(metadata["progress"], saved):
                raise ValueError("it is not as it was written")
            progress = json.loads(metadata["progress"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}); delete {folder} and train anew") from None
        if progress["settings"] != settings:
            raise UserError(f"{path} belongs to other settings; give another --out, or delete {folder}")
        for name, parameter in self.model.named_parameters():
            if f"momentum.{name}" in saved:
                buffer = torch.empty_like(parameter).copy_(saved[f"momentum.{name}"])
                self.optimiser.state[parameter]["momentum_buffer"] = buffer
        for key, value in self._tensors().items():
            value.copy_(saved[key])
        for key in PROGRESS:
            setattr(self, key, progress[key])
        return True


def _digest(progress: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of everything in a state: a flipped bit must not be trained on."""
    digest = hashlib.sha256(progress.encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}".encode())
        digest.update(tensors[key].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class RunLog:
    """The run's metrics as JSON lines; lines past the restored step are dropped, as those steps are done again."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOG_FILE
        kept = [line for line in read_log(self.path) if line["step"] <= step]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def write(self, **line: Any) -> None:
        """Append one line; all of its numbers are finite."""
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}
        append_line(self.path, json.dumps(rounded, allow_nan=False))


def read_log(path: Path) -> Iterable[dict[str, Any]]:
    """The lines of a log; a last line cut short by a kill is left out.

    Raises:
        UserError: it is not a log: a line other than the last is no JSON object with a whole number as its ``step``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a log: {error}") from None
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            if number == len(lines):
                return
            line = None
        if not isinstance(line, dict) or type(line.get("step")) is not int:
            raise UserError(f"{path}, line {number}: no JSON object with a whole number as its step")
        yield line
