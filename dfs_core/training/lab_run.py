"""A run of the alpha laboratory as plain data: its settings, its progress and its result. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dfs_core.checkpoints.card import Card
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation

if TYPE_CHECKING:
    from dfs_core.checkpoints.checkpoint import Checkpoint

STEPS, BATCHES, ALPHAS = (20, 300), (32, 64), (1e-7, 1e-3)
# Chosen on the shipped checkpoints. With this rate and an alpha of 2.5e-5, cp reaches a target between 10 and 40 % in
# 60 steps. A rate of 8 shuts all gates.
RATE = 3.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run.

    Attributes:
        budget: the cp to hold, in percent.
        alpha: weight of the signed cost, in the paper's unit.
        steps: number of steps of gradient descent.
        batch: images per step.
        rate: learning rate of the gates at the start. It falls to zero along a cosine, so that cp comes to rest.
        seed: seed of the order of images, of augmentation, and of the other options that are tried.

    Raises:
        UserError: a setting is out of range.
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
            raise UserError(f"alpha must be from {ALPHAS[0]:g} to {ALPHAS[1]:g} here, not {self.alpha:g}")
        if not STEPS[0] <= self.steps <= STEPS[1]:
            raise UserError(f"a run has {STEPS[0]} to {STEPS[1]} steps, not {self.steps}")
        if not BATCHES[0] <= self.batch <= BATCHES[1]:
            raise UserError(f"a step takes {BATCHES[0]} to {BATCHES[1]} images, not {self.batch}")
        if not self.rate > 0:
            raise UserError(f"the learning rate must be positive, not {self.rate:g}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: cp and accuracy on its batch in percent, before the gates were updated."""

    step: int
    cp: float
    accuracy: float
    loss: float


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run: ``done`` of ``total`` steps or measured images. ``step`` is the last step while tuning."""

    doing: Literal["before", "tuning", "after"]
    done: int
    total: int
    step: Step | None = None


@dataclass(frozen=True)
class Tuned:
    """The result of a run.

    Attributes:
        settings: its settings.
        steps: its steps, in order.
        before: evaluation of the parent checkpoint on the held-out images.
        after: evaluation of the new gates on the same images.
        toy: a warning if the run used a few pictures only; else empty.
        checkpoint: the network: the parent's body with its own gates. Its ``folder`` is empty, as it is not on disk.
    """

    settings: Settings
    steps: tuple[Step, ...]
    before: Evaluation
    after: Evaluation
    toy: str
    checkpoint: Checkpoint


def can_tune(card: Card) -> bool:
    """Whether a checkpoint has the paper's gates, which the signed cost can train."""
    return card.config.policy == "recurrent" and len(card.config.option_set) > 1
