"""Operating points: a checkpoint and, for an every-budget checkpoint, the requested budget.

For an every-budget checkpoint, budget and price are one setting. The price is that of computation, here in the unit of
alpha: the policy runs a block only if it is worth it. The budget is the mean cp at that price. The checkpoint has a
table, measured on validation images, that converts one into the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import DIGITS, OperatingPoint, round_to
from dfs_core.model.prices import price_of, range_text

STEP, STEP_DIGITS = 1.02, 3  # ratio of neighbouring slider positions, and their significant digits


def nearest(budget: float, others: Sequence[float]) -> float:
    """The nearest of some budgets, by ratio; ``budget`` itself if there are none."""
    return min(others, key=lambda value: abs(math.log(value / budget)), default=budget)


def held_in_words(cards: Sequence[Card]) -> str:
    """How the gates of these checkpoints came to their budget after training; empty if nothing moved them."""
    if not any(card.training.get("hold_budget") for card in cards):
        return ""
    return "After training, one price on the gates' options moved cp to the budget (hold_budget)."


def usual_budget(card: Card) -> float | None:
    """The default budget in percent of an every-budget checkpoint; None for any other."""
    return _within(card, card.config.usual_budget or 0.0) if card.budget_range else None


def fit_budget(card: Card, budget: float | None) -> tuple[float | None, str]:
    """The budget in a checkpoint's range that is nearest to the requested one.

    Args:
        card: of the checkpoint.
        budget: in percent; None for the default.

    Returns:
        The budget in percent, or None if the checkpoint is not an every-budget one; and a note that says if it is not
        the requested budget, else empty.
    """
    if card.budget_range is None:
        return None, ""
    if budget is None:
        return usual_budget(card), ""
    found = _within(card, budget)
    if math.isclose(found, budget, rel_tol=10.0 ** (1 - DIGITS)):
        return found, ""
    low, high = card.budget_range
    served = range_text(low, high, " to ")
    return found, f"{card.name} serves budgets from {served}, not {budget:g} %; in use: {found:.3g} %."


def budget_for(card: Card, alpha: float) -> float:
    """The budget in percent that an every-budget checkpoint spends at ``alpha``."""
    return _within(card, card.config.budget_for(price_of(alpha)))


def budget_bounds(card: Card) -> tuple[float, float]:
    """Lowest and highest budget in percent of an every-budget checkpoint, rounded inwards to ``DIGITS`` digits."""
    assert card.budget_range is not None
    low, high = card.budget_range
    lowest, highest = round_to(low), round_to(high)
    unit = 10.0 ** (1 - DIGITS)
    return (
        lowest if lowest >= low else round_to(lowest * (1 + unit)),
        highest if highest <= high else round_to(highest * (1 - unit)),
    )


def alpha_bounds(card: Card) -> tuple[float, float]:
    """Lowest and highest useful alpha: those of the highest and of the lowest budget."""
    low, high = (OperatingPoint(card, budget).alpha for budget in budget_bounds(card))
    assert low is not None
    assert high is not None
    return high, low


def positions(low: float, high: float, *wanted: float) -> list[float]:
    """Positions of a logarithmic slider: steps of 2 %, both ends, and every value in ``wanted``."""
    count = max(2, math.ceil(math.log(high / low) / math.log(STEP)) + 1)
    ratio = (high / low) ** (1 / (count - 1))
    inner = (round_to(low * ratio**index, STEP_DIGITS) for index in range(1, count - 1))
    return sorted({low, high, *(value for value in inner if low < value < high), *wanted})


def told_apart(values: Iterable[float], here: float, write: Callable[[float], str]) -> list[float]:
    """The values that differ in what ``write`` makes of them, with ``here``: a slider reads a value from its text.

    >>> told_apart([9.07, 9.078, 9.08, 9.2], 9.078, "{:.3g}".format)
    [9.07, 9.078, 9.2]
    """
    return sorted({write(value): value for value in (*values, here)}.values())


def neighbours(point: OperatingPoint) -> list[OperatingPoint]:
    """The operating points one step up and one step down the budget slider; none if there is no such slider."""
    if point.budget is None:
        return []
    values = positions(*budget_bounds(point.card), point.budget)
    here = values.index(point.budget)
    steps = [*values[here + 1 : here + 2], *values[max(here - 1, 0) : here]]
    return [OperatingPoint(point.card, budget) for budget in steps]


def usual(card: Card) -> OperatingPoint:
    """The default operating point of a checkpoint."""
    return OperatingPoint(card, usual_budget(card))


def is_cards(point: OperatingPoint) -> bool:
    """Whether the card's figures are of this operating point: a card has the figures of one budget only."""
    return point.budget is None or point.budget == usual_budget(point.card)


def _within(card: Card, budget: float) -> float:
    low, high = budget_bounds(card)
    return min(max(round_to(budget), low), high)
