"""Names for display: methods, options and alphas."""

from __future__ import annotations

from functools import lru_cache

SESSION = "session"  # method of checkpoints fine-tuned live, which keeps them apart from published ones
METHODS = {
    "every-budget": "DFS every budget",
    "dfs": "DFS",
    "dfs-time": "DFS, trained for time",
    "cascade": "Cascade",
    "skipnet": "SkipNet",
    "blockdrop": "BlockDrop",
    "mixed": "Static mixed",
    "static": "Static uniform",
    "backbone": "Backbone",
    SESSION: "Session, gates tuned live",
}


def option_label(name: str) -> str:
    """An option in a list: ``4 bits``, ``skip``, ``full``."""
    return f"{name} bits" if name.isdigit() else name


def option_in_words(name: str) -> str:
    """An option in a sentence: ``4 bits``, ``skip``, ``full precision``."""
    return "full precision" if name == "full" else option_label(name)


def format_number(value: float, digits: int = 3) -> str:
    """A number of any size, its exponent without zeros in front.

    >>> format_number(0.05), format_number(1e-5), format_number(1234567.0, 2)
    ('0.05', '1e-5', '1.2e6')
    """
    mantissa, _, exponent = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


@lru_cache(maxsize=4096)  # the dashboard's slider formats hundreds at every run
def format_alpha(alpha: float, digits: int = 7) -> str:
    """Alpha as people write it: ``5e-6``, not ``5e-06``."""
    mantissa, _, exponent = f"{alpha:.{digits - 1}e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}"
