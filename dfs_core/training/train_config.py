"""Training configuration: the stages, and everything that determines a run, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from dfs_core.checked import build
from dfs_core.data.splits import VALIDATION
from dfs_core.errors import UserError
from dfs_core.model.config import PRICED, UTILITIES, ModelConfig
from dfs_core.training.precision import Precision

Schedule = Literal["cosine", "step"]
LISTS = ("milestones", "price_range", "traced")  # settings that are lists in TOML and tuples here
MOST_SEEDS = 2**32 - 1  # so that the seed of any step of any run is a number that torch takes


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of training learns, and under which decisions.

    The first three are the paper's (method section 6). The next three make a network that serves every budget (section
    11). ``settle`` ends a joint run: the gates have been put on the budget, and the rest learns under their decisions.

    Attributes:
        body: whether convolutions, batch norms, quantisers and classifier learn.
        policy: whether the policy learns.
        decisions: who decides in training: the ``policy`` as it stands, held to a target; ``random`` mixes of options;
            the policy at random ``prices``; the policy at random prices with single blocks ``swapped``; or the policy
            as it is ``evaluated``, under running statistics; or each of a cascade's ``passes``, all in every step.
        target: the cp to hold in percent where the policy is held to one; None to hold the model's own budget.
        measured: whether what comes out is measured. A network is not whose policy has yet to learn, or whose weights
            have yet to learn under its policy.
    """

    body: bool
    policy: bool
    decisions: Literal["policy", "random", "prices", "swapped", "evaluated", "passes"] = "policy"
    target: float | None = None
    measured: bool = True

    @property
    def holds_budget(self) -> bool:
        """Whether the objective has the paper's signed cost."""
        return self.policy and self.decisions == "policy"


STAGES = {
    "backbone": Stage(body=True, policy=False),
    "gates": Stage(body=False, policy=True, target=100.0),
    "joint": Stage(body=True, policy=True),
    "supernet": Stage(body=True, policy=False, decisions="random", measured=False),
    "utilities": Stage(body=False, policy=True, decisions="swapped", measured=False),
    "adapt": Stage(body=True, policy=False, decisions="prices"),
    "settle": Stage(body=True, policy=False, decisions="evaluated"),
    "passes": Stage(body=True, policy=False, decisions="passes"),
}


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that determines a run; together with the data it reproduces the weights.

    Attributes:
        name: name of the checkpoint that comes out.
        stage: ``backbone``, ``gates`` or ``joint``; ``supernet``, ``utilities`` or ``adapt``; ``settle``;
            ``passes``.
        method: the family it is shown under, such as ``backbone``, ``dfs``, ``skipnet``.
        dataset: ``cifar10``, ``cifar100``, ``svhn``, or the name of a folder of images.
        model: the network; its number of classes follows the data set.
        start_from: name or path of the checkpoint whose weights it starts from; empty to start afresh.
        teacher: name or path of the checkpoint to distil from; empty for none.
        epochs: passes over the training images.
        iterations: steps; if given, it takes the place of ``epochs``.
        settle: for ``joint``, steps of stage ``settle`` after all others, on a learning rate that rises and falls anew.
        batch_size: images per step.
        lr: peak learning rate.
        gate_lr: factor on the learning rate of the gates.
        schedule: ``cosine`` to zero, or ``step``: divided by 10 at each milestone.
        milestones: for ``step``, fractions of the run.
        warmup: fraction of the run over which the rate rises linearly to its peak.
        momentum: SGD's momentum.
        gate_momentum: that of the gates. The signed cost changes sign at its target: with momentum cp swings about it.
        nesterov: Nesterov's form of it.
        weight_decay: on convolution and linear weights; none on batch norm, biases and quantiser steps.
        erase: side in pixels of the square that augmentation erases in each image; 0 for none.
        label_smoothing: 0 to 1.
        distillation: weight of the teacher's loss, 0 to 1; the rest is cross-entropy.
        temperature: of the distillation's softmax.
        ema: decay per step of the running average of the weights that is published; 0 publishes the last weights.
        price_range: (lowest, highest) price that is drawn, in nats per block in full, for a policy of utilities.
        traced: budgets in percent, beside the usual ones, at which decisions of a network for every budget are stored.
        alpha: weight of the cost in the objective, in the paper's unit (batch of 128; method section 5).
        hold_budget: whether a run ends by shifting its gate's bias until cp on validation images meets the budget.
        validation: images held out for validation.
        seed: of initial weights, order, augmentation and all that a stage draws; the split has its own, fixed one.
        precision: ``bf16`` (autocast), ``fp32``, or ``auto``: bf16 where the machine has arithmetic for it.
        compile: whether to fuse the quantisers' arithmetic; pays off from a few hundred steps on.
        save_every: steps between saved states.
        log_every: steps between log lines.
        validate_every: epochs between looks at the validation images; 0 for the end only.
    """

    name: str
    stage: str = "backbone"
    method: str = "backbone"
    dataset: str = "cifar10"
    model: ModelConfig = field(default_factory=ModelConfig)
    start_from: str = ""
    teacher: str = ""
    epochs: int = 1
    iterations: int = 0
    settle: int = 0
    batch_size: int = 128
    lr: float = 0.1
    gate_lr: float = 1.0
    schedule: Schedule = "cosine"
    milestones: tuple[float, ...] = (0.5, 0.75)
    warmup: float = 0.0
    momentum: float = 0.9
    gate_momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 1e-4
    erase: int = 0
    label_smoothing: float = 0.0
    distillation: float = 0.0
    temperature: float = 1.0
    ema: float = 0.0
    price_range: tuple[float, ...] = (1e-3, 30.0)
    traced: tuple[float, ...] = ()
    alpha: float = 0.0
    hold_budget: bool = False
    validation: int = VALIDATION
    seed: int = 0
    precision: Precision = "auto"
    compile: bool = True
    save_every: int = 100
    log_every: int = 10
    validate_every: int = 0

    def __post_init__(self) -> None:
        for key in LISTS:
            object.__setattr__(self, key, tuple(getattr(self, key)))
        if self.name in ("", "..") or Path(self.name).name != self.name:
            raise UserError(f"'{self.name}' cannot name a checkpoint: use a plain folder name")
        if self.stage not in STAGES:
            raise UserError(f"stage '{self.stage}' is unknown: use {', '.join(STAGES)}")
        for key, allowed in (("schedule", Schedule), ("precision", Precision)):
            if getattr(self, key) not in get_args(allowed):
                raise UserError(f"{key} '{getattr(self, key)}' is unknown: use {' or '.join(get_args(allowed))}")
        if not self.method.strip():
            raise UserError("method names the family that charts and tables group by: it cannot be empty")
        for key in ("batch_size", "lr", "gate_lr", "temperature", "validation", "save_every", "log_every"):
            if getattr(self, key) <= 0:
                raise UserError(f"{key} must be positive, not {getattr(self, key)}")
        for key in ("iterations", "settle", "weight_decay", "alpha", "erase", "validate_every"):
            if getattr(self, key) < 0:
                raise UserError(f"{key} cannot be below 0, and is {getattr(self, key)}")
        if not 0 <= self.seed <= MOST_SEEDS:
            raise UserError(f"seed is a whole number from 0 to {MOST_SEEDS}, not {self.seed}")
        if not all(0 < part < 1 for part in self.milestones):
            raise UserError(f"milestones are fractions of the run, between 0 and 1, not {list(self.milestones)}")
        if self.nesterov and not self.momentum:
            raise UserError("nesterov is a form of momentum: give momentum above 0")
        if self.hold_budget and (self.model.policy != "recurrent" or self.model.budget is None):
            raise UserError(
                "hold_budget needs the paper's gate and a budget: [model] policy = 'recurrent', budget = 20"
            )
        for key in ("warmup", "label_smoothing", "distillation", "ema", "momentum", "gate_momentum"):
            if not 0 <= getattr(self, key) < 1 + (key == "distillation"):
                raise UserError(f"{key} is a fraction from 0 to 1, not {getattr(self, key)}")
        if self.epochs < 1 and self.iterations < 1:
            raise UserError("a run needs epochs or iterations")
        if bool(self.teacher) != (self.distillation > 0):
            raise UserError("distillation needs both a teacher and a weight above 0")
        if len(self.price_range) != 2 or not 0 < self.price_range[0] < self.price_range[1]:
            raise UserError(f"price_range is [lowest, highest], both above 0, not {list(self.price_range)}")
        if self.traced and self.model.policy not in PRICED:
            raise UserError(f"traced lists budgets for a policy that a price moves: {', '.join(PRICED)}")
        if odd := [budget for budget in self.traced if not 0 < budget <= 100 or float(f"{budget:g}") != budget]:
            raise UserError(f"traced lists budgets in percent, of six digits at most, and {odd[0]!r} is none")
        if (self.stage == "passes") != (self.model.policy == "cascade"):
            raise UserError("stage 'passes' trains policy 'cascade', and no other stage does")
        if STAGES[self.stage].decisions in ("prices", "swapped") and self.model.policy not in UTILITIES:
            raise UserError(f"stage '{self.stage}' needs a policy of utilities: {', '.join(UTILITIES)}")
        if self.stage != "backbone" and self.model.policy == "constant":
            raise UserError(f"stage '{self.stage}' is for a policy that decides, and a constant policy does not")
        if self.stage == "joint" and self.model.budget is None:
            raise UserError("stage 'joint' needs the budget that it is to hold: [model] budget = 20")
        if self.settle and (self.stage != "joint" or self.ema):
            raise UserError("settle counts steps at the end of a run of stage 'joint' without ema")

    @property
    def target(self) -> float | None:
        """The cp in percent that the objective holds, or None where nothing is held."""
        stage = STAGES[self.stage]
        return (stage.target or self.model.budget) if stage.holds_budget else None

    def total_steps(self, images: int) -> int:
        """Steps of the whole run on so many training images.

        Raises:
            UserError: they are fewer than one batch.
        """
        if images < self.batch_size:
            raise UserError(f"batch_size {self.batch_size} is more than the {images} training images")
        return (self.iterations or self.epochs * (images // self.batch_size)) + self.settle

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return asdict(self) | {"model": self.model.to_dict()} | {key: list(getattr(self, key)) for key in LISTS}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build from plain data with ``model`` as a table.

        Raises:
            UserError: no name, an unknown key, or a value of a wrong type or range.
        """
        if isinstance(data, dict) and "name" not in data:
            raise UserError("a run needs a name: name = 'my-run'")
        return build(cls, data)

    def with_classes(self, classes: int) -> TrainConfig:
        """The same run for a data set of so many classes."""
        return replace(self, model=replace(self.model, classes=classes))
