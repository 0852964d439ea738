"""Families: checkpoints that differ in nothing but budget and alpha, and which of them a wish leads to.

A pair that was not trained is never passed off as one: the nearest trained pair is used instead, and a note says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from dashboard.answers.naming import describe, family_key, format_alpha, listed
from dfs_core.checkpoints.card import Card

Held = Literal["budget", "alpha"]


@dataclass(frozen=True)
class Family:
    """Checkpoints of one method, network, data set and option set."""

    title: str
    cards: tuple[Card, ...]

    @property
    def key(self) -> str:
        """The title as it stands in links."""
        return family_key(self.title)

    @cached_property
    def budgets(self) -> tuple[float, ...]:
        """Trained budgets in percent, lowest first; empty where there are none."""
        return tuple(sorted({card.budget for card in self.cards if card.budget is not None}))

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """Trained alphas, smallest first; empty where there are none."""
        return tuple(sorted({card.alpha for card in self.cards if card.alpha is not None}))

    def twins(self, card: Card) -> tuple[Card, ...]:
        """All checkpoints with the budget and the alpha of ``card``, itself among them."""
        return tuple(other for other in self.cards if (other.budget, other.alpha) == (card.budget, card.alpha))

    def with_alpha(self, alpha: float) -> tuple[float, ...]:
        """Budgets that were trained with ``alpha``."""
        return tuple(sorted({c.budget for c in self.cards if c.alpha == alpha and c.budget is not None}))

    def choose(
        self, budget: float | None, alpha: float | None, hold: Held = "budget", near: Card | None = None
    ) -> tuple[Card, str]:
        """The checkpoint that is nearest to a wish, and what to say where it is not the wish itself.

        Args:
            budget: wished budget in percent; None if any will do.
            alpha: wished alpha; None if any will do.
            hold: which of the two gives way last.
            near: of several that are equally near, prefer this one.

        Returns:
            A checkpoint, and a note in words; the note is empty if the wish is met.
        """

        def distance(card: Card) -> tuple[float, float, bool, str]:
            off = (_difference(card.budget, budget), _ratio(card.alpha, alpha))
            first, second = off if hold == "budget" else off[::-1]
            return first, second, card is not near, card.name

        card = min(self.cards, key=distance)
        return card, self._note(card, budget, alpha)

    def _note(self, card: Card, budget: float | None, alpha: float | None) -> str:
        notes = []
        if budget is not None and card.budget != budget:
            if alpha is not None and card.alpha == alpha and budget in self.budgets:
                trained = listed(f"{b:g} %" for b in self.with_alpha(alpha))
                notes.append(f"Alpha {format_alpha(alpha)} was not trained at {budget:g} %, only at {trained}.")
            else:
                known = listed(f"{b:g} %" for b in self.budgets) or "none"
                notes.append(f"No {self.title} checkpoint was trained for {budget:g} % (trained budgets: {known}).")
        if alpha is not None and card.alpha != alpha:
            if card.budget is not None and alpha in self.alphas:
                trained = listed(f"{b:g} %" for b in self.with_alpha(alpha))
                notes.append(f"Alpha {format_alpha(alpha)} was trained at {trained} only, not at {card.budget:g} %.")
            else:
                known = listed(format_alpha(a) for a in self.alphas) or "none"
                notes.append(
                    f"No {self.title} checkpoint was trained with alpha {format_alpha(alpha)} (trained: {known})."
                )
        return " ".join([*notes, f"In use instead: {describe(card)}."]) if notes else ""


def _difference(value: float | None, wished: float | None) -> float:
    if wished is None:
        return 0.0
    return math.inf if value is None else abs(value - wished)


def _ratio(value: float | None, wished: float | None) -> float:
    """Distance of two alphas by their ratio: 1e-6 is as far from 5e-6 as 2.5e-5 is."""
    if not wished:
        return 0.0
    return abs(math.log(value / wished)) if value else math.inf
