"""The points of the accuracy/cost curve: checkpoints as their cards say, measured points of results/, published ones.

Points of different standing are told apart: measured on the test set after training for that very point, reached from
there by a price alone (the dial), measured with decisions shuffled between images, and published by others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from dashboard.answers import costs
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import COLUMNS, Cost
from dashboard.answers.naming import DIAL_KEY, PUBLISHED_KEY, SHUFFLED_KEY, family_key
from dashboard.answers.tables import Rows, measured_on
from dfs_core.checked import Name, Percent, Text, Word, read_rows
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import METHODS, SESSION
from dfs_core.results.collect import against
from dfs_core.results.measurement import read_measurements

GROUPS = {DIAL_KEY: "dial, not trained", SHUFFLED_KEY: "decisions shuffled between images", PUBLISHED_KEY: "published"}
LIVE = "session, gates fine-tuned live, not a published result; "
_FIXED = ("backbone", SESSION)  # methods whose points are no curve
_BLANK = dict.fromkeys(
    (
        *("family", "group", "checkpoint", "label", "budget", "alpha", "seed", "accuracy", "low", "high"),
        *("backbone", "loss", *COLUMNS, "line"),
    )
)


class PointRow(TypedDict):
    """A point of the accuracy/cost curve; percentages in percent, None where nobody measured it.

    Attributes:
        family: as in links.
        group: the same for people.
        checkpoint: its name; empty for published points.
        label: for people.
        budget: that was asked for.
        alpha: the paper's.
        seed: of the training.
        accuracy: on the test set.
        low: lower end of its 95 % interval.
        high: upper end.
        backbone: the plain network that it was made of.
        loss: by how many points it is below that one.
        cp: by this measure of cost.
        all_in: likewise.
        macs: likewise.
        energy: likewise.
        line: points with the same one are joined.
        source: where it comes from.
    """

    family: str
    group: str
    checkpoint: str
    label: str
    budget: float | None
    alpha: float | None
    seed: int | None
    accuracy: float
    low: float | None
    high: float | None
    backbone: str | None
    loss: float | None
    cp: float | None
    all_in: float | None
    macs: float | None
    energy: float | None
    line: str | None
    source: str


def point_rows(
    catalogue: Catalogue,
    dataset: str,
    published: Rows,
    cost: Cost,
    measured: Rows | None = None,
) -> list[PointRow]:
    """One row a point of the accuracy/cost curve of a data set.

    Args:
        catalogue: the checkpoints on this machine.
        dataset: what was measured on.
        published: as ``read_published`` gives them.
        cost: the measure on the axis; a point without it is left out.
        measured: as ``read_measured`` gives them; of a checkpoint for one budget the card is preferred.
    """
    measured = measured or []
    rows = [
        *_of_cards(catalogue, dataset, {row["checkpoint"] for row in measured}),
        *_of_results(catalogue, dataset, measured),
        *(_published(row) for row in published if row["dataset"] == dataset),
    ]
    order = [*(family.key for family in catalogue.families), *GROUPS]
    rows.sort(key=lambda row: _place(row["family"], order))
    return [cast(PointRow, row) for row in rows if costs.known(row, cost)]


@dataclass(frozen=True, slots=True)
class Published:
    """A point that others published; accuracy and cp in percent."""

    method: Word
    network: Word
    dataset: Name
    accuracy: Percent
    cp: Percent
    source: Text


def read_published(path: Path) -> Rows:
    """Points that others published, a row each; errors as for ``read_rows``."""
    return [asdict(row) for row in read_rows(path, Published)]


def read_measured(path: Path) -> Rows:
    """Points that were measured on test sets, as ``python -m dfs_core results`` writes them; none if it did not yet.

    Errors are those of ``read_rows``.
    """
    return [asdict(row) for row in read_measurements(path) if row.split == "test"]


def _of_cards(catalogue: Catalogue, dataset: str, in_results: set[str]) -> Iterator[dict[str, Any]]:
    for family in catalogue.families:
        for card in family.cards:
            elsewhere = card.budget_range is not None and card.name in in_results
            split = measured_on(card)
            if card.dataset != dataset or split not in card.metrics or elsewhere:
                continue
            found = card.metrics[split]
            low, high = found["accuracy_ci95"]
            yield _BLANK | {
                "family": family.key,
                "group": family.title,
                "checkpoint": card.name,
                "label": OperatingPoint(card).in_words,
                "budget": card.budget,
                "alpha": card.alpha,
                "seed": card.seed,
                "accuracy": found["accuracy"],
                "low": low,
                "high": high,
                **against(card.backbone(catalogue.cards), card, found["accuracy"], split),
                **(costs.of_card(card, split) or {}),
                "line": _line(card),
                "source": f"{LIVE if card.method == SESSION else ''}measured here on {found['n']:,} {split} images",
            }


def _line(card: Card) -> str:
    if card.method in _FIXED:
        return card.name
    return card.name if card.budget_range is not None else f"{card.method} {card.alpha} {card.seed}"


def _of_results(catalogue: Catalogue, dataset: str, measured: Rows) -> Iterator[dict[str, Any]]:
    for row in measured:
        if row["dataset"] != dataset:
            continue
        card = catalogue.named(row["checkpoint"])
        if card is not None and not _serves(card, row["budget"]):
            continue
        by_dial = row["family"] == DIAL_KEY
        title = METHODS.get(row["family"], str(row["family"]))
        if card is not None and not by_dial:
            title = catalogue.family_of(card).title
        point = _BLANK | {key: value for key, value in row.items() if key in _BLANK}
        point |= {
            "family": DIAL_KEY if by_dial else family_key(title),
            "group": GROUPS[DIAL_KEY] if by_dial else title,
            "label": row["label"] if card is None else _at(card, row["budget"]).in_words,
            "line": f"{row['family']} {row['checkpoint'] if by_dial or row['budget'] else row['seed']}",
            "source": f"measured here on {int(row['n']):,} test images",
        }
        if card is None or by_dial or card.budget_range is not None:
            yield point
        if row.get("shuffled") is not None:
            own = {"family": SHUFFLED_KEY, "group": GROUPS[SHUFFLED_KEY], "accuracy": row["shuffled"], "loss": None}
            yield point | own | {"low": None, "high": None, "line": f"shuffled {point['line']}"}


def _at(card: Card, budget: float | None) -> OperatingPoint:
    return OperatingPoint(card, budget if card.budget_range else None)


def _serves(card: Card, budget: float | None) -> bool:
    """Whether a checkpoint can be at a measured point: results that are older than it may have others."""
    if card.budget_range is None or budget is None:
        return True
    low, high = card.budget_range
    return low <= budget <= high


def _published(row: dict[str, Any]) -> dict[str, Any]:
    return _BLANK | {
        "family": PUBLISHED_KEY,
        "group": GROUPS[PUBLISHED_KEY],
        "checkpoint": "",
        "label": f"{row['method']}, {row['network']}",
        "accuracy": row["accuracy"],
        "cp": row["cp"],
        "source": row["source"],
    }


def _place(family: str, order: list[str]) -> float:
    """Where a family stands among others: one that has no checkpoint here before the three of another standing."""
    return order.index(family) if family in order else len(order) - len(GROUPS) - 0.5
