"""Model configuration: everything that is needed to build a network before its weights are loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args

from dfs_core.errors import UserError
from dfs_core.options import OptionSet
from dfs_core.settings import check_settings

PolicyName = Literal["constant", "recurrent"]
QuantiserName = Literal["minmax", "lsq"]
BatchNormName = Literal["shared", "per-option"]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Architecture of a CIFAR ResNet of depth 6n+2 whose blocks a policy decides over.

    Attributes:
        depth: 6n+2; n blocks in each of the three stages.
        classes: number of classes.
        options: option set of the gated blocks: a named set or a list such as ``skip,4,8,full``.
        policy: ``recurrent`` (the paper's gate, method section 3) or ``constant`` (the same decisions for every image).
        constant: for the constant policy, the option's name for every gated block, or one name for all of them;
            empty for other policies.
        quantiser: ``lsq`` (learned steps) or ``minmax`` (the reference's).
        batch_norm: ``per-option``, or ``shared`` by all options as in the reference.
        gate_width: width of the gate's embedding and of its LSTM.
        budget: the budget in percent of cp that a gated model was trained for; None if it was not trained for any.
    """

    depth: int = 38
    classes: int = 10
    options: str = "paper-small"
    policy: PolicyName = "recurrent"
    constant: tuple[str, ...] = ()
    quantiser: QuantiserName = "lsq"
    batch_norm: BatchNormName = "per-option"
    gate_width: int = 10
    budget: float | None = None

    def __post_init__(self) -> None:
        if self.depth < 8 or (self.depth - 2) % 6:
            raise UserError(f"depth {self.depth} is not 6n+2: use 8, 14, 20, 26, 32, 38, ..., 74, 110")
        if self.classes < 2:
            raise UserError(f"a classifier needs at least two classes, not {self.classes}")
        if self.gate_width < 1:
            raise UserError(f"gate_width must be positive, not {self.gate_width}")
        for name, allowed in (("policy", PolicyName), ("quantiser", QuantiserName), ("batch_norm", BatchNormName)):
            if getattr(self, name) not in get_args(allowed):
                raise UserError(f"{name} '{getattr(self, name)}' is unknown: use {' or '.join(get_args(allowed))}")
        if self.budget is not None and not 0 < self.budget <= 100:
            raise UserError(f"a budget is a percentage above 0 and up to 100, not {self.budget}")
        object.__setattr__(self, "constant", tuple(self.constant))
        options = self.option_set  # raises if it cannot be read
        if (self.policy == "constant") != bool(self.constant):
            raise UserError("'constant' lists the decisions of the constant policy, and of no other")
        if len(self.constant) not in (0, 1, self.gated_blocks):
            raise UserError(f"'constant' needs one option or {self.gated_blocks}, not {len(self.constant)}")
        for name in self.constant:
            options.index(name)

    @property
    def option_set(self) -> OptionSet:
        """The parsed options."""
        return OptionSet.parse(self.options)

    @property
    def blocks_per_stage(self) -> int:
        """n of 6n+2."""
        return (self.depth - 2) // 6

    @property
    def gated_blocks(self) -> int:
        """Number of blocks that a policy decides over: all but the first, 3n-1."""
        return 3 * self.blocks_per_stage - 1

    def check_budget(self, budget: float | None) -> None:
        """Refuse a budget that this model was not trained for.

        Raises:
            UserError: ``budget`` is given and is not the trained one.
        """
        if budget is None or budget == self.budget:
            return
        if self.budget is None:
            raise UserError("this checkpoint has no budget: its cost is what it is; leave the budget out")
        raise UserError(
            f"this checkpoint was trained for a budget of {self.budget:g} %, not {budget:g} %; choose another for that"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data that ``from_dict`` reads back."""
        return asdict(self) | {"constant": list(self.constant)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build a configuration from plain data.

        Raises:
            UserError: a key that no field has, or a value of a wrong type or range.
        """
        check_settings(cls, data, "model setting")
        return cls(**data)


def backbone_config(depth: int = 38, classes: int = 10) -> ModelConfig:
    """The plain full-precision network: one option, always chosen."""
    return ModelConfig(depth=depth, classes=classes, options="full", policy="constant", constant=("full",))
