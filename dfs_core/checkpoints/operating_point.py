"""An operating point: a checkpoint at a budget or a price."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.checkpoints.words import METHODS, format_alpha, format_number, option_label
from dfs_core.data.known import title_of
from dfs_core.errors import UserError
from dfs_core.model.prices import alpha_of, price_of, range_text

MANY_TRACES = "traces-b"  # prefix of trace files of checkpoints that serve every budget
DIGITS = 4  # significant digits of an alpha computed from a budget, and of a budget computed from an alpha


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A checkpoint at one budget or price.

    Attributes:
        card: the card of the checkpoint.
        budget: the cp asked for, in percent; None for the checkpoint's usual budget.
        price: price of a block in full, in nats; instead of a budget.
    """

    card: Card
    budget: float | None = None
    price: float | None = None

    @property
    def in_force(self) -> tuple[float | None, float]:
        """The resulting budget in percent and price in nats; errors as for ``ModelConfig.operating_point``."""
        return self.card.config.operating_point(self.budget, self.price)

    @property
    def target(self) -> float | None:
        """The budget in percent that is asked for, or else was trained for; None if there is neither."""
        return self.card.budget if self.budget is None else self.budget

    @property
    def alpha(self) -> float | None:
        """The paper's alpha: the card's, or the one at which a checkpoint for every budget meets this budget."""
        if self.card.budget_range is None or self.budget is None:
            return self.card.alpha
        return round_to(alpha_of(self.card.config.price_for(self.budget)))

    @property
    def in_words(self) -> str:
        """Method, network, and the budget with the alpha that it was trained for or the price that meets it.

        Such as ``DFS ResNet-38, budget 20 %, alpha 5e-6``.
        """
        return self._in_words(self.card.config.layout.title)

    @property
    def with_data_set(self) -> str:
        """The same with the data set after the network, for where there are several."""
        return self._in_words(f"{self.card.config.layout.title} on {title_of(self.card.dataset)}")

    def _in_words(self, network: str) -> str:
        card, target, alpha = self.card, self.target, self.alpha
        parts = [f"{METHODS.get(card.method, card.method)} {network}"]
        if card.method == "static" and len(set(card.config.constant)) == 1:
            parts.append(option_label(card.config.constant[0]))
        if card.budget_range is not None and self.budget is None:
            parts.append(f"budgets {range_text(*card.budget_range, ' to ')}")
        if target is not None:
            of_time = " of the time" if card.for_time else ""
            parts.append(f"budget {target:.3g} %" if card.budget_range else f"budget {target:g} %{of_time}")
        if alpha is not None:  # the same in two units: a weight in training, a price at evaluation
            by_price = card.budget_range is not None
            parts.append(f"price {format_number(price_of(alpha))}" if by_price else f"alpha {format_alpha(alpha, 3)}")
        return ", ".join(parts)

    @property
    def traces_file(self) -> str:
        """Name of its trace file: ``traces.parquet``, or such as ``traces-b0.4.parquet`` for one budget of many.

        Raises:
            UserError: the checkpoint cannot serve the budget, or the budget has more than six digits.
        """
        budget, _ = self.in_force
        if not self.card.config.every_budget or budget is None:
            return "traces.parquet"
        name = f"{budget:g}"
        if float(name) != budget:
            raise UserError(f"a budget of {budget} % has more digits than are kept: use {name}")
        return f"{MANY_TRACES}{name}.parquet"

    def command(self, folder: Path) -> str:
        """The command that makes the traces of this checkpoint in ``folder``; DIR stands for the data folder."""
        budget, _ = self.in_force
        asked = f" --budget {budget:g}" if self.card.config.every_budget else ""
        name = folder.name if folder == pretrained_dir() / folder.name else str(folder)
        return f"python -m dfs_core traces --checkpoint {shlex.quote(name)}{asked} --data-dir DIR"


def usual_point(card: Card) -> OperatingPoint:
    """The operating point of a card's own figures."""
    return OperatingPoint(card, card.config.usual_budget if card.config.every_budget else None)


def round_to(value: float, digits: int = DIGITS) -> float:
    """``value`` rounded to ``digits`` significant digits."""
    return float(f"{value:.{digits}g}")
