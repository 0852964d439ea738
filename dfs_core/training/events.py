"""The log of a run as TensorBoard events, if the package ``tensorboard`` is installed (extra ``tensorboard``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def events(folder: Path, step: int) -> SummaryWriter | None:
    """A writer beside the run's log that hides what an earlier process wrote after ``step``; None without the package.

    Args:
        folder: of the run.
        step: number of steps done.
    """
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter  # takes seconds to import

    return SummaryWriter(str(folder), purge_step=step + 1)
