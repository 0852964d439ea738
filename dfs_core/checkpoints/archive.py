"""A checkpoint's folder as a zip file: unpacked and checked before it becomes a checkpoint here."""

from __future__ import annotations

import lzma
import re
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from dfs_core.checkpoints.card import CheckpointError
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.locate import CARD_FILE
from dfs_core.errors import UserError

WANTED = (
    r"card\.json|weights\.safetensors|config\.toml|log\.jsonl|(dial|shuffled)\.csv|[\w.-]+\.json|traces[\w.-]*\.parquet"
)
LARGEST = 2**30  # bytes of all files together, unpacked
NAME = r"[\w.+@-]{1,100}"
# What reading a damaged zip, or one with a password, may raise.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, EOFError, OSError)


def has_card(path: Path) -> bool:
    """Whether a file is a zip with a card in it; files of ``torch.save`` are zips without one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(_cards(archive))
    except DAMAGED:
        return False


def unpack(path: Path, root: Path) -> Path:
    """Unpack a zip of a checkpoint's folder into ``root``, and return the new folder.

    Only files that a checkpoint has are unpacked. They are loaded once before the folder gets its name.

    Raises:
        UserError: the zip is damaged, too large, has several checkpoints or no usable one, or the name is taken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            cards = _cards(archive)
            if len(cards) != 1:
                raise UserError(f"{path.name} has {len(cards)} checkpoints: give a zip of one checkpoint's folder")
            inside = PurePosixPath(cards[0]).parent
            name = inside.name or path.name.split(".")[0]
            if not re.fullmatch(NAME, name) or name.startswith("."):
                raise UserError(f"'{name}' cannot name a checkpoint: use letters, digits, dots and dashes")
            if (root / name).exists():
                raise UserError(f"{root / name} exists already: rename the folder in the zip, or move the other away")
            files = [one for one in archive.infolist() if _is_wanted(one.filename, inside)]
            if sum(one.file_size for one in files) > LARGEST:
                raise UserError(f"{path.name} has more than {LARGEST >> 20} MB unpacked: copy the folder yourself")
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=root, prefix=".") as place:
                folder = Path(place) / name
                folder.mkdir()
                for one in files:
                    (folder / PurePosixPath(one.filename).name).write_bytes(archive.read(one))
                load_checkpoint(folder)
                folder.rename(root / name)
    except DAMAGED as error:
        raise UserError(f"{path.name} cannot be unpacked: {error}") from None
    except CheckpointError as error:
        raise UserError(f"{path.name} has no usable checkpoint: {error}") from None
    return root / name


def _cards(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if PurePosixPath(name).name == CARD_FILE and "__MACOSX" not in name]


def _is_wanted(name: str, inside: PurePosixPath) -> bool:
    path = PurePosixPath(name)
    return path.parent == inside and re.fullmatch(WANTED, path.name) is not None
