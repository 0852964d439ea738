"""A step of each of some runs, by as many processes as torchrun starts: ``steps_together.py DATA OUT``.

The first process writes the gradients of each step and the weights' statistics after it. Each writes the signs that it
finds for the paper's cost. Batch norm is in evaluation mode: only then does an image's gradient not depend on the rest
of its part of the batch, so one process and several must find the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_runs import BACKBONE, start

from dfs_core.model.network import DFSOutput
from dfs_core.training.objective import cost_term
from dfs_core.training.processes import count, joined, rank
from dfs_core.training.train import Trainer

SHARED = {"depth": 8, "options": "skip,4,full", "policy": "utility"}
CASES = {
    "backbone": (BACKBONE, {"erase": 8, "label_smoothing": 0.1}),
    "supernet": (SHARED, {"stage": "supernet"}),
    # Of two options the other one needs no drawing.
    "joint": ({"depth": 8, "options": "skip,full", "budget": 20}, {"stage": "joint", "alpha": 1e-2}),
}
LAST = "last"  # what the first process writes when the others have long done their steps


def step(trainer: Trainer) -> dict[str, torch.Tensor]:
    """The gradients of a run's first step; what no image used has none."""
    trainer._begin_phase()
    trainer.state.model.body.eval()
    trainer._step(*next(trainer.images.batches(trainer._batches(0))))
    parameters = trainer.state.model.named_parameters()
    return {name: value.grad.contiguous() for name, value in parameters if value.grad is not None}


def signed() -> torch.Tensor:
    """The cost term of a batch whose first half skips every block and whose second half, of two processes, runs all."""
    decisions = torch.zeros(2, 5, dtype=torch.int64)
    decisions[1 if count() == 1 else slice(rank() * 2)] = 1
    output = DFSOutput(torch.zeros(2, 10), decisions, torch.nn.functional.one_hot(decisions, 2).float())
    return torch.stack([cost_term(output, torch.tensor([0.0, 1.0]), target, 1e-2)[0].sign() for target in (40, 60)])


def take(data: Path, out: Path) -> None:
    """Do a step of each case."""
    for name, (model, settings) in CASES.items():
        place = out if rank() == 0 else out / "others"
        gradients = step(start(place / name, data, model, iterations=2, **settings))
        if rank() == 0:
            save_file(gradients, out / f"{name}.safetensors")
    torch.save(signed(), out / f"signs{rank()}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined(batch_size=30):
        take(*map(Path, sys.argv[1:]))
    assert (Path(sys.argv[2]) / LAST).exists(), "this process has not waited for the first"
