"""The checkpoints on this machine, by family, and the default one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from dashboard.answers.naming import DIAL_KEY, LIVE_KEY, PUBLISHED_KEY, SHUFFLED_KEY, family_key, listed
from dashboard.answers.networks import Network
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import METHODS, format_alpha

Held = Literal["budget", "alpha"]
USUAL_BUDGET = 20.0  # percent: here the paper's method is as accurate as its backbone


@dataclass(frozen=True)
class Family:
    """Checkpoints of one method, network and option set."""

    title: str
    cards: tuple[Card, ...]

    @property
    def key(self) -> str:
        """The title's form in links."""
        return family_key(self.title)

    @cached_property
    def budgets(self) -> tuple[float, ...]:
        """Trained budgets in percent, lowest first; empty where there are none."""
        return tuple(sorted({card.budget for card in self.cards if card.budget is not None}))

    @cached_property
    def alphas(self) -> tuple[float, ...]:
        """Trained alphas, smallest first; empty where there are none."""
        return tuple(sorted({card.alpha for card in self.cards if card.alpha is not None}))

    @property
    def options(self) -> str:
        """The option set; empty for static networks, which each have their own."""
        return _kind(self.cards[0])[1]

    @cached_property
    def usual_alpha(self) -> float | None:
        """The most frequent alpha; None where there is none."""
        alphas = Counter(card.alpha for card in self.cards if card.alpha is not None)
        return alphas.most_common(1)[0][0] if alphas else None

    @cached_property
    def usual(self) -> Card:
        """The checkpoint with the most frequent alpha that is nearest to the usual budget."""
        return self.choose(USUAL_BUDGET, self.usual_alpha, hold="alpha")[0]

    def twins(self, card: Card) -> tuple[Card, ...]:
        """All checkpoints with the same budget and alpha as ``card``, including itself.

        Among checkpoints that were trained for a budget, one whose card names none is a twin of each: no budget leads
        to it.
        """

        def alike(other: Card) -> bool:
            nameless = bool(self.budgets) and (other.budget is None or card.budget is None)
            return nameless or (other.budget, other.alpha) == (card.budget, card.alpha)

        return tuple(filter(alike, self.cards))

    def with_alpha(self, alpha: float) -> tuple[float, ...]:
        """Budgets in percent that were trained with ``alpha``, lowest first."""
        return tuple(sorted({c.budget for c in self.cards if c.alpha == alpha and c.budget is not None}))

    def choose(
        self, budget: float | None, alpha: float | None, hold: Held = "budget", near: Card | None = None
    ) -> tuple[Card, str]:
        """The checkpoint nearest to a requested budget and alpha.

        Args:
            budget: in percent; None for any.
            alpha: None for any.
            hold: which of the two must be as near as possible; the other one only decides between equals.
            near: preferred if several are equally near.

        Returns:
            A checkpoint, and a note that says how it differs from the request; the note is empty if it does not.
        """

        places = {id(card): place for place, card in enumerate(self.cards)}  # one's own come last

        def distance(card: Card) -> tuple[float, float, bool, int]:
            distances = (_difference(card.budget, budget), _ratio(card.alpha, alpha))
            first, second = distances if hold == "budget" else distances[::-1]
            return first, second, card is not near, places[id(card)]

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
        return " ".join([*notes, f"In use instead: {OperatingPoint(card).in_words}."]) if notes else ""


def _difference(value: float | None, wished: float | None) -> float:
    if wished is None:
        return 0.0
    return math.inf if value is None else abs(value - wished)


def _ratio(value: float | None, wished: float | None) -> float:
    """Distance of two alphas on a logarithmic scale: 1e-6 is as far from 5e-6 as 2.5e-5 is."""
    if not wished:
        return 0.0
    return abs(math.log(value / wished)) if value else math.inf


@dataclass(frozen=True)
class Catalogue:
    """The checkpoints on this machine.

    Attributes:
        cards: of the usable checkpoints, by name.
        problems: one line for each checkpoint that cannot be used.
        places: of one's own checkpoints: name -> the place that it comes from, in words.
        folders: name -> folder, of the checkpoints on disk.
    """

    cards: tuple[Card, ...]
    problems: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """What all cards say; for cache keys."""
        return " ".join(card.digest for card in self.cards)

    def named(self, name: str) -> Card | None:
        """The card with that name, or None."""
        return next((card for card in self.cards if card.name == name), None)

    def family_of(self, card: Card) -> Family:
        """The family that a card of this catalogue belongs to."""
        return next(family for family in self.families if card in family.cards)

    def cascade_like(self, card: Card) -> Card | None:
        """The card itself if it is a cascade's, or else that of the first cascade of its network; None if none is."""
        same = (one for one in (card, *self.on(Network.of(card)).cards) if one.config.passes)
        return next(same, None)

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """The networks that there are checkpoints of."""
        return tuple(sorted(self._parts, key=lambda network: network.place))

    def network(self, key: str) -> Network | None:
        """The network with that key, or None."""
        return next((network for network in self.networks if network.key == key.lower()), None)

    def on(self, network: Network) -> Catalogue:
        """The checkpoints of one network."""
        return self._parts.get(network, Catalogue(()))

    @cached_property
    def _parts(self) -> dict[Network, Catalogue]:
        groups: dict[Network, list[Card]] = {}
        for card in self.cards:
            groups.setdefault(Network.of(card), []).append(card)
        return {network: Catalogue(tuple(cards), places=self.places) for network, cards in groups.items()}

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """All families, network by network, in the order of ``METHODS``."""
        if len(self.networks) > 1:
            return tuple(family for network in self.networks for family in self.on(network).families)
        groups: dict[tuple[str, str], list[Card]] = {}
        for card in self.cards:
            groups.setdefault(_kind(card), []).append(card)
        methods = Counter(method for method, _ in groups)
        families = [Family(_title(*kind, plain=methods[kind[0]] == 1), tuple(cards)) for kind, cards in groups.items()]
        return tuple(sorted(families, key=lambda family: (_rank(family), family.title)))

    @cached_property
    def family_keys(self) -> tuple[str, ...]:
        """Keys of everything that charts can hide: families, also those without a checkpoint here, and other points."""
        known = [family.key for family in self.families] + [family_key(title) for title in METHODS.values()]
        return (*dict.fromkeys(known), DIAL_KEY, SHUFFLED_KEY, LIVE_KEY, PUBLISHED_KEY)

    @cached_property
    def default(self) -> Card:
        """The checkpoint that the app opens with: first method, first network that has it, usual alpha and budget.

        It is one of one's own only if there is no other.

        Raises:
            IndexError: the catalogue is empty.
        """
        others = tuple(card for card in self.cards if card.name not in self.places)
        if 0 < len(others) < len(self.cards):
            return Catalogue(others).default
        return sorted(self.families, key=_rank)[0].usual

    def serving(self, budget: float | None) -> Card:
        """The checkpoint for a link with a budget and no checkpoint.

        This is the default, unless its budget range excludes ``budget`` and another family of its network has trained
        budgets.
        """
        served = self.default.budget_range
        if budget is None or served is None or served[0] <= budget <= served[1]:
            return self.default
        families = self.on(Network.of(self.default)).families
        return next((family.choose(budget, None)[0] for family in families if family.budgets), self.default)


def _rank(family: Family) -> int:
    """Place of a family's method in ``METHODS``; unknown methods are last."""
    order, method = tuple(METHODS), family.cards[0].method
    return order.index(method) if method in order else len(order)


def _kind(card: Card) -> tuple[str, str]:
    """What makes a family within a network: method and option set."""
    # Constant policies with different options form one family, just as checkpoints with different budgets do.
    return card.method, "" if card.config.policy == "constant" else str(card.config.option_set)


def _title(method: str, options: str, plain: bool) -> str:
    """The method's name; with the option set if the method has several families."""
    name = METHODS.get(method, method)
    return name if plain or not options else f"{name} · {options}"
