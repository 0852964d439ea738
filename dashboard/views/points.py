"""The points of the accuracy/cost curve: from cards, from ``results/``, and from the literature.

There are five kinds: measured at a point that was trained for; reached from there by a price without training (dial);
measured with the decision vectors shuffled between images; tuned live, and so measured on a few validation images;
published by others. All but those tuned live are accuracies on the test set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from dashboard.answers import costs
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import COLUMNS, Cost
from dashboard.answers.naming import DIAL_KEY, LIVE_KEY, PUBLISHED_KEY, SHUFFLED_KEY, family_key
from dashboard.answers.networks import Network
from dashboard.answers.tables import Rows, measured_on
from dfs_core.checked import Name, Percent, Text, Word, read_rows
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.words import METHODS, SESSION
from dfs_core.data.known import title_of
from dfs_core.results.collect import against
from dfs_core.results.measurement import read_measurements

GROUPS = {
    DIAL_KEY: "dial, not trained",
    SHUFFLED_KEY: "decisions shuffled between images",
    LIVE_KEY: "tuned live, on validation images",
    PUBLISHED_KEY: "published",
}
LIVE = "session, gates fine-tuned live, not a published result; "
_BLANK = dict.fromkeys(
    (
        *("family", "group", "checkpoint", "network", "label", "budget", "alpha", "seed", "split"),
        *("accuracy", "low", "high", "backbone", "loss", *COLUMNS, "line"),
    )
)


class PointRow(TypedDict):
    """A point of the accuracy/cost curve; shares and costs in percent, None if not measured.

    Attributes:
        family: key of the family.
        group: its title.
        checkpoint: name of the checkpoint; empty for published points.
        network: the network in words.
        label: description of the point.
        budget: requested budget.
        alpha: of the training; of an every-budget checkpoint, the one at which it meets the budget.
        seed: of the training.
        split: the images that the accuracy is of: ``test``, or ``validation`` for points tuned live.
        accuracy: on that split, in percent.
        low: lower end of its 95 % interval.
        high: upper end.
        backbone: name of the plain network that training started from.
        loss: accuracy of the backbone minus that of the point, in points; None for a point tuned live, which is not
            compared with anything.
        cp: mean cost by this measure.
        all_in: likewise.
        macs: likewise.
        energy: likewise.
        line: points with the same value are joined.
        source: where the point comes from.
    """

    family: str
    group: str
    checkpoint: str
    network: str
    label: str
    budget: float | None
    alpha: float | None
    seed: int | None
    split: str
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
    network: Network,
    published: Rows,
    cost: Cost,
    measured: Rows | None = None,
) -> list[PointRow]:
    """The points of the accuracy/cost curve of a network, beside what was published for its data set.

    Args:
        catalogue: the checkpoints on this machine.
        network: the one in use.
        published: from ``read_published``.
        cost: the measure on the axis; points without it are left out.
        measured: from ``read_measured``; a single-budget checkpoint's card takes precedence over it.
    """
    found = list(_of_results(catalogue, network, measured or []))
    of_their_own = {row["checkpoint"] for row in found if row["family"] not in GROUPS}
    rows = [
        *_of_cards(catalogue, network, of_their_own),
        *found,
        *(_published(row) for row in published if row["dataset"] == network.dataset),
    ]
    order = [*(family.key for family in catalogue.on(network).families), *GROUPS]
    rows.sort(key=lambda row: _place(row["family"], order))
    return [cast(PointRow, row) for row in rows if costs.known(row, cost)]


@dataclass(frozen=True, slots=True)
class Published:
    """A published point; accuracy and cp in percent."""

    method: Word
    network: Word
    dataset: Name
    accuracy: Percent
    cp: Percent
    source: Text


def read_published(path: Path) -> Rows:
    """Published points; errors as for ``read_rows``."""
    return [asdict(row) for row in read_rows(path, Published)]


def read_measured(path: Path) -> Rows:
    """The test set's points in a file of ``python -m dfs_core results``; none if there is no file.

    Errors are those of ``read_rows``.
    """
    return [asdict(row) for row in read_measurements(path) if row.split == "test"]


def _of_cards(catalogue: Catalogue, network: Network, in_results: set[str]) -> Iterator[dict[str, Any]]:
    for family in catalogue.on(network).families:
        for card in family.cards:
            better_in_results = card.budget_range is not None and card.name in in_results
            split = measured_on(card)
            if split not in card.metrics or better_in_results:
                continue
            live = card.method == SESSION
            found = card.metrics[split]
            low, high = found["accuracy_ci95"]
            yield _BLANK | {
                "family": LIVE_KEY if live else family.key,
                "group": GROUPS[LIVE_KEY] if live else family.title,
                "checkpoint": card.name,
                "network": network.in_words,
                "label": OperatingPoint(card).in_words,
                "budget": card.budget,
                "alpha": card.alpha,
                "seed": card.seed,
                "split": split,
                "accuracy": found["accuracy"],
                "low": low,
                "high": high,
                **({} if live else against(card.backbone(catalogue.cards), card, found["accuracy"], split)),
                **(costs.of_card(card, split) or {}),
                "line": _line(card),
                "source": f"{LIVE if live else ''}measured here on {found['n']:,} {split} images"
                + _own(catalogue, card),
            }


def _own(catalogue: Catalogue, card: Card) -> str:
    place = catalogue.places.get(card.name)
    return f"; your own, from {place}" if place else ""


def _line(card: Card) -> str:
    if card.method == "backbone":  # its points are not joined to a curve
        return card.name
    return card.name if card.budget_range is not None else f"{card.method} {card.alpha} {card.seed}"


def _of_results(catalogue: Catalogue, network: Network, measured: Rows) -> Iterator[dict[str, Any]]:
    for row in measured:
        if (row["dataset"], row["network"]) != (network.dataset, network.title):
            continue
        card = catalogue.named(row["checkpoint"])
        if card is not None and Network.of(card) != network:  # another width or image size
            continue
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
            "network": network.in_words,
            "label": row["label"] if card is None else _point(card, row["budget"]).in_words,
            "alpha": None if card is None or by_dial else _point(card, row["budget"]).alpha,
            "line": f"{row['family']} {row['checkpoint'] if by_dial or row['budget'] else row['seed']}",
            "source": f"measured here on {int(row['n']):,} test images"
            + ("" if card is None else _own(catalogue, card)),
        }
        if card is None or by_dial or card.budget_range is not None:
            yield point
        if row.get("shuffled") is not None:
            own = {"family": SHUFFLED_KEY, "group": GROUPS[SHUFFLED_KEY], "accuracy": row["shuffled"], "loss": None}
            yield point | own | {"low": None, "high": None, "line": f"shuffled {point['line']}"}


def _point(card: Card, budget: float | None) -> OperatingPoint:
    return OperatingPoint(card, budget if card.budget_range else None)


def _serves(card: Card, budget: float | None) -> bool:
    """Whether a budget is in the checkpoint's range; results that are older than the checkpoint may be outside."""
    if card.budget_range is None or budget is None:
        return True
    low, high = card.budget_range
    return low <= budget <= high


def _published(row: dict[str, Any]) -> dict[str, Any]:
    return _BLANK | {
        "family": PUBLISHED_KEY,
        "group": GROUPS[PUBLISHED_KEY],
        "checkpoint": "",
        "network": f"{row['network']} on {title_of(row['dataset'])}",
        "label": f"{row['method']}, {row['network']}",
        "split": "test",
        "accuracy": row["accuracy"],
        "cp": row["cp"],
        "source": row["source"],
    }


def _place(family: str, order: list[str]) -> float:
    """Sort key: known families, then unknown ones, then those of ``GROUPS``."""
    return order.index(family) if family in order else len(order) - len(GROUPS) - 0.5
