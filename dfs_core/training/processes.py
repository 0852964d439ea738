"""Training in several processes, which ``torchrun`` starts: each takes its part of every batch.

The processes hold the same network and take the same steps. Each computes the gradient of its part of the batch, and
PyTorch's DistributedDataParallel averages the gradients. Augmentation, prices and the decisions of stage ``supernet``
are drawn for the whole batch, so an image gets the same ones in any number of processes, and a run may go on with
another number of them. What gates try is drawn by each process for its own images.

Batch norm normalises a part by its own statistics, as is usual. Its running statistics are averaged over the processes,
and so are the learned steps, which each process keeps within the range of its own images.

Without ``torchrun``, or with one process, nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dfs_core.errors import UserError

PATIENCE = timedelta(hours=6)  # for what the first process does alone, such as a validation

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def count() -> int:
    """The number of processes that train together."""
    return int(os.environ["WORLD_SIZE"]) if dist.is_torchelastic_launched() else 1


def rank() -> int:
    """The number of this process, counted from 0."""
    return int(os.environ["RANK"]) if dist.is_torchelastic_launched() else 0


@contextmanager
def joined(batch_size: int) -> Iterator[None]:
    """Join the processes of a run, with the GPU of this one if the machine has GPUs, until all have done their work.

    Args:
        batch_size: images in a step, over all processes.

    Raises:
        UserError: the batch cannot be divided evenly, or there are fewer GPUs than processes.
    """
    if count() == 1:
        yield
        return
    if batch_size % count():
        raise UserError(f"batch_size {batch_size} cannot be divided among {count()} processes: give another number")
    on_gpus, here = torch.cuda.is_available(), int(os.environ["LOCAL_WORLD_SIZE"])
    if on_gpus:
        if here > torch.cuda.device_count():
            raise UserError(f"{here} processes need {here} GPUs, but there are {torch.cuda.device_count()}")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("nccl" if on_gpus else "gloo", timeout=PATIENCE)
    try:
        yield
        # The others wait for the first. A process that ends just after it has communicated can abort: its communication
        # threads may still hold tensors of Python's, which they cannot give back while the interpreter closes.
        dist.barrier()
    finally:
        dist.destroy_process_group()


def first_alone(work: Callable[Arguments, Result]) -> Callable[Arguments, Result | None]:
    """Let the first process alone do ``work``, such as writing a file. In the others it does nothing."""

    @wraps(work)
    def done(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result | None:
        return None if rank() else work(*args, **kwargs)

    return done


def in_first(context: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """The context in the first process; none in the others."""
    return nullcontext() if rank() else context


def own(batch: Tensor) -> Tensor:
    """This process's part of what has one entry for each image of a batch: (N, ...) -> (N / processes, ...)."""
    return batch if count() == 1 else batch.chunk(count())[rank()]


def overall(mean: Tensor) -> Tensor:
    """The mean over the whole batch, from the mean over this process's part; without gradient."""
    if count() == 1:
        return mean
    mean = mean.detach().clone()
    dist.all_reduce(mean)
    return mean / count()


def same_everywhere(value: object) -> bool:
    """Whether all processes have the same value."""
    if count() == 1:
        return True
    found: list[object] = [None] * count()
    dist.all_gather_object(found, value)
    return all(one == value for one in found)


class _Step(nn.Module):
    """A step's loss as a module, so that DistributedDataParallel sees every use of the network's parameters."""

    def __init__(self, model: nn.Module, loss: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, *batch: Tensor) -> Any:
        """What the loss returns."""
        return self.loss(*batch)


def together(model: nn.Module, loss: Callable[..., Any]) -> Callable[..., Any]:
    """``loss``, with a backward pass that averages the gradients over the processes.

    The processes go on with the weights of the first. Parameters that no process used, such as those of an option that
    no image took, get no gradient, as in one process.
    """
    return DistributedDataParallel(_Step(model, loss), find_unused_parameters=True)


@torch.no_grad()
def average_statistics(model: nn.Module) -> None:
    """Average what each process has from its own images: running statistics, and the bounds on learned steps."""
    if count() == 1:
        return
    floating = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    floating += [parameter for name, parameter in model.named_parameters() if name.endswith("_step")]
    mean = overall(torch.cat([buffer.flatten() for buffer in floating]))
    for buffer, value in zip(floating, mean.split([buffer.numel() for buffer in floating]), strict=True):
        buffer.copy_(value.view_as(buffer))
