"""The training configuration: the stages, and all settings that determine a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from dfs_core.checked import build, is_word
from dfs_core.data.splits import VALIDATION
from dfs_core.errors import UserError
from dfs_core.model.config import PRICED, UTILITIES, ModelConfig
from dfs_core.model.precision import Precision

Schedule = Literal["cosine", "step", "constant"]
Cost = Literal["cp", "time"]
HARMLESS = ("log_every", "save_every", "validate_every")  # settings that change no weight
LENGTH = ("epochs", "iterations")  # settings that may grow where the learning rate does not depend on them
LISTS = ("milestones", "shortened", "price_range", "traced")  # lists in TOML, tuples here
MOST_SEEDS = 2**32 - 1  # largest seed; the seeds of single steps, derived from it, must be valid for torch


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of training: what is trained, and under which decisions.

    ``backbone``, ``gates`` and ``joint`` are the paper's (method section 6). ``supernet``, ``utilities`` and ``adapt``
    make a network that serves every budget (section 11). ``settle`` ends a joint run: the gates are frozen on the
    budget, and the rest trains on under their decisions.

    Attributes:
        body: whether convolutions, batch norms, quantisers and classifier are trained.
        policy: whether the policy is trained.
        decisions: who decides in training. ``policy``: the policy, held to a target. ``random``: random mixes of
            options. ``prices``: the policy at random prices. ``swapped``: the policy at random prices, with another
            option in one block. ``evaluated``: the policy under running statistics, as at evaluation. ``passes``: each
            pass of a cascade in turn, all of them in every step.
        target: the cost in percent that the policy is held to; None for the model's own budget.
        measured: whether the result is evaluated. It is not if the policy, or the weights under it, are still to be
            trained.
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
    """All settings of a run. Together with the data they reproduce the weights.

    Attributes:
        name: name of the resulting checkpoint.
        stage: ``backbone``, ``gates`` or ``joint``; ``supernet``, ``utilities`` or ``adapt``; ``settle``; ``passes``.
        method: the family under which charts and tables show it, such as ``backbone``, ``dfs``, ``skipnet``.
        dataset: ``cifar10``, ``cifar100``, ``svhn``, or the name of a folder of images.
        model: the network. Its number of classes follows the data set.
        start_from: name or path of the checkpoint whose weights it starts from; empty for new weights.
        teacher: name or path of the checkpoint to distil from; empty for no distillation.
        epochs: passes over the training images.
        iterations: number of steps; above 0, it replaces ``epochs``.
        settle: steps of stage ``settle`` at the end of a ``joint`` run. Their learning rate follows its own schedule.
        batch_size: images per step.
        lr: peak learning rate.
        gate_lr: factor on the learning rate of the gates.
        schedule: ``cosine`` to zero; ``step``, which divides by 10 at each milestone; or ``constant``: such
            a run can be made longer when it has ended.
        milestones: fractions of the run, for ``step``.
        shortened: [step, rest]: from ``step`` on, the rest of the schedule is done in ``rest`` steps, and the run ends
            sooner than planned; empty for never. An unfinished run may be shortened when it resumes.
        warmup: fraction of the run in which the learning rate rises linearly to its peak.
        momentum: momentum of SGD.
        gate_momentum: momentum of the gates. The signed cost changes sign at its target: momentum makes cp oscillate.
        nesterov: whether to use Nesterov momentum.
        weight_decay: weight decay on weights of convolutions and classifier; none on gates, norms, biases and steps.
        erase: side in pixels of the square that augmentation erases in each image; 0 erases nothing.
        mirror: whether augmentation mirrors every second image; not for digits and letters, as in SVHN.
        label_smoothing: 0 to 1.
        distillation: weight of the distillation loss, 0 to 1; the rest is cross-entropy.
        temperature: temperature of the distillation softmax.
        ema: decay per step of the running average of the weights, which is published; 0 publishes the last weights.
        price_range: (lowest, highest) random price in nats per block in full, for a policy of utilities.
        traced: budgets in percent for which traces are stored, in addition to the usual ones.
        alpha: weight of the cost in the objective, in the paper's unit (method section 5).
        cost: what the objective charges for an option: ``cp``, or its ``time`` on a machine. Then the budget is in
            percent of the time of all gated blocks in full.
        calibration: the file with the times, from ``dfs time --save FILE``; empty for ``cp``.
        charges: what that file says, read when the run begins: the time of each option of each gated block, relative to
            a block in full.
        hold_budget: whether to end by shifting the gate's bias until the cost of validation images meets the budget.
        validation: number of validation images.
        seed: seed of initial weights, order, augmentation and random draws. The split has its own fixed seed.
        precision: ``bf16`` (autocast), ``fp32``, or ``auto``: bf16 if the machine has it in hardware.
        compile: whether to fuse the quantisers' arithmetic, which pays off from a few hundred steps on.
        save_every: steps between saved states.
        log_every: steps between log lines.
        validate_every: epochs between validations; 0 validates at the end only.

    Raises:
        UserError: a setting has no valid value, or two settings contradict each other.
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
    shortened: tuple[int, ...] = ()
    warmup: float = 0.0
    momentum: float = 0.9
    gate_momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 1e-4
    erase: int = 0
    mirror: bool = True
    label_smoothing: float = 0.0
    distillation: float = 0.0
    temperature: float = 1.0
    ema: float = 0.0
    price_range: tuple[float, ...] = (1e-3, 30.0)
    traced: tuple[float, ...] = ()
    alpha: float = 0.0
    cost: Cost = "cp"
    calibration: str = ""
    charges: tuple[tuple[float, ...], ...] = ()
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
        object.__setattr__(self, "charges", tuple(map(tuple, self.charges)))
        if self.name in ("", "..") or Path(self.name).name != self.name or not is_word(self.name):
            raise UserError(f"{self.name!r} cannot name a checkpoint: use a plain folder name")
        if self.stage not in STAGES:
            raise UserError(f"stage '{self.stage}' is unknown: use {', '.join(STAGES)}")
        for key, allowed in (("schedule", Schedule), ("precision", Precision), ("cost", Cost)):
            if getattr(self, key) not in get_args(allowed):
                raise UserError(f"{key} '{getattr(self, key)}' is unknown: use {' or '.join(get_args(allowed))}")
        if not is_word(self.method):
            raise UserError("method must be a word: it is the family under which charts and tables show the checkpoint")
        self._check_numbers()
        self._check_schedule()
        self._check_stage()

    def _check_numbers(self) -> None:
        for key in ("batch_size", "lr", "gate_lr", "temperature", "validation", "save_every", "log_every"):
            if getattr(self, key) <= 0:
                raise UserError(f"{key} must be positive, not {getattr(self, key)}")
        for key in ("iterations", "settle", "weight_decay", "alpha", "erase", "validate_every"):
            if getattr(self, key) < 0:
                raise UserError(f"{key} cannot be below 0, but is {getattr(self, key)}")
        if not 0 <= self.seed <= MOST_SEEDS:
            raise UserError(f"seed is a whole number from 0 to {MOST_SEEDS}, not {self.seed}")
        if not all(0 < part < 1 for part in self.milestones):
            raise UserError(f"milestones are fractions of the run, between 0 and 1, not {list(self.milestones)}")
        for key in ("warmup", "label_smoothing", "distillation", "ema", "momentum", "gate_momentum"):
            share = getattr(self, key)
            if not 0 <= share < 1 and not (key == "distillation" and share == 1):
                raise UserError(f"{key} is a fraction from 0 to 1, not {share}")
        if len(self.price_range) != 2 or not 0 < self.price_range[0] < self.price_range[1]:
            raise UserError(f"price_range is [lowest, highest], both above 0, not {list(self.price_range)}")
        if odd := [budget for budget in self.traced if not 0 < budget <= 100 or float(f"{budget:g}") != budget]:
            raise UserError(f"traced lists budgets in percent with at most six digits, not {odd[0]!r}")

    def _check_schedule(self) -> None:
        if self.epochs < 1 and self.iterations < 1:
            raise UserError("a run needs epochs or iterations")
        if self.shortened and (len(self.shortened) != 2 or min(self.shortened) < 1):
            raise UserError(f"shortened is [step, steps for the rest], both above 0, not {list(self.shortened)}")
        if self.shortened and (self.settle or self.schedule == "constant"):
            raise UserError("shortened is for a cosine or step schedule without settle: lower iterations or epochs")
        if self.nesterov and not self.momentum:
            raise UserError("nesterov needs momentum above 0")

    def _check_stage(self) -> None:
        if (self.cost == "time") != bool(self.calibration):
            raise UserError("cost 'time' needs a calibration, and no other cost does: a file from dfs time --save FILE")
        if self.charges and self.cost != "time":
            raise UserError("charges are for cost 'time': leave them out")
        options, blocks = len(self.model.option_set), self.model.gated_blocks
        if self.charges and [len(row) for row in self.charges] != [options] * blocks:
            raise UserError(f"charges must have {blocks} rows of {options} numbers: one for each block and option")
        if self.cost == "time" and not (STAGES[self.stage].holds_budget or self.stage == "settle"):
            raise UserError(f"cost 'time' is for the paper's gates: stage 'gates' or 'joint', not '{self.stage}'")
        if self.hold_budget and (self.model.policy != "recurrent" or self.model.budget is None):
            raise UserError(
                "hold_budget needs the paper's gate and a budget: [model] policy = 'recurrent', budget = 20"
            )
        if bool(self.teacher) != (self.distillation > 0):
            raise UserError("distillation needs both a teacher and a weight above 0")
        if self.traced and self.model.policy not in PRICED:
            raise UserError(f"traced needs a policy that follows a price: {', '.join(PRICED)}")
        if (self.stage == "passes") != (self.model.policy == "cascade"):
            raise UserError("stage 'passes' trains policy 'cascade', and no other stage does")
        if STAGES[self.stage].decisions in ("prices", "swapped") and self.model.policy not in UTILITIES:
            raise UserError(f"stage '{self.stage}' needs a policy of utilities: {', '.join(UTILITIES)}")
        if STAGES[self.stage].decisions == "swapped" and len(self.model.option_set) < 2:
            raise UserError(f"stage '{self.stage}' compares options, so it needs two or more: [model] options")
        if STAGES[self.stage].holds_budget and self.model.policy in UTILITIES:
            raise UserError(f"stage '{self.stage}' holds a budget by the paper's gate: [model] policy = 'recurrent'")
        if self.model.policy == "confidence" and self.batch_size == 1:
            raise UserError("policy 'confidence' normalises over a batch, so it needs a batch_size of 2 or more")
        if self.stage != "backbone" and self.model.policy == "constant":
            raise UserError(f"stage '{self.stage}' needs a policy that can learn, not the constant one")
        if self.stage == "joint" and self.model.budget is None:
            raise UserError("stage 'joint' needs a budget to hold: [model] budget = 20")
        if self.settle and (self.stage != "joint" or self.ema):
            raise UserError("settle works in stage 'joint' without ema alone: set settle = 0, or change stage or ema")

    @property
    def target(self) -> float | None:
        """The cost in percent (of cp, or of time) that the objective holds; None if it holds none."""
        stage = STAGES[self.stage]
        return (stage.target or self.model.budget) if stage.holds_budget else None

    def differs_from(self, settings: Mapping[str, Any], step: int | None = None) -> list[str]:
        """Names of the settings in which this run differs from another. Those that change no weight are left out.

        Args:
            settings: of the other run, from ``to_dict``.
            step: steps that the other run has done, if this one is to go on from there. Then it may have another length
                if its learning rate is constant, and may be shortened from that step or a later one.
        """
        constant = self.schedule == "constant" and not self.warmup and not self.settle
        free = (*HARMLESS, *LENGTH) if step is not None and constant else HARMLESS
        if step is not None and self.shortened:
            left = [run[0] for run in (self.shortened, settings.get("shortened")) if run]
            free = (*free, "shortened") if step <= min(left) else free  # neither has left the schedule of both
        mine = self.to_dict()
        # A setting that the other run did not know yet had its default.
        settings = type(self)(self.name).to_dict() | dict(settings)
        return sorted(key for key in {*mine, *settings} - {*free} if mine.get(key) != settings.get(key))

    def total_steps(self, images: int) -> int:
        """Number of steps of the whole run, for this number of training images.

        Raises:
            UserError: there are fewer images than one batch, or the run is shortened after its end.
        """
        planned = self.planned_steps(images)
        return sum(self.shortened) or planned

    def planned_steps(self, images: int) -> int:
        """Number of steps that the schedule is made for: those of the whole run, if it is not shortened.

        Raises:
            UserError: as in ``total_steps``.
        """
        if images < self.batch_size:
            raise UserError(f"batch_size {self.batch_size} is more than the {images} training images")
        steps = (self.iterations or self.epochs * (images // self.batch_size)) + self.settle
        if self.shortened and self.shortened[0] >= steps:
            raise UserError(f"shortened starts at step {self.shortened[0]}, but the run has {steps} steps")
        return steps

    def scheduled(self, step: int, planned: int) -> float:
        """The place in the schedule at a step: the step itself until the run is shortened, and more from then on.

        Args:
            step: the step.
            planned: number of steps that the schedule is made for.
        """
        if not self.shortened or step < self.shortened[0]:
            return step
        begin, rest = self.shortened
        return begin + (step - begin) * (planned - begin) / rest

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        lists = {key: list(getattr(self, key)) for key in LISTS} | {"charges": list(map(list, self.charges))}
        return asdict(self) | {"model": self.model.to_dict()} | lists

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build from plain data, with ``model`` as a table.

        Raises:
            UserError: the name is missing, a key is unknown, or a value has the wrong type or range.
        """
        if isinstance(data, dict) and "name" not in data:
            raise UserError("a run needs a name: name = 'my-run'")
        return build(cls, data)

    def with_classes(self, classes: int) -> TrainConfig:
        """The same run for a data set with this number of classes."""
        return replace(self, model=replace(self.model, classes=classes))
