"""Read and write cards on disk, one or all in a folder, without loading weights or torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dfs_core.checkpoints.card import Card, CheckpointError
from dfs_core.checkpoints.locate import CARD_FILE, WEIGHTS_FILE, find, pretrained_dir, reason, require_card
from dfs_core.files import write_whole

Tell = Callable[[str], object] | None


def read_card(name_or_path: str | Path) -> Card:
    """Read a checkpoint's card without its weights; arguments and errors as for ``load_checkpoint``."""
    return read_card_of(find(name_or_path))


def read_all(folder: Path, tell: Tell = None) -> list[Card]:
    """The cards of all checkpoints in a folder, for callers that must not miss one without a word.

    Args:
        folder: that folder.
        tell: receives one line for each card that cannot be read; None to raise an error instead.

    Raises:
        CheckpointError: the folder does not exist or holds no readable card; or a card cannot be read and ``tell`` is
            None.
    """
    cards, problems = scan(folder)
    if problems and (tell is None or not cards):
        raise CheckpointError(problems[0])
    if not cards:
        raise CheckpointError(f"{folder} has no checkpoints: give a folder that has some, each in its own folder")
    for problem in problems:
        tell(problem)  # type: ignore[misc] # then there is somebody
    return cards


def scan(folder: Path | None = None, all_of_it: bool = True) -> tuple[list[Card], list[str]]:
    """Read the cards of all checkpoints in a folder, by default in ``pretrained_dir()``.

    Args:
        folder: that folder.
        all_of_it: whether a folder in it without a card is a problem. Among runs it is not: a run may be in progress.

    Returns:
        The cards that can be read, sorted by name, and one line about each problem with the others.
    """
    root = pretrained_dir() if folder is None else Path(folder)
    cards, problems = [], []
    try:
        if not root.is_dir():
            return [], [f"there is no folder {root} with checkpoints"]
        entries = sorted(root.iterdir())
    except OSError as error:
        return [], [f"{root} cannot be read: {reason(error)}"]
    for entry in entries:
        try:
            wanted = all_of_it or (entry / CARD_FILE).is_file()
            if wanted and entry.is_dir() and not entry.name.startswith("."):
                cards.append(read_card_of(require_card(entry)))
        except (CheckpointError, OSError) as error:  # OSError: a folder that may not be looked into
            problems.append(str(error).encode(errors="backslashreplace").decode())  # folder names may be invalid UTF-8
    return cards, problems


def save_card(folder: Path, card: Card) -> None:
    """Replace the card in a checkpoint's folder. The weights do not change."""
    write_whole(folder / CARD_FILE, card.to_json().encode())


def read_card_of(folder: Path) -> Card:
    """The card in a folder, renamed to the folder: a copied folder is a checkpoint under its own name."""
    path = folder / CARD_FILE
    try:
        # A link keeps its own name. Only paths without a name, such as '.' or '..', are resolved.
        name = folder.name if folder.name not in ("", "..") else folder.resolve().name
        card = Card.from_json(path.read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} cannot be read: {reason(error)}") from None
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if not (folder / WEIGHTS_FILE).is_file():
        raise CheckpointError(f"{folder} has a card but no {WEIGHTS_FILE}: copy the whole folder")
    return card
