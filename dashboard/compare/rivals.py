"""Side B of a comparison: its default, and its form in a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.parameters import finite_number
from dashboard.answers.tables import SAME_BUDGET
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import SESSION

RIGHT, BUDGET = "right", "rb"


def rival(
    own: Mapping[str, str],
    catalogue: Catalogue,
    point: OperatingPoint,
    traced: Callable[[Card], Sequence[float]],
    said: str = "",
) -> tuple[OperatingPoint, str]:
    """Side B, from the page's own URL parameters.

    Args:
        own: the parameters: ``right`` names a checkpoint, ``rb`` a budget for an every-budget checkpoint.
        catalogue: the checkpoints on this machine.
        point: side A.
        traced: gives the budgets at which an every-budget checkpoint has stored traces.
        said: the note of the last choice of side B.

    Returns:
        Side B, and a note that says if it is not what the link asks for.
    """
    card, budget = point.card, point.budget
    name, notes = own.get(RIGHT, ""), []
    found = catalogue.named(name)
    if found is None:
        if name:
            notes.append(f"There is no checkpoint '{name}' here.")
        found = default_rival(catalogue, card)
    wish = finite_number(own.get(BUDGET)) or None
    if wish is None and found is card and budget is not None:
        wish = 2 * budget if card.budget_range and 2 * budget <= card.budget_range[1] else budget / 2
        # A budget with stored traces, so that the test set can be compared at exactly this budget.
        others = [value for value in traced(card) if abs(value / budget - 1) > SAME_BUDGET]
        wish = operating.nearest(wish, others)
    right_budget, note = operating.fit_budget(found, wish)
    notes.append(said)
    return OperatingPoint(found, right_budget), " ".join(filter(None, [*notes, note if own.get(BUDGET) else ""]))


def default_rival(catalogue: Catalogue, card: Card) -> Card:
    """What to compare a checkpoint with: itself (every budget), its family's next budget, or any of its data set."""
    if card.budget_range is not None:
        return card
    family = [other for other in catalogue.family_of(card).cards if other is not card]
    kin = [other for other in catalogue.cards if other.dataset == card.dataset and other is not card]
    rest = [other for other in kin if other.method != SESSION]  # one tuned live is compared only if someone chooses it
    larger = [other for other in family if (other.budget or 0) > (card.budget or 0)]
    cheaper = [other for other in family if other.budget != card.budget]
    if larger:
        return min(larger, key=lambda other: (other.budget or 0, other.alpha != card.alpha))
    if cheaper:
        return max(cheaper, key=lambda other: (other.budget or 0, other.alpha == card.alpha))
    return next(iter([*family, *rest]), card)
