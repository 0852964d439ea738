"""Model configuration: everything that is needed to build a network before its weights are loaded."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal, Self, get_args

from msgspec import Meta

from dfs_core.checked import Word, build
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE, Layout, build_layout
from dfs_core.model.options import OptionSet
from dfs_core.model.prices import PriceList, affordable, budget_for, check_prices, price_for

PolicyName = Literal["constant", "recurrent", "utility", "confidence", "one-shot", "table"]
# Policies whose logits are utilities: what an option is worth, in nats.
PRICED = ("utility", "confidence", "one-shot", "table")
QuantiserName = Literal["minmax", "lsq"]
BatchNormName = Literal["shared", "per-option"]
# Settings that older checkpoints do not have: left out of their cards as long as they stand at their defaults.
ADDED = ("architecture", "width", "image_size")

# What a file may ask for: more would take all memory before anything else could be said against it.
Depth = Annotated[int, Meta(ge=-2000, le=2000, description="a whole number of at most 2000")]
Classes = Annotated[int, Meta(ge=-1, le=100_000, description="a whole number of at most 100,000")]
GateWidth = Annotated[int, Meta(ge=-1, le=1024, description="a whole number of at most 1024")]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A residual network whose blocks a policy decides over.

    Attributes:
        architecture: ``cifar-resnet``, ``imagenet-resnet``, or another one that is registered in ``layout``.
        depth: number of weighted layers: 6n+2 for a CIFAR ResNet; 18, 34 or 50 for an ImageNet ResNet.
        width: factor on all numbers of channels.
        image_size: side of the images in pixels.
        classes: number of classes.
        options: option set of the gated blocks: a named set or a list such as ``skip,4,8,full``.
        policy: ``recurrent`` (the paper's gate, method section 3), ``constant`` (the same decisions for every image),
            or one that weighs utilities against a price: ``utility`` (a richer gate before each block), ``confidence``
            (the doubt of a small classifier before each block), ``one-shot`` (from the first block's output, for all
            blocks at once) or ``table`` (the same for every image).
        constant: for the constant policy, the option's name for every gated block, or one name for all of them;
            empty for other policies.
        quantiser: ``lsq`` (learned steps) or ``minmax`` (the reference's).
        batch_norm: ``per-option``, or ``shared`` by all options as in the reference.
        gate_width: width of the gate's embedding and of its LSTM.
        budget: the budget in percent of cp that a gated model was trained for; None if it was not trained for any.
        prices: (price, cp in percent) as measured on validation images, by rising price; empty if nobody measured it.
    """

    architecture: Word = "cifar-resnet"
    depth: Depth = 38
    width: float = 1.0
    image_size: int = CIFAR_SIZE
    classes: Classes = 10
    options: Word = "paper-small"
    policy: PolicyName = "recurrent"
    constant: tuple[str, ...] = ()
    quantiser: QuantiserName = "lsq"
    batch_norm: BatchNormName = "per-option"
    gate_width: GateWidth = 10
    budget: float | None = None
    prices: PriceList = ()

    def __post_init__(self) -> None:
        blocks = len(self.layout.gated)  # raises if there is no such network
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
        if len(self.constant) not in (0, 1, blocks):
            raise UserError(f"'constant' needs one option or {blocks}, not {len(self.constant)}")
        for name in self.constant:
            options.index(name)
        object.__setattr__(self, "prices", tuple(tuple(pair) for pair in self.prices))
        check_prices(self.prices)
        if self.policy in PRICED and self.budget is not None:
            raise UserError(f"policy '{self.policy}' serves every budget that its prices reach: leave 'budget' out")

    @property
    def option_set(self) -> OptionSet:
        """The parsed options."""
        return OptionSet.parse(self.options)

    @property
    def layout(self) -> Layout:
        """The network's blocks, with their shapes and MACs."""
        return build_layout(self.architecture, self.depth, self.width, self.image_size)

    @property
    def gated_blocks(self) -> int:
        """Number of blocks that a policy decides over: all but the first."""
        return len(self.layout.gated)

    @property
    def every_budget(self) -> bool:
        """Whether any budget within ``budget_range`` can be asked for."""
        return self.policy in PRICED and bool(self.prices)

    @property
    def budget_range(self) -> tuple[float, float] | None:
        """(lowest, highest) budget in percent of a model that serves every budget; else None."""
        return (self.prices[-1][1], self.prices[0][1]) if self.every_budget else None

    @property
    def usual_budget(self) -> float | None:
        """The budget in percent that is in force when none is asked for: the trained one, or the range's middle."""
        if self.budget_range is None:
            return self.budget
        low, high = self.budget_range
        middle = (low * high) ** 0.5
        short = float(f"{middle:.2g}")
        return short if low <= short <= high else float(f"{middle:.6g}")

    def price_for(self, budget: float) -> float:
        """The price in nats that leads to ``budget`` percent of cp; errors as for ``prices.price_for``."""
        return (affordable if self.policy == "table" else price_for)(self.prices, budget)

    def budget_for(self, price: float) -> float:
        """The cp in percent that a price in nats leads to, as measured on validation images."""
        return budget_for(self.prices, price)

    def operating_point(self, budget: float | None = None, price: float | None = None) -> tuple[float | None, float]:
        """What a wish for a budget or a price comes to: the budget in percent, None where there is none, and the price.

        A price on a network that was trained for one budget moves it away from there without training, to the cheaper
        side, or below 0 to the dearer one: the budget is then None, as nobody trained it.

        Raises:
            UserError: both are given, the model has no such budget, or it does not listen to a price.
        """
        if budget is not None and price is not None:
            raise UserError("give a budget or a price, not both: each follows from the other")
        if price is not None:
            if self.policy == "constant":
                raise UserError("this checkpoint decides the same at any price; leave the price out")
            if self.policy in PRICED and price < 0:
                raise UserError(f"a price is 0 or more, not {price}")
            if not math.isfinite(price):
                raise UserError(f"a price is a number, not {price}")
            trained = self.budget if price == 0 else None
            return (self.budget_for(price) if self.every_budget and price > 0 else trained), float(price)
        if self.every_budget:
            budget = self.usual_budget if budget is None else budget
            assert budget is not None
            return budget, self.price_for(budget)
        if budget is not None and budget != self.budget:
            if self.budget is None:
                raise UserError("this checkpoint has no budget: its cost is what it is; leave the budget out")
            raise UserError(
                f"this checkpoint was trained for a budget of {self.budget:g} %, not {budget:g} %: choose another"
            )
        return self.budget, 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data that ``from_dict`` reads back."""
        prices = [list(pair) for pair in self.prices]
        data = asdict(self) | {"constant": list(self.constant), "prices": prices}
        usual = {field.name: field.default for field in fields(self) if field.name in ADDED}
        return {name: value for name, value in data.items() if name not in usual or value != usual[name]}

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> Self:
        """Build a configuration from plain data.

        Args:
            data: the settings by name.
            where: what they are part of, before the keys of errors.

        Raises:
            UserError: a key that no field has, or a value of a wrong type or range.
        """
        return build(cls, data, where)


def backbone_config(depth: int = 38, classes: int = 10) -> ModelConfig:
    """The plain full-precision network: one option, always chosen."""
    return ModelConfig(depth=depth, classes=classes, options="full", policy="constant", constant=("full",))
