"""The state of a run on disk. It is written atomically, so that a run killed at any moment can resume."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.optim.swa_utils import get_ema_multi_avg_fn

from dfs_core.checkpoints.locate import LOCK_FILE
from dfs_core.checkpoints.run_log import LOG_FILE, read_log
from dfs_core.errors import UserError
from dfs_core.files import append_line, write_whole
from dfs_core.model.network import DFSNet
from dfs_core.model.precision import Precision, has_bf16
from dfs_core.training.events import events
from dfs_core.training.train_config import HARMLESS, LENGTH, TrainConfig

STATE_FILE = "state.safetensors"
PROGRESS = (
    "step",
    "seconds",
    "commit",
    "precision",
    "note",
    "images",
)  # in a saved state beside tensors


@contextmanager
def alone_in(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Create a run's folder if necessary and lock it for this process. The lock ends with the process.

    Args:
        folder: the run's folder.
        patience: seconds to wait for another process to end.

    Raises:
        UserError: another process has the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise UserError(f"another process trains in {folder}: wait for it, or give another --out") from None
    for partial in folder.glob(".*.partial"):  # what a killed process was writing
        partial.unlink(missing_ok=True)
    try:
        yield
    finally:
        if sys.platform != "win32":  # where an open file cannot be deleted, and the lock deletes it itself
            (folder / LOCK_FILE).unlink(missing_ok=True)
        lock.release()


@dataclass
class RunState:
    """The state that changes from step to step.

    Attributes:
        model: the network in training.
        optimiser: its SGD optimiser.
        average: the running average of the weights, or None.
        commit: revision of the code with which the run started.
        precision: ``bf16`` or ``fp32``; kept when the run resumes on another machine, unless that would emulate bf16.
        parents: names of the checkpoints it builds on, as in ``Card``.
        step: number of steps done.
        seconds: wall time so far, over all restarts.
        note: what log and card should say of its start and of what changed on the way; else empty.
        images: fingerprint of the training images.
    """

    model: DFSNet
    optimiser: torch.optim.SGD
    average: DFSNet | None
    commit: str
    precision: Precision
    parents: tuple[str, ...] = ()
    step: int = 0
    seconds: float = 0.0
    note: str = ""
    images: str = ""

    @property
    def final(self) -> DFSNet:
        """The network to publish: the average if there is one, else the last weights."""
        return self.model if self.average is None else self.average

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the weights, faster in the first steps so that it forgets the initial weights."""
        if self.average is None:
            return
        pairs = list(zip(self.average.state_dict().values(), self.model.state_dict().values(), strict=True))
        means, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()), strict=True)
        # One call for all tensors: with one call each, a GPU would wait for Python to launch the kernels.
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
        """Write the state atomically."""
        progress = json.dumps({key: getattr(self, key) for key in PROGRESS} | {"settings": settings})
        # safetensors needs contiguous tensors; ``restore`` copies them into the network's own memory format.
        tensors = {key: value.detach().cpu().contiguous() for key, value in self._tensors().items()}
        metadata = {"progress": progress, "sha256": _digest(progress, tensors)}
        write_whole(folder / STATE_FILE, save(tensors, metadata=metadata))

    @torch.no_grad()
    def restore(self, folder: Path, config: TrainConfig) -> bool:
        """Restore a saved state; return False if there is none.

        Raises:
            UserError: the state has other settings than ``config``, apart from those that do not matter for what was
                done so far; or it was trained on other images, or cannot be read.
        """
        path = folder / STATE_FILE
        if not path.exists():
            return False
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata()
                saved = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            if metadata["sha256"] != _digest(metadata["progress"], saved):
                raise ValueError("its checksum is wrong")
            progress = json.loads(metadata["progress"])
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}): delete {folder} and train again") from None
        if other := config.differs_from(progress["settings"], progress["step"]):
            raise UserError(
                f"{path} belongs to other settings: give another --out, or delete {folder} (different: "
                f"{', '.join(other)}; what may change is {', '.join(HARMLESS)}, with a constant learning rate "
                f"{' and '.join(LENGTH)}, with another one shortened)"
            )
        if progress.get("images", self.images) != self.images:
            raise UserError(
                f"{path} was trained on other images than those that are here now, and some of those could be set aside"
                f" for validation: put the former ones back, or train again under another --out"
            )
        for name, parameter in self.model.named_parameters():
            if f"momentum.{name}" in saved:
                buffer = torch.empty_like(parameter).copy_(saved[f"momentum.{name}"])
                self.optimiser.state[parameter]["momentum_buffer"] = buffer
        for key, value in self._tensors().items():
            value.copy_(saved[key])
        for key in PROGRESS:
            setattr(self, key, progress.get(key, getattr(self, key)))
        return True

    def avoid_emulation(self, asked: Precision, device: torch.device) -> None:
        """Go on in fp32 where the precision is ``auto`` and this machine would emulate bf16, and note it."""
        if asked == "auto" and self.precision == "bf16" and not has_bf16(device):
            self.precision = "fp32"
            self.note = f"{self.note} In bf16 up to step {self.step:,}, then on a machine without it in fp32.".strip()


def _digest(progress: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of a whole state, so that a damaged state is not trained on."""
    digest = hashlib.sha256(progress.encode())
    for key in sorted(tensors):
        digest.update(f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}".encode())
        digest.update(tensors[key].reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


class RunLog:
    """Writes the run's metrics as JSON lines, and as TensorBoard events if that is installed.

    It drops lines after the restored step: those steps are done again.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path, self.events = folder / LOG_FILE, events(folder, step)
        kept = [line for line in read_log(self.path) if step and line["step"] <= step]
        write_whole(self.path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self.said = next((line["steps"] for line in reversed(kept) if "steps" in line), None)
        self.notes = [line["note"] for line in kept if "note" in line]

    def write(self, **line: Any) -> None:
        """Append one line. All numbers must be finite."""
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}
        append_line(self.path, json.dumps(rounded, allow_nan=False))
        if self.events is not None:
            for key in rounded.keys() - {"step", "epoch"}:
                self.events.add_scalar(key, rounded[key], rounded["step"])
            self.events.flush()

    def note(self, text: str, step: int, epoch: float) -> None:
        """Say something of the run in words."""
        append_line(self.path, json.dumps({"step": step, "epoch": round(epoch, 6), "note": text}))

    def plan(self, step: int, epoch: float, steps: int) -> None:
        """Say how many steps the run has in all, if the log does not say so yet."""
        if steps != self.said:
            append_line(self.path, json.dumps({"step": step, "epoch": round(epoch, 6), "steps": steps}))

    def close(self) -> None:
        """Close the events; the JSON lines are always complete."""
        if self.events is not None:
            self.events.close()
