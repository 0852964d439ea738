"""A run of the alpha laboratory as plain data: what it is asked for, what it reports, what comes out. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation

if TYPE_CHECKING:
    from dfs_core.checkpoints.checkpoint import Checkpoint

STEPS, BATCHES, ALPHAS = (20, 300), (32, 64), (1e-7, 1e-3)
# Found on the shipped checkpoints, whose gates are far from ties: with it and an alpha of 2.5e-5 their cp follows a
# target between 10 and 40 % within 60 steps. At a rate of 8 gates are thrown shut.
RATE = 3.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is to do.

    Attributes:
        budget: the cp to hold, in percent.
        alpha: how hard the signed cost pulls towards it, in the paper's unit.
        steps: of gradient descent.
        batch: images a step.
        rate: learning rate of the gates at the start; it falls to zero along a cosine, so that cp can settle.
        seed: of the order of images, augmentation and the gate's random branch.
    """

    budget: float
    alpha: float
    steps: int = 60
    batch: int = 32
    rate: float = RATE
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.budget <= 100:
            raise UserError(f"a budget is a percentage above 0 and up to 100, not {self.budget:g}")
        if not ALPHAS[0] <= self.alpha <= ALPHAS[1]:
            raise UserError(f"alpha lies between {ALPHAS[0]:g} and {ALPHAS[1]:g} here, not at {self.alpha:g}")
        if not STEPS[0] <= self.steps <= STEPS[1]:
            raise UserError(f"a run has {STEPS[0]} to {STEPS[1]} steps, not {self.steps}")
        if not BATCHES[0] <= self.batch <= BATCHES[1]:
            raise UserError(f"a step takes {BATCHES[0]} to {BATCHES[1]} images, not {self.batch}")
        if not self.rate > 0:
            raise UserError(f"the learning rate must be positive, not {self.rate:g}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, on its batch: cp and accuracy in percent, before the gates moved."""

    step: int
    cp: float
    accuracy: float
    loss: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``done`` of ``total`` steps, or images that are measured; ``step`` where one was made."""

    doing: Literal["before", "tuning", "after"]
    done: int
    total: int
    step: Step | None = None


@dataclass(frozen=True)
class Tuned:
    """What came out of a run.

    Attributes:
        settings: what was asked for.
        steps: its curve.
        before: the checkpoint that it started from, on the held-out images.
        after: the new gates, on the same images.
        toy: the warning of a run on a few pictures; else empty.
        checkpoint: the network: a body shared with its parent's, gates of its own. Its folder is empty: it lies on no
            disk.
    """

    settings: Settings
    steps: tuple[Step, ...]
    before: Evaluation
    after: Evaluation
    toy: str
    checkpoint: Checkpoint


def can_tune(card: Card) -> bool:
    """Whether a checkpoint has the paper's gates, which the signed cost can move."""
    return card.config.policy == "recurrent" and len(card.config.option_set) > 1
