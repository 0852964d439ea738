"""One TOML file per published run: read with those it builds on, changed for another seed, kept with its weights."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfs_core.errors import UserError
from dfs_core.training.train_config import TrainConfig

CONFIG_FILE = "config.toml"
Changes = Mapping[str, str | int]  # settings that take the place of a file's


def load_config(path: Path, changes: Changes | None = None) -> TrainConfig:
    """Read a TOML file; ``base = "other.toml"`` starts from that file's settings, and its [model] table is merged.

    Args:
        path: the file.
        changes: settings that take the place of the file's.

    Raises:
        UserError: the file is missing, is not TOML, or sets something that does not exist.
    """
    try:
        return TrainConfig.from_dict(_read_merged(path) | dict(changes or {}))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def of_seed(path: Path, seed: int) -> dict[str, str | int]:
    """The changes that make a file's run one of another seed, with a name of its own."""
    return {"name": f"{load_config(path).name}-seed{seed}", "seed": seed}


def _read_merged(path: Path, derived: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path.resolve() in derived:
        raise UserError("it is its own base")
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise UserError("no such configuration; the published ones are in configs/") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"cannot be read as TOML: {error}") from None
    if "base" not in data:
        return data
    name = data.pop("base")
    # A checkpoint holds its own config.toml with the bases beside it, so that is where they have to be here too.
    if not isinstance(name, str) or Path(name).name != name or name == CONFIG_FILE:
        raise UserError(f"base must be the name of a file beside it, other than {CONFIG_FILE}, not {name!r}")
    try:
        base = _read_merged(path.parent / name, (*derived, path.resolve()))
    except UserError as error:
        raise UserError(f"base {name}: {error}") from None
    models = [part["model"] for part in (base, data) if isinstance(part.get("model"), dict)]
    return base | data | ({"model": models[0] | models[1]} if len(models) == 2 else {})


def config_texts(path: Path, changes: Changes | None = None) -> dict[str, str]:
    """A run's file as ``config.toml``, and every base that it needs, by file name: what travels with a checkpoint.

    With changes, ``config.toml`` holds these alone, and its base is the run's file under the name of its run.
    """
    texts, name = {CONFIG_FILE: path.read_text()}, path.name
    while base := tomllib.loads(texts[CONFIG_FILE if name == path.name else name]).get("base"):
        name = base
        texts[name] = (path.parent / name).read_text()
    if changes:
        own = f"{load_config(path).name}.toml"
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in {"base": own, **changes}.items()]
        texts = {**texts, CONFIG_FILE: "".join(lines), own: texts[CONFIG_FILE]}
    return texts
