"""The filter of the test images, and its form in a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from dashboard.answers import looks
from dashboard.answers.costs import Cost
from dashboard.answers.looks import Change
from dashboard.answers.parameters import finite_number, whole_number
from dashboard.answers.verdicts import Verdict
from dfs_core.checkpoints.traces import Traces
from dfs_core.model.layout import FIRST_GATED

USUAL: Cost = "cp"  # measure of the bounds in a link that names none
DIGITS = "0123456789abcdefg"  # one for each option that a network may have
SLACK = 6e-6  # share of a bound: its rounding error in a link that was written with six digits, as older ones are


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that an image must all meet; empty ones are always met.

    Attributes:
        classes: the true class is one of these.
        answers: the predicted class is one of these.
        verdict: the prediction is ``right`` or ``wrong``.
        taken: (block number, option) pairs: the image takes that option in that block.
        vector: the decision vector, from ``vector_code``.
        low: least cost, in percent.
        high: highest cost, in percent.
        passes: a cascade made one of these numbers of passes.
        change: looking again put the answer right (``righted``) or wrong (``spoiled``).
    """

    classes: tuple[str, ...] = ()
    verdict: Verdict = ""
    taken: tuple[tuple[int, str], ...] = ()
    vector: str = ""
    low: float | None = None
    high: float | None = None
    passes: tuple[int, ...] = ()
    change: Change = ""
    answers: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether every image passes."""
        return self == Filter()

    def toggled(self, block: int, option: str) -> Filter:
        """The filter with this decision added, replacing another at the same block; or removed if it was there."""
        rest = tuple(pair for pair in self.taken if pair[0] != block)
        more = () if (block, option) in self.taken else ((block, option),)
        return replace(self, taken=tuple(sorted(rest + more)))


def passing(wanted: Filter, traces: Traces, cost: np.ndarray) -> np.ndarray:
    """Indices of the images that pass, in the test set's order.

    Args:
        wanted: the filter.
        traces: of the test set.
        cost: of each image in percent, by the measure of the bounds, (N,).
    """
    keep = np.ones(len(traces), bool)
    if wanted.classes:
        keep &= np.isin(traces.labels, [traces.classes.index(name) for name in wanted.classes])
    if wanted.answers:
        keep &= np.isin(traces.predictions, [traces.classes.index(name) for name in wanted.answers])
    if wanted.verdict:
        keep &= traces.correct == (wanted.verdict == "right")
    for block, option in wanted.taken:
        keep &= traces.decisions[:, block - FIRST_GATED] == traces.options.index(option)
    if wanted.vector:
        keep &= (traces.decisions == indices(wanted.vector)).all(axis=1)
    if wanted.low is not None:
        keep &= cost >= wanted.low * (1 - SLACK)
    if wanted.high is not None:
        keep &= cost <= wanted.high * (1 + SLACK)
    if wanted.passes and traces.looks is not None:
        keep &= np.isin(traces.looks.passes, wanted.passes)
    if wanted.change:
        keep &= looks.changed(traces, wanted.change)
    return np.flatnonzero(keep)


def vector_code(decisions: np.ndarray) -> str:
    """A decision vector in its form for links: the option's index in each block, as one of ``DIGITS``.

    >>> vector_code(np.array([0, 3, 10]))
    '03a'
    """
    return "".join(DIGITS[index] for index in decisions)


def indices(code: str) -> list[int]:
    """The decisions of a ``vector_code``, as indices of options.

    Raises:
        ValueError: a character is none of ``DIGITS``.
    """
    return [DIGITS.index(digit) for digit in code]


def to_page(wanted: Filter, options: Sequence[str], cost: Cost) -> dict[str, str]:
    """The page's own URL parameters for a filter; empty ones are removed by ``state.change``.

    ``policy`` is the decision vector; the name stays because links have it. ``of`` is its option set, and ``by`` is the
    measure of the bounds.
    """
    bounded = wanted.low is not None or wanted.high is not None
    return {
        "class": _names(wanted.classes),
        "verdict": wanted.verdict,
        "taken": ".".join(f"{block}-{option}" for block, option in wanted.taken),
        "policy": wanted.vector,
        "of": ".".join(options) if wanted.vector else "",
        "by": cost if bounded and cost != USUAL else "",
        "low": "" if wanted.low is None else f"{wanted.low:.9g}",
        "high": "" if wanted.high is None else f"{wanted.high:.9g}",
        "passes": ".".join(map(str, wanted.passes)),
        "change": wanted.change,
        "answer": _names(wanted.answers),
    }


def _names(classes: Sequence[str]) -> str:
    """Names of classes with full stops between them. Within a name, a full stop is written ~1, and ~ is ~0.

    >>> _names(["cat", "st. bernard"])
    'cat.st~1 bernard'
    """
    return ".".join(name.replace("~", "~0").replace(".", "~1") for name in classes)


def unknown_classes(page: Mapping[str, str], traces: Traces) -> list[str]:
    """The classes that a link names and these traces do not have."""
    known = {_names([name]) for name in traces.classes}
    words = [word for parameter in ("class", "answer") for word in page.get(parameter, "").split(".")]
    return [word.replace("~1", ".").replace("~0", "~") for word in dict.fromkeys(words) if word and word not in known]


def from_page(page: Mapping[str, str], traces: Traces, cost: Cost) -> Filter:
    """Read a filter from the page's URL parameters; values that do not fit these traces are left out.

    Args:
        page: the parameters.
        traces: of the test set.
        cost: the measure in use; bounds by another measure are left out.
    """

    def named(parameter: str) -> tuple[str, ...]:
        words = page.get(parameter, "").split(".")
        return tuple(name for name in traces.classes if _names([name]) in words)

    blocks = traces.decisions.shape[1]
    code = page.get("policy", "")
    known = page.get("of", "") == ".".join(traces.options)
    fits = known and len(code) == blocks and all(digit in DIGITS[: len(traces.options)] for digit in code)
    taken = {}
    for word in page.get("taken", "").split("."):
        number, _, option = word.partition("-")
        block = whole_number(number, FIRST_GATED, FIRST_GATED + blocks - 1)
        if block is not None and option in traces.options:
            taken[block] = option
    most = 0 if traces.looks is None else traces.looks.answers.shape[1]
    passes = {whole_number(word, 1, most) for word in page.get("passes", "").split(".")} - {None} if most else set()
    change: Change = next((known for known in looks.CHANGES if known == page.get("change")), "")
    verdict, bounds = page.get("verdict", ""), page if page.get("by", USUAL) == cost else {}
    return Filter(
        classes=named("class"),
        answers=named("answer"),
        verdict=cast(Verdict, verdict if verdict in ("right", "wrong") else ""),
        taken=tuple(sorted(taken.items())),
        vector=code if fits else "",
        low=finite_number(bounds.get("low")),
        high=finite_number(bounds.get("high")),
        passes=tuple(sorted(number for number in passes if number)),
        change=change if most else "",
    )
