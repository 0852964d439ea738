"""Where checkpoints come from: the published ones, and one's own in further folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dashboard.answers.catalogue import Catalogue
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan


def read(root: Path, own: Mapping[str, Path]) -> Catalogue:
    """The checkpoints of several folders.

    Args:
        root: folder of the published checkpoints.
        own: place -> folder of one's own. Their runs in progress are left out, and so are copies of what another folder
            has. If a name is taken, the place becomes a part of it: ``dfs-b20@runs``.
    """
    cards, problems = scan(root)
    found: dict[str, Card] = {card.name: card for card in cards}
    folders, places = {card.name: root / card.name for card in cards}, {}
    for place, folder in own.items():
        mine, troubles = scan(folder, all_of_it=False)
        problems += troubles
        for card in mine:
            taken = found.get(card.name)
            if taken is not None and taken.weights_sha256 == card.weights_sha256:
                continue
            name = card.name if taken is None else f"{card.name}@{place}"
            found[name] = replace(card, name=name)
            folders[name], places[name] = folder / card.name, place
    return Catalogue(tuple(found.values()), tuple(problems), places, folders)
