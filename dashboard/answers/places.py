"""Where checkpoints come from: the published ones, and one's own in further folders."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dashboard.answers.catalogue import Catalogue
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import scan
from dfs_core.files import cache_folder, write_whole

# Stages after which the policy, or the weights under it, are still to be trained.
UNFINISHED = ("supernet", "utilities")
NAMED_FILE = "named-folder.txt"  # in the user's cache folder: the folder that was named in the app


def named_folder() -> Path | None:
    """The folder of checkpoints that was named in the app, also in an earlier run of it; None if there is none."""
    folder = cache_folder()
    try:
        text = "" if folder is None else (folder / NAMED_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text else None


def name_folder(named: Path | None) -> None:
    """Remember a folder of checkpoints for this user, or forget it. Does nothing where no file can be written."""
    folder = cache_folder()
    if folder is not None:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(folder / NAMED_FILE, f"{named or ''}\n".encode())


def read(root: Path, own: Mapping[str, Path]) -> Catalogue:
    """The checkpoints of several folders.

    Args:
        root: folder of the published checkpoints.
        own: place -> folder of one's own. Their runs in progress are left out, so are copies of what another folder
            has, and runs that others are to start from. If a name is taken, the place becomes a part of it, as in
            ``dfs-b20@runs``.
    """
    cards, problems = scan(root)
    found: dict[str, Card] = {card.name: card for card in cards}
    folders, places = {card.name: root / card.name for card in cards}, {}
    for place, folder in own.items():
        mine, troubles = scan(folder, all_of_it=False)
        problems += troubles
        for card in mine:
            if card.training.get("stage") in UNFINISHED:
                continue
            taken = found.get(card.name)
            if taken is not None and taken.weights_sha256 == card.weights_sha256:
                continue
            name = card.name if taken is None else f"{card.name}@{place}"
            found[name] = replace(card, name=name)
            folders[name], places[name] = folder / card.name, place
    return Catalogue(tuple(found.values()), tuple(problems), places, folders)
