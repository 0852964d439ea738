"""The nearest operating point of another method or network: it keeps the cost, and a note says where it cannot."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from dashboard.answers import operating
from dashboard.answers.catalogue import Catalogue, Family
from dashboard.answers.networks import Network
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models

SAME = 0.01  # relative difference up to which two costs are the same: trained networks miss their budgets by about this
LEAST = 1e-6  # percent; so that a cost of 0 has a logarithm


def cp_of(point: OperatingPoint) -> float | None:
    """The cp that an operating point spends, in percent: its budget, or else what it costs; None if nobody knows.

    The budget of gates that were trained for time is a share of the time, and no cp.
    """
    card, config = point.card, point.card.config
    if point.target is not None and not card.for_time:
        return point.target
    if config.constant:
        return _constant_cp(config)
    measured = card.evaluation("test") or card.evaluation("validation")
    return None if measured is None else measured.cp


@lru_cache(maxsize=1024)  # asked again for every checkpoint in every run
def _constant_cp(config: ModelConfig) -> float:
    made = [config.option_set.index(name) for name in config.constant]
    row = np.broadcast_to(np.array(made), config.gated_blocks)
    return float(cost_models(config)["cp"].per_image(row[None])[0])


def at_cost(family: Family, cp: float | None, like: Card, spent: float | None = None) -> tuple[OperatingPoint, str]:
    """The operating point of a family that is nearest in cp to a wish.

    Args:
        family: of the method that was chosen.
        cp: the wish, in percent; None if nobody knows what was spent so far.
        like: of the checkpoint in use so far; its alpha is kept if nothing else decides.
        spent: the cp in use so far, in percent, if it is not the wish.

    Returns:
        The operating point, and a note that says if its cp is neither the wish nor what was spent; else empty.
    """
    if cp is None:
        card = family.usual
        return operating.usual(card), f"The cost of {like.name} is not on its card, so it cannot be kept."
    alpha = family.usual_alpha if like.alpha is None else like.alpha

    def distance(point: OperatingPoint) -> tuple[float, float, str]:
        own = point.card.alpha
        return _away(point, cp), abs(math.log(own / alpha)) if own and alpha else 0.0, point.card.name

    points = (OperatingPoint(card, operating.fit_budget(card, max(cp, LEAST))[0]) for card in family.cards)
    nearest = min(points, key=distance)
    return nearest, _note(family, nearest, cp, spent)


def _away(point: OperatingPoint, cp: float | None) -> float:
    """How far an operating point is from a cp in percent: the logarithm of their ratio."""
    found = cp_of(point)
    return math.inf if found is None or cp is None else abs(math.log(max(found, LEAST) / max(cp, LEAST)))


def on_network(
    catalogue: Catalogue, network: Network, like: Card, cp: float | None, spent: float | None = None
) -> tuple[OperatingPoint, str]:
    """The operating point of another network with the same method and cp, or the nearest.

    Where the method is missing, the one that is nearest in cp stands for it: among those that decide for each image if
    it did, or else among those that decide alike.

    Args:
        catalogue: the checkpoints on this machine.
        network: the one that was chosen.
        like: of the checkpoint whose method is wished.
        cp: the wish, in percent; None if nobody knows.
        spent: the cp in use so far, in percent, if it is not the wish.

    Returns:
        The operating point, and a note that says what of method and cp could not be kept; else empty.
    """
    before, families = catalogue.family_of(like), catalogue.on(network).families

    def unlike(family: Family) -> tuple[bool, float]:
        point = at_cost(family, cp, like)[0]
        return point.card.config.decides_alike != like.config.decides_alike, _away(point, cp)

    same = [family for family in families if family.cards[0].method == before.cards[0].method]
    family = next((one for one in same if one.options == before.options), (same or [min(families, key=unlike)])[0])
    note = "" if same else f"There is no {before.title} of {network.in_words} here. In use instead: {family.title}."
    found, unkept = at_cost(family, cp, like, spent)
    return found, " ".join(filter(None, (note, unkept)))


def _note(family: Family, point: OperatingPoint, cp: float, spent: float | None) -> str:
    found = cp_of(point)
    if found is None:
        return (
            f"The cost of {point.card.name} is not on its card, so nobody can say how near it is to a cp of {cp:.3g} %."
        )
    if any(math.isclose(found, kept, rel_tol=SAME) for kept in (cp, spent) if kept is not None):
        return ""
    return f"{family.title} has nothing here with a cp of {cp:.3g} %. The nearest is {found:.3g} %."
