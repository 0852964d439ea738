"""The configuration of a run: read from a TOML file, or composed by name from a recipe and a network.

configs/<recipe>.toml            how a method is trained; its name contains {network}, maybe {bits}, {budget}, {alpha}
configs/networks/<network>.toml  data set and depth; [runs.NAME] holds the settings of one run of this network alone
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dfs_core.errors import UserError
from dfs_core.training.train_config import TrainConfig

CONFIG_FILE = "config.toml"
CONFIGS = Path("configs")
NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?"
PARTS = {"network": r".+?", "bits": r"\d+", "budget": NUMBER, "alpha": NUMBER}
EXAMPLES = {"bits": "4", "budget": "20", "alpha": "5e-6"}  # for each part but the network
PLACEHOLDER = r"\{(\w+)\}"
NUMBERS = ("budget", "alpha")  # a value that is one of these placeholders alone becomes a number
Table = dict[str, Any]


def load_config(run: str | Path, changes: Mapping[str, str | int] | None = None) -> TrainConfig:
    """The configuration of a run.

    Args:
        run: a TOML file, or the name of a run, such as ``static4-resnet74-cifar100``. A name is matched against the
            recipes and networks in ``configs/``. In a file, ``base = "other.toml"`` starts from that file's settings
            and merges the [model] tables.
        changes: settings that override those of the file.

    Raises:
        UserError: no file and no recipe has that name, the file is not TOML, or a setting is unknown or wrong.
    """
    path = Path(run)
    by_name = path.suffix != ".toml"
    try:
        table = _of_name(str(run)) if by_name else _read_merged(path)
        return TrainConfig.from_dict(table | dict(changes or {}))
    except UserError as error:
        raise UserError(f"{'run ' if by_name else ''}{run}: {error}") from None


def recipes() -> dict[str, str]:
    """The recipes in ``configs/`` that are for any network: name of the file without its end -> the names of its runs.

    The name of a run has placeholders, such as ``static{bits}-{network}``.
    """
    names = {path: str(_read_in(path).get("name")) for path in sorted(CONFIGS.glob("*.toml"))}
    for path, name in names.items():
        _check_name(path, name)
    return {path.stem: name for path, name in names.items() if "{network}" in name}


def is_run(name: str) -> bool:
    """Whether a recipe and a network together make a run of this name."""
    try:
        return bool(name) and load_config(name).name == name
    except UserError:
        return False


def of_seed(config: TrainConfig, seed: int) -> dict[str, Any]:
    """The changes that repeat a run with another seed, under its own name."""
    return {"name": f"{config.name}-seed{seed}", "seed": seed}


def config_text(config: TrainConfig) -> str:
    """A configuration as a self-contained TOML file."""
    settings = config.to_dict()
    model = settings.pop("model")
    lines = [f"# Everything that determines the run {config.name}.", *_lines(settings), "", "[model]", *_lines(model)]
    return "\n".join(lines) + "\n"


def _lines(table: Table) -> list[str]:
    # TOML reads numbers, strings, booleans and lists of these as JSON does. None is the default, so it is left out.
    # It has no form for half a character, as JSON writes those beyond the first 65,536, and none for DEL.
    values = ((key, json.dumps(value, ensure_ascii=False)) for key, value in table.items() if value is not None)
    return [f"{key} = {text}".replace("\x7f", "\\u007f") for key, text in values]


def _of_name(name: str) -> Table:
    networks = {path.stem: path for path in sorted((CONFIGS / "networks").glob("*.toml"))}
    known = recipes()
    for recipe, template in known.items():
        table = _read_merged(CONFIGS / f"{recipe}.toml")
        pattern = re.sub(r"\\\{(\w+)\\\}", lambda part: f"(?P<{part[1]}>{PARTS[part[1]]})", re.escape(template))
        found = re.fullmatch(pattern, name)
        if found and found["network"] in networks:
            path = networks[found["network"]]
            network = _read_in(path)
            runs = network.pop("runs", {})
            own = runs.get(name, {}) if isinstance(runs, dict) else None
            if not isinstance(own, dict):
                raise UserError(f"{path}: runs must be tables: [runs.{name}]")
            return _merged(_filled(table, found.groupdict()), _merged(network, own))
    if not known:
        raise UserError("this folder has no configs/ with recipes; the name of a file must end in .toml")
    runs = {template.replace("{network}", network) for template in known.values() for network in networks}
    examples = [re.sub(PLACEHOLDER, lambda part: EXAMPLES[part[1]], run) for run in sorted(runs)]
    if close := get_close_matches(name, examples, n=2, cutoff=0.8):
        raise UserError(f"no run has this name: did you mean {' or '.join(close)}?")
    where = f"no recipe and network match it (networks: {', '.join(networks)}; recipes: {', '.join(known.values())})"
    raise UserError(f"{where}; the name of a file must end in .toml")


def _filled(value: Any, parts: Mapping[str, str]) -> Any:
    """The same settings with ``{network}``, ``{bits}`` and so on replaced by the parts of the run's name."""
    if isinstance(value, dict):
        return {key: _filled(item, parts) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, parts) for item in value]
    if not isinstance(value, str):
        return value
    if value.strip("{}") in NUMBERS and value.startswith("{") and value.strip("{}") in parts:
        number = float(parts[value.strip("{}")])
        return int(number) if number.is_integer() else number
    if lost := [part for part in re.findall(PLACEHOLDER, value) if part not in parts]:
        raise UserError(f"{value!r} has {{{lost[0]}}}, which the run's name does not have")
    return re.sub(PLACEHOLDER, lambda part: parts[part[1]], value)


def _check_name(path: Path, name: str) -> None:
    """Raise an error if the pattern of a recipe's name cannot be matched."""
    found = re.findall(PLACEHOLDER, name)
    if odd := [part for part in found if part not in PARTS]:
        raise UserError(f"{path}: its name has {{{odd[0]}}}, which is unknown: use {', '.join(PARTS)}")
    if len(set(found)) < len(found):
        raise UserError(f"{path}: a placeholder stands twice in its name, '{name}'")


def _read_in(path: Path) -> Table:
    """As ``_read``, for a file that nobody named: errors name it."""
    try:
        return _read(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError("no such configuration; the published ones are in configs/") from None
    except (ValueError, RecursionError, OSError) as error:  # not TOML, a number of 5,000 digits, not text
        raise UserError(f"cannot be read as TOML: {error}") from None


def _read_merged(path: Path, derived: tuple[Path, ...] = ()) -> Table:
    if path.resolve() in derived:
        raise UserError("base refers back to the file itself")
    data = _read(path)
    if "base" not in data:
        return data
    name = data.pop("base")
    if not isinstance(name, str) or Path(name).name != name:
        raise UserError(f"base must be the name of a file in the same folder, not {name!r}")
    try:
        base = _read_merged(path.parent / name, (*derived, path.resolve()))
    except UserError as error:
        raise UserError(f"base {name}: {error}") from None
    return _merged(base, data)


def _merged(base: Table, data: Table) -> Table:
    """The base's settings, overridden by ``data``. [model] tables are merged setting by setting."""
    models = [part["model"] for part in (base, data) if isinstance(part.get("model"), dict)]
    return base | data | ({"model": models[0] | models[1]} if len(models) == 2 else {})
