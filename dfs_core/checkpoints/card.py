"""The card of a checkpoint: its settings, its training and its measured figures. Plain data without weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Annotated, Any, Self

from msgspec import Meta

from dfs_core.checked import Budget, Cost, Name, Percent, Text, Word, build, parse_json, quote
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation
from dfs_core.files import json_text
from dfs_core.model.config import ModelConfig

FORMAT = 1
SPLITS = ("validation", "test")
_COUNTED = {"train", "validation", "test", "asked", "seed"}  # whole numbers in ``split``

Line = Annotated[
    str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", description="a text of at most 200 characters")
]
Mean = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]
Std = Annotated[float, Meta(gt=0, le=1, description="a number above 0 and up to 1")]
Alpha = Annotated[float, Meta(ge=0, le=1e6, description="a number, 0 or more")]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1, description="a whole number from 0 to 4294967295")]
Seconds = Annotated[float, Meta(ge=0, le=1e9, description="seconds")]
Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$", description="64 hexadecimal digits")]


class CheckpointError(UserError):
    """A checkpoint cannot be used: it is missing, damaged, in another format, or inconsistent."""


@dataclass(frozen=True, slots=True)
class OnEngine:
    """What a checkpoint does on the inference engine: on all test images, at its usual budget.

    Attributes:
        kernels: of the engine: ``native``, or PyTorch's own (``library``).
        accuracy: in percent.
        cp: in percent.
        same_decisions: share of the decisions, in percent, that are those of the float simulation.
        same_answers: share of the predicted classes, in percent, that are those of the float simulation.
        processor: on which it was measured.
    """

    kernels: Word
    accuracy: Percent
    cp: Cost
    same_decisions: Percent
    same_answers: Percent
    processor: Word


@dataclass(frozen=True)  # no slots: a cached property needs the instance's dict
class Card:
    """Everything about a checkpoint except its weights.

    Attributes:
        name: name of the checkpoint and of its folder.
        method: ``backbone``, ``dfs``, ``skipnet``, ...: the family by which charts and tables group.
        dataset: name of the data set that it was trained on.
        classes: class names, in the order of the logits.
        mean: channel means for the normalisation of images, 0 to 1.
        std: channel standard deviations for the normalisation of images, 0 to 1.
        model: the settings of ``ModelConfig``, from its ``to_dict``.
        title: name for display; may be empty.
        budget: trained budget in percent of cp; None if there is none.
        budget_range: (lowest, highest) budget of a checkpoint that serves every budget; else None.
        alpha: |alpha| in the paper's unit (method section 5); None if the objective has none.
        training: the training configuration, from its ``to_dict``.
        split: the split of the data: ``train``, ``validation`` and ``test`` (numbers of images), ``asked`` (requested
            number of validation images) and ``seed``.
        seed: seed of the training.
        commit: revision of the code, with ``-dirty`` if tracked files were changed.
        versions: package -> version.
        machine: ``cpu``, ``threads``, ``memory_gb`` and ``accelerator``.
        wall_time_s: training time in seconds.
        created: end of the training, ISO 8601.
        metrics: ``validation`` and ``test``, each from the ``to_dict`` of an ``Evaluation``.
        engine: what it does on the inference engine; None if it was not measured.
        weights_sha256: hash of the weights file, set when the checkpoint is saved.
        parents: names of the checkpoints that it started from or distilled from, nearest first, each followed by its
            own parents.
        notes: anything else that a reader should know.
        format: version of this format.

    Raises:
        CheckpointError: fields contradict each other.
    """

    name: Word
    method: Word
    dataset: Name
    classes: tuple[Word, ...]
    mean: tuple[Mean, Mean, Mean]
    std: tuple[Std, Std, Std]
    model: dict[str, Any]
    title: Line = ""
    budget: Budget | None = None
    budget_range: tuple[Budget, Budget] | None = None
    alpha: Alpha | None = None
    training: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    seed: Seed = 0
    commit: Line = "unknown"
    versions: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    wall_time_s: Seconds = 0.0
    created: Line = ""
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    engine: OnEngine | None = None
    weights_sha256: Digest = ""
    parents: tuple[Word, ...] = ()
    notes: Text = ""
    format: int = FORMAT

    def __post_init__(self) -> None:
        if len(set(self.classes)) != len(self.classes):
            raise CheckpointError("classes must be a list of different class names")
        if unknown := set(self.metrics) - set(SPLITS):
            raise CheckpointError(f"metrics must be of {' and '.join(SPLITS)}, not of {quote(min(unknown))}")
        config = self.config
        if len(self.classes) != config.classes:
            raise CheckpointError(f"{len(self.classes)} class names for a model of {config.classes} classes")
        if self.budget != config.budget:
            raise CheckpointError(f"the budget is {self.budget}, but the model's settings say {config.budget}")
        if self.budget_range != config.budget_range:
            raise CheckpointError(
                f"budget_range is {self.budget_range}, but the model's prices say {config.budget_range}"
            )
        for split in self.metrics:
            self._check_metrics(split, config)
        for name in _COUNTED & self.split.keys():
            if type(self.split[name]) is not int or not 0 <= self.split[name] < 2**32:
                raise CheckpointError(f"split.{name} must be a whole number, 0 or more")

    def _check_metrics(self, split: str, config: ModelConfig) -> None:
        try:
            shares = Evaluation.from_dict(self.metrics[split], f"metrics.{split}").shares
        except UserError as error:
            raise CheckpointError(str(error)) from None
        names = set(config.option_set.names)
        if len(shares) != config.gated_blocks or any(set(row) != names for row in shares):
            raise CheckpointError(f"metrics.{split}.shares do not fit the model's blocks and options")

    @cached_property
    def config(self) -> ModelConfig:
        """The model's settings.

        Raises:
            CheckpointError: they cannot be read.
        """
        try:
            return ModelConfig.from_dict(self.model, "model")
        except UserError as error:
            raise CheckpointError(str(error)) from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that it says, the hash of the weights among it; for cache keys."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def for_time(self) -> bool:
        """Whether its budget is a share of the time of all gated blocks in full, and no cp."""
        return self.training.get("cost") == "time"

    def evaluation(self, split: str = "test") -> Evaluation | None:
        """The evaluation on ``validation`` or ``test``; None if it was not measured."""
        return Evaluation.from_dict(self.metrics[split]) if split in self.metrics else None

    def backbone(self, among: Iterable[Card]) -> Card | None:
        """The plain network it was made from: itself if it is one, else its nearest plain parent; None if unknown.

        A network of another depth or data set, from which that parent started, is no backbone of this one.

        Args:
            among: the cards to search.
        """
        if self.method == "backbone":
            return self
        kind = self.dataset, self.config.layout
        plain = {card.name: card for card in among if card.method == "backbone"}
        found = (plain[name] for name in self.parents if name in plain)
        return next((card for card in found if (card.dataset, card.config.layout) == kind), None)

    def summary(self) -> dict[str, Any]:
        """The row of this checkpoint in a list. accuracy, cp and all_in are on test images, None if not measured."""
        config, test = self.config, self.metrics.get("test", {})
        return {
            "name": self.name,
            "dataset": self.dataset,
            "network": config.layout.title,
            "depth": config.depth,
            "options": config.options,
            "budget": self.budget,
            "budget_range": None if self.budget_range is None else list(self.budget_range),
            "alpha": self.alpha,
            "accuracy": test.get("accuracy"),
            "cp": test.get("cp"),
            "all_in": test.get("all_in"),
        }

    def to_json(self) -> str:
        """The card as readable JSON for ``from_json``."""
        return json_text(asdict(self))

    @classmethod
    def from_json(cls, text: str, name: str | None = None) -> Self:
        """Read a card.

        Args:
            text: the result of ``to_json``.
            name: replaces the name in the text.

        Raises:
            CheckpointError: the text is not JSON or has another format, a key is missing or unknown, or a value is
                wrong.
        """
        try:
            data = parse_json(text)
            if isinstance(data, dict):
                if data.get("format") != FORMAT:
                    found = quote(data.get("format"))
                    raise UserError(f"card format {found} is not the {FORMAT} that this version reads")
                data |= {} if name is None else {"name": name}
            return build(cls, data, "")
        except UserError as error:
            raise CheckpointError(str(error)) from None
