"""An operating point: a checkpoint, and how much it is to spend."""

from __future__ import annotations

from dataclasses import dataclass

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.words import METHODS, format_alpha, option_label
from dfs_core.errors import UserError
from dfs_core.model.prices import alpha_of

MANY_TRACES = "traces-b"  # how the names of files begin that hold one budget of many each
DIGITS = 4  # of an alpha that follows from a budget, and of a budget that follows from an alpha


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A checkpoint at one of the settings that it can be asked for.

    Attributes:
        card: of the checkpoint.
        budget: asked for, in percent of cp; None for the checkpoint's own or usual one.
        price: of a block in full, in nats; takes the place of a budget.
    """

    card: Card
    budget: float | None = None
    price: float | None = None

    @property
    def in_force(self) -> tuple[float | None, float]:
        """Budget in percent and price in nats that this comes to; errors as for ``ModelConfig.operating_point``."""
        return self.card.config.operating_point(self.budget, self.price)

    @property
    def target(self) -> float | None:
        """The budget in percent that is asked for or was trained for; None where there is neither."""
        return self.card.budget if self.budget is None else self.budget

    @property
    def alpha(self) -> float | None:
        """The paper's alpha: what the card says, or what makes a checkpoint for every budget spend this budget."""
        if self.card.budget_range is None or self.budget is None:
            return self.card.alpha
        return round_to(alpha_of(self.card.config.price_for(self.budget)))

    @property
    def in_words(self) -> str:
        """Method, network, and what it was trained for or is asked to spend.

        >>> OperatingPoint(card).in_words  # doctest: +SKIP
        'DFS ResNet-38, budget 20 %, alpha 5e-6'
        """
        card, target, alpha = self.card, self.target, self.alpha
        parts = [f"{METHODS.get(card.method, card.method)} {card.config.layout.title}"]
        if card.method == "static" and len(set(card.config.constant)) == 1:
            parts.append(option_label(card.config.constant[0]))
        if card.budget_range is not None and self.budget is None:
            parts.append("budgets {:.3g} to {:.3g} %".format(*card.budget_range))
        if target is not None:
            parts.append(f"budget {target:.3g} %" if card.budget_range else f"budget {target:g} %")
        if alpha is not None:
            parts.append(f"alpha {format_alpha(alpha, 3)}")
        return ", ".join(parts)

    @property
    def traces_file(self) -> str:
        """Name of the file with its traces: ``traces.parquet``, or ``traces-b0.4.parquet`` for one budget of many.

        Raises:
            UserError: the checkpoint has no such budget, or it has more digits than a file's name.
        """
        budget, _ = self.in_force
        if not self.card.config.every_budget or budget is None:
            return "traces.parquet"
        name = f"{budget:g}"
        if float(name) != budget:
            raise UserError(f"a budget of {budget} % has more digits than are kept: use {name}")
        return f"{MANY_TRACES}{name}.parquet"

    @property
    def command(self) -> str:
        """What to type for its traces; DIR stands for the folder of the data sets."""
        budget, _ = self.in_force
        asked = f" --budget {budget:g}" if self.card.config.every_budget else ""
        return f"python -m dfs_core traces --checkpoint {self.card.name}{asked} --data-dir DIR"


def round_to(value: float, digits: int = DIGITS) -> float:
    """``value`` with so many significant digits."""
    return float(f"{value:.{digits}g}")
