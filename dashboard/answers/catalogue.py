"""Which checkpoints there are, by family, and where the app opens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from dashboard.answers.family import Family
from dashboard.answers.naming import DIAL_KEY, METHODS, PUBLISHED_KEY, SHUFFLED_KEY, family_key
from dfs_core.checkpoints.card import Card

USUAL_BUDGET = 20.0  # percent: where the paper's method meets its backbone, a good place to begin


@dataclass(frozen=True)
class Catalogue:
    """The checkpoints on this machine.

    Attributes:
        cards: those that can be used, in the order of their names.
        problems: what is wrong with the others, a line each.
    """

    cards: tuple[Card, ...]
    problems: tuple[str, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Tells catalogues with other weights apart."""
        return " ".join(f"{card.name} {card.weights_sha256}" for card in self.cards)

    def named(self, name: str) -> Card | None:
        """The card of that name, or None."""
        return next((card for card in self.cards if card.name == name), None)

    def family_of(self, card: Card) -> Family:
        """The family that a card of this catalogue belongs to."""
        return next(family for family in self.families if card in family.cards)

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """All families, those that decide per image first."""
        groups: dict[tuple[object, ...], list[Card]] = {}
        for card in self.cards:
            groups.setdefault(_kind(card), []).append(card)
        methods = Counter(kind[0] for kind in groups)
        families = [
            Family(_title(kind, groups, plain=methods[kind[0]] == 1), tuple(cards)) for kind, cards in groups.items()
        ]
        order = tuple(METHODS)

        def place(family: Family) -> tuple[int, str]:
            method = family.cards[0].method
            return order.index(method) if method in order else len(order), family.title

        return tuple(sorted(families, key=place))

    @cached_property
    def family_keys(self) -> tuple[str, ...]:
        """What can be switched off in charts: families, those without a checkpoint here, and other kinds of points."""
        known = [family.key for family in self.families] + [family_key(title) for title in METHODS.values()]
        return (*dict.fromkeys(known), DIAL_KEY, SHUFFLED_KEY, PUBLISHED_KEY)

    @cached_property
    def default(self) -> Card:
        """Where the page opens: the first family, at its most trained alpha, near the usual budget.

        Raises:
            IndexError: the catalogue is empty.
        """
        family = self.families[0]
        alphas = Counter(card.alpha for card in family.cards if card.alpha is not None)
        alpha = alphas.most_common(1)[0][0] if alphas else None
        return family.choose(USUAL_BUDGET, alpha, hold="alpha")[0]

    def serving(self, budget: float | None) -> Card:
        """The default, unless it serves a range of budgets without ``budget`` and another family has budgets."""
        served = self.default.budget_range
        if budget is None or served is None or served[0] <= budget <= served[1]:
            return self.default
        return next((family.choose(budget, None)[0] for family in self.families if family.budgets), self.default)


def _kind(card: Card) -> tuple[str, str, int, str]:
    config = card.config
    # Networks that always decide the same differ in their options as those with budgets differ in their budgets.
    options = "" if config.policy == "constant" else str(config.option_set)
    return card.method, card.dataset, config.depth, options


def _title(kind: tuple[object, ...], groups: dict[tuple[object, ...], list[Card]], plain: bool) -> str:
    """The method's name, and where one method has several families, whatever tells this one from the others."""
    name = METHODS.get(str(kind[0]), str(kind[0]))
    if plain:
        return name
    same = [other for other in groups if other[0] == kind[0]]
    shown = (str(kind[1]), f"ResNet-{kind[2]}", str(kind[3]))
    telling = [text for index, text in enumerate(shown, start=1) if len({other[index] for other in same}) > 1]
    return " · ".join([name, *telling])
