"""The model configuration: everything needed to build a network before its weights are loaded."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, get_args

from msgspec import Meta

from dfs_core.checked import Word, build
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE, Layout, build_layout
from dfs_core.model.options import FULL_BITS, Option, OptionSet
from dfs_core.model.prices import PriceList, affordable, budget_for, check_prices, price_for, spent

PolicyName = Literal["constant", "recurrent", "utility", "confidence", "one-shot", "table", "cascade"]
# Policies whose logits are utilities: the worth of each option, in nats of loss.
UTILITIES = ("utility", "confidence", "one-shot", "table")
PRICED = (*UTILITIES, "cascade")  # policies that follow a price, and serve every budget once their prices are measured
LOOKING = ("recurrent", "utility", "confidence", "one-shot")  # policies that see averages of blocks' inputs
QuantiserName = Literal["minmax", "lsq"]
BatchNormName = Literal["shared", "per-option"]
DIGITS = 6  # significant digits of a budget in names of files and on the command line
# Older checkpoints lack these settings. Cards omit them at their defaults, so that old and new cards are alike.
OMITTED_AT_DEFAULT = ("architecture", "width", "image_size", "ungated", "passes", "limits")

# Limits on what a file may ask for: building a larger network would exhaust memory before any other check ran.
Depth = Annotated[int, Meta(ge=-2000, le=2000, description="a whole number of at most 2000")]
Classes = Annotated[int, Meta(ge=-1, le=100_000, description="a whole number of at most 100,000")]
GateWidth = Annotated[int, Meta(ge=-1, le=1024, description="a whole number of at most 1024")]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A residual network whose blocks a policy decides over.

    Attributes:
        architecture: ``cifar-resnet``, ``imagenet-resnet``, or another one that is registered in ``layout``.
        depth: number of weighted layers: 6n+2 for a CIFAR ResNet; 18, 34 or 50 for an ImageNet ResNet.
        width: factor on every channel count.
        image_size: side of the images in pixels.
        classes: number of classes.
        options: option set of the gated blocks: a named set or a list such as ``skip,4,8,full``.
        policy: who decides (method section 10). ``recurrent`` is the paper's gate; ``constant`` gives every image the
            same decision vector. Four weigh utilities against a price: ``utility`` (a recurrent gate that sees mean and
            spread), ``confidence`` (a small classifier's doubt before each block), ``one-shot`` (all blocks at once,
            from the first block's output) and ``table`` (the same decision vector for every image). ``cascade`` decides
            by whole passes: it runs the network again at a costlier option where the answer is in doubt.
        constant: option names for the constant policy: one for each gated block, or one for all of them. Empty for
            other policies.
        quantiser: ``lsq`` (learned steps) or ``minmax`` (the reference's quantiser).
        batch_norm: ``per-option``, or ``shared`` by all options as in the reference.
        gate_width: width of the gate's embedding and of its LSTM.
        budget: the cp in percent that the model was trained for; None if it was trained for no budget.
        prices: pairs (price in nats, cp in percent) measured on validation images, by rising price; () if unmeasured.
        ungated: bits of what no policy decides over: stem, first block, classifier, shortcut of a skipped block, and
            what a gate averages.
        passes: the cascade's option for each pass, cheapest first; empty for other policies.
        limits: for each of ``prices``, the lead in nats that ends a cascade after each pass but the last.

    Raises:
        UserError: a setting has no valid value, or two settings contradict each other.
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
    ungated: int = FULL_BITS
    passes: tuple[str, ...] = ()
    limits: tuple[tuple[float, ...], ...] = ()

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
            raise UserError("the constant policy needs its options in 'constant'; other policies leave 'constant' out")
        if len(self.constant) not in (0, 1, blocks):
            raise UserError(f"'constant' needs one option or {blocks}, not {len(self.constant)}")
        for name in self.constant:
            options.index(name)
        object.__setattr__(self, "prices", tuple(tuple(pair) for pair in self.prices))
        check_prices(self.prices)
        self._check_cascade(options)
        if Option(self.ungated).is_skip or (self.ungated < FULL_BITS and self.quantiser != "lsq"):
            raise UserError(
                f"ungated is a number of bits, below {FULL_BITS} with quantiser 'lsq' only, not {self.ungated}"
            )
        if self.policy in LOOKING and self.ungated < FULL_BITS and Option(self.ungated) not in options:
            raise UserError(
                f"gates see what a block computes with at {self.ungated} bits: 'options' needs {self.ungated}"
            )
        if self.policy in PRICED and self.budget is not None:
            raise UserError(f"policy '{self.policy}' serves every budget within its prices: leave 'budget' out")

    def _check_cascade(self, options: OptionSet) -> None:
        for name in ("passes", "limits"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if (self.policy == "cascade") != bool(self.passes):
            raise UserError("'passes' lists the options of the cascade policy, and of no other")
        chosen = [options.index(name) for name in self.passes]
        if len(chosen) == 1 or any(first >= second for first, second in pairwise(chosen)):
            raise UserError(f"'passes' needs two options or more, cheapest first, not {','.join(self.passes)}")
        if any(options[index].is_skip for index in chosen):
            raise UserError("'passes' cannot have 'skip': a pass that costs nothing has no budget")
        if len(self.limits) != (len(self.prices) if self.passes else 0):
            raise UserError("'limits' has one row for each price of a cascade, and none for other policies")
        if any(
            len(row) != len(self.passes) - 1 or not all(0 <= limit < math.inf for limit in row) for row in self.limits
        ):
            raise UserError(f"each row of 'limits' has {len(self.passes) - 1} numbers, 0 or more")

    @property
    def option_set(self) -> OptionSet:
        """The parsed options."""
        return OptionSet.parse(self.options)

    @property
    def layout(self) -> Layout:
        """The shapes and MACs of the network's blocks."""
        return build_layout(self.architecture, self.depth, self.width, self.image_size)

    @property
    def gated_blocks(self) -> int:
        """Number of gated blocks: all but the first."""
        return len(self.layout.gated)

    @property
    def decides_alike(self) -> bool:
        """Whether the policy does not see the image, so that all images have the same decisions."""
        return self.policy in ("constant", "table")

    @property
    def has_gates(self) -> bool:
        """Whether blocks decide from what they see, before there is an answer."""
        return not (self.decides_alike or self.passes)

    @property
    def every_budget(self) -> bool:
        """Whether any budget within ``budget_range`` can be asked for."""
        return self.policy in PRICED and bool(self.prices)

    @property
    def budget_range(self) -> tuple[float, float] | None:
        """(lowest, highest) budget in percent that the model can serve; None unless it serves every budget.

        A budget is at most 100 %, even if all passes of a cascade together cost more.
        """
        return (self.prices[-1][1], min(self.prices[0][1], 100.0)) if self.every_budget else None

    @property
    def usual_budget(self) -> float | None:
        """The default budget in percent: the one trained for, or the geometric middle of ``budget_range``."""
        if self.budget_range is None:
            return self.budget
        low, high = self.budget_range
        middle = (low * high) ** 0.5
        short = float(f"{middle:.2g}")
        return short if low <= short <= high else float(f"{middle:.{DIGITS}g}")

    def price_for(self, budget: float) -> float:
        """The price in nats that leads to ``budget`` percent of cp.

        Raises:
            UserError: the budget is outside ``budget_range``.
        """
        for _, end in (self.prices[0], self.prices[-1]):  # a budget is told and stored with so many digits
            if f"{end:.{DIGITS}g}" == f"{budget:.{DIGITS}g}":
                budget = end
        return (affordable if self.policy == "table" else price_for)(self.prices, budget)

    def limits_for(self, price: float) -> tuple[float, ...]:
        """The cascade's limits in nats at a price: by straight lines in the logarithm of the price between its rows.

        Raises:
            UserError: they have not been measured.
        """
        if not self.limits:
            raise UserError("this cascade has no limits yet: they are measured on validation images when a run ends")
        levels = [math.log(price) for price, _ in self.prices]
        level = math.log(price) if price > 0 else -math.inf
        above = bisect_left(levels, level)
        if above == 0 or above == len(levels):
            return self.limits[min(above, len(levels) - 1)]
        share = (level - levels[above - 1]) / (levels[above] - levels[above - 1])
        rows = zip(self.limits[above - 1], self.limits[above], strict=True)
        return tuple(cheap + share * (dear - cheap) for cheap, dear in rows)

    def budget_for(self, price: float) -> float:
        """The cp in percent, measured on validation images, that a price in nats leads to."""
        return (spent if self.policy == "table" else budget_for)(self.prices, price)

    def operating_point(self, budget: float | None = None, price: float | None = None) -> tuple[float | None, float]:
        """Turn a requested budget or price into the pair (budget in percent or None, price in nats).

        A price on a model trained for one budget moves it away from that budget without training: above 0 to the
        cheaper side, below 0 to the dearer side. No budget was trained there, so it is then None.

        Raises:
            UserError: both are given, the model cannot serve this budget, or its policy ignores prices.
        """
        if budget is not None and price is not None:
            raise UserError("give a budget or a price, not both: each follows from the other")
        if price is not None:
            if self.policy == "constant":
                raise UserError("this checkpoint makes the same decisions at any price: leave the price out")
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
            if self.policy in PRICED:
                raise UserError("this checkpoint's prices were not measured, so it takes no budget: give a price")
            if self.budget is None:
                raise UserError("this checkpoint has one fixed cost and no budget: leave the budget out")
            raise UserError(
                f"this checkpoint was trained for a budget of {self.budget:g} %, not {budget:g} %: choose another"
            )
        return self.budget, 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data that ``from_dict`` reads back."""
        prices = [list(pair) for pair in self.prices]
        lists = {"constant": list(self.constant), "passes": list(self.passes), "limits": [*map(list, self.limits)]}
        data = asdict(self) | lists | {"prices": prices}
        usual = {field.name: field.default for field in fields(self) if field.name in OMITTED_AT_DEFAULT}
        usual |= {"passes": [], "limits": []}
        return {name: value for name, value in data.items() if name not in usual or value != usual[name]}

    @classmethod
    def from_dict(cls, data: Any, where: str = "") -> Self:
        """Build a configuration from plain data.

        Args:
            data: the settings by name.
            where: prefix for the keys that errors name, such as ``model``.

        Raises:
            UserError: a key is unknown, or a value has the wrong type or range.
        """
        return build(cls, data, where)


def backbone_config(depth: int = 38, classes: int = 10) -> ModelConfig:
    """The plain full-precision network: its only option is ``full``."""
    return ModelConfig(depth=depth, classes=classes, options="full", policy="constant", constant=("full",))
