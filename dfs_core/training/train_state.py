"""The state of a run on disk: written atomically, so that a run killed at any moment goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch.optim.swa_utils import get_ema_multi_avg_fn

from dfs_core.errors import UserError
from dfs_core.files import write_whole
from dfs_core.model.network import DFSNet
from dfs_core.training.precision import Precision

STATE_FILE = "state.safetensors"
LOG_FILE = "log.jsonl"
PROGRESS = ("step", "seconds", "commit", "precision")  # what a saved state holds beside tensors


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
        progress = {key: getattr(self, key) for key in PROGRESS} | {"settings": settings}
        # safetensors wants every tensor contiguous; loading copies into the network's own layout.
        tensors = {key: value.detach().contiguous() for key, value in self._tensors().items()}
        write_whole(folder / STATE_FILE, save(tensors, metadata={"progress": json.dumps(progress)}))

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
                progress = json.loads(file.metadata()["progress"])
                saved = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}); delete {folder} and train anew") from None
        if progress.get("settings") != settings or not progress.keys() >= set(PROGRESS):
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


class RunLog:
    """The run's metrics as JSON lines; lines past the restored step are dropped, as those steps are done again."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOG_FILE
        kept = [line for line in read_log(self.path) if line["step"] <= step]
        temporary = folder / f"{LOG_FILE}.tmp"
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))
        temporary.replace(self.path)  # in one step, so that a run killed here keeps its log

    def write(self, **line: Any) -> None:
        """Append one line; all of its numbers are finite."""
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(rounded, allow_nan=False) + "\n")


def read_log(path: Path) -> Iterable[dict[str, Any]]:
    """The lines of a log; a last line cut short by a kill is left out."""
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return
