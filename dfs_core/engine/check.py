"""How far an engine's answers agree with the float simulation that it stands for."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.engine.engine import Engine
from dfs_core.evaluation.evaluate import exact
from dfs_core.evaluation.metrics import Outcome
from dfs_core.model.network import DFSNet

IMAGES, COARSE = 16, 4  # images of the check, and the side of the noise that they are drawn from
ENOUGH_DECISIONS, ENOUGH_ANSWERS = 0.99, 15 / 16
NEAR = 0.02  # of the logits' range: so near its best answer, the network itself is undecided


class Agreement(NamedTuple):
    """Shares of the same, from 0 to 1.

    Attributes:
        decisions: of all decisions, block by block.
        answers: of all predicted classes.
    """

    decisions: float
    answers: float

    @classmethod
    def of(cls, ours: Outcome, theirs: Outcome) -> Agreement:
        """Of two outcomes for the same images."""
        return cls(
            float((ours.decisions == theirs.decisions).mean()), float((ours.predictions == theirs.predictions).mean())
        )


def passes_check(model: DFSNet, engine: Engine) -> bool:
    """Whether an engine answers as its network does, tried on a few smooth random images at the usual budget."""
    images = _sample(model.config.image_size)
    with exact(images.device):
        ours, theirs = model(images, execution=engine), model(images)
    decisions = (ours.decisions == theirs.decisions).float().mean()
    given = theirs.logits.gather(1, ours.logits.argmax(dim=1, keepdim=True)).squeeze(1)
    best, worst = theirs.logits.amax(dim=1), theirs.logits.amin(dim=1)
    answers = (best - given <= NEAR * (best - worst)).float().mean()
    return bool(decisions >= ENOUGH_DECISIONS and answers >= ENOUGH_ANSWERS and ours.logits.isfinite().all())


def _sample(size: int) -> Tensor:
    """The same normalised images (N, 3, size, size) at every call: noise of many scales, as in photographs."""
    generator = torch.Generator().manual_seed(0)
    sides = [side for side in (COARSE, 2 * COARSE, size) if side <= size]
    parts = [torch.randn(IMAGES, 3, side, side, generator=generator) for side in sides]
    return sum((F.interpolate(part, size=(size, size), mode="bilinear") for part in parts), torch.zeros(()))
