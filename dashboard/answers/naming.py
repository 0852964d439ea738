"""What things are called: methods, operating points, options, families in links, alphas as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from dashboard.answers import operating
from dfs_core.checkpoints.card import SESSION, Card

METHODS = {
    "every-budget": "DFS every budget",
    "dfs": "DFS",
    "skipnet": "SkipNet",
    "blockdrop": "BlockDrop",
    "mixed": "Static mixed",
    "static": "Static uniform",
    "backbone": "Backbone",
    SESSION: "Session, gates tuned live",
}
PREFIX = "session-"  # of the names of session checkpoints
# Points that are no checkpoints' own, among the keys of families: reached by a price alone, shuffled, published.
DIAL_KEY, SHUFFLED_KEY, PUBLISHED_KEY = "dial", "shuffled", "published"


def describe(card: Card, budget: float | None = None) -> str:
    """An operating point in words: method, network, and what it was trained for or is asked to spend.

    >>> describe(card)  # doctest: +SKIP
    'DFS ResNet-38, budget 20 %, alpha 5e-6'
    """
    parts = [f"{METHODS.get(card.method, card.method)} ResNet-{card.config.depth}"]
    if card.method == "static" and len(set(card.config.constant)) == 1:
        name = card.config.constant[0]
        parts.append(option_label(name))
    alpha = card.alpha
    if card.budget_range is not None:
        low, high = card.budget_range
        if budget is None:
            parts.append(f"budgets {low:.3g} to {high:.3g} %")
        else:
            alpha = operating.alpha_for(card, budget)
    budget = card.budget if budget is None else budget
    if budget is not None:
        parts.append(f"budget {budget:.3g} %" if card.budget_range else f"budget {budget:g} %")
    if alpha is not None:
        parts.append(f"alpha {format_alpha(alpha, 3)}")
    return ", ".join(parts)


def describe_both(*points: tuple[Card, float | None]) -> list[str]:
    """Operating points in words that tell them apart: with their checkpoints' names where the words alone do not."""
    words = [describe(*point) for point in points]
    names = [card.name for card, _ in points]
    if len(set(words)) == len(set(zip(words, names, strict=True))):
        return words
    return [f"{text} ({name})" for text, name in zip(words, names, strict=True)]


def option_label(name: str) -> str:
    """An option in a list: ``4 bits``, ``skip``, ``full``."""
    return f"{name} bits" if name.isdigit() else name


def option_in_words(name: str) -> str:
    """An option in a sentence: ``4 bits``, ``skip``, ``full precision``."""
    return "full precision" if name == "full" else option_label(name)


def with_article(noun: str) -> str:
    """``a cat``, ``an airplane``."""
    return f"an {noun}" if noun[:1] in "aeiou" else f"a {noun}"


def family_key(title: str) -> str:
    """A family's title as it stands in links: ``dfs``, ``static-resnet-38``."""
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))


@lru_cache(maxsize=4096)  # a slider asks for hundreds at every run
def format_alpha(alpha: float, digits: int = 7) -> str:
    """Alpha as people write it: ``5e-6``, not ``5e-06``."""
    mantissa, _, exponent = f"{alpha:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *head, last = list(words) or [""]
    return f"{', '.join(head)} and {last}" if head else last


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "gate"), counted(1200, "gate")
    ('1 gate', '1,200 gates')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
