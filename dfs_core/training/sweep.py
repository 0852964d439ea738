"""A sweep: many runs from one short file, each after the runs that it starts from.

network = ["resnet38-cifar10"]   # names of files in configs/networks/
seed = [0, 1, 2]                 # may be left out

[[runs]]                         # every combination of a group's lists is a run
method = ["dfs", "static"]       # names of recipes in configs/
budget = [10, 20]                # fills {budget} in the names of the recipes' runs; bits and alpha work alike
bits = [4]
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import format_exception
from typing import Any, Literal

from dfs_core.checked import build
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.locate import CARD_FILE, find, runs_dir
from dfs_core.errors import UserError
from dfs_core.training.charges import with_charges
from dfs_core.training.config_files import load_config, of_seed, recipes
from dfs_core.training.train import carry_out, published
from dfs_core.training.train_config import TrainConfig

FILLED = ("bits", "budget", "alpha")  # placeholders that a group of runs fills from its lists
Number = int | str  # as it is written in the file: 1e-6 is part of a run's name


@dataclass(frozen=True, slots=True)
class Group:
    """One [[runs]] table: every combination of its lists is a run.

    Attributes:
        method: names of recipes.
        network: restricts the group to these networks of the sweep; empty for all of them.
        bits: values of ``{bits}``; likewise ``budget`` and ``alpha``.
    """

    method: tuple[str, ...]
    network: tuple[str, ...] = ()
    bits: tuple[Number, ...] = ()
    budget: tuple[Number, ...] = ()
    alpha: tuple[Number, ...] = ()


@dataclass(frozen=True, slots=True)
class SweepFile:
    """The contents of a sweep's file.

    Attributes:
        runs: its groups of runs.
        network: names of networks, for all groups.
        seed: seeds, for all groups; empty for the recipes' own.
    """

    runs: tuple[Group, ...]
    network: tuple[str, ...]
    seed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a sweep.

    Attributes:
        config: its configuration.
        needs: names of the sweep's runs that must be done before it.
    """

    config: TrainConfig
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        """The run's name, which is that of its folder."""
        return self.config.name


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a run.

    Attributes:
        state: ``trained``; ``published``, if its checkpoint was there before; ``failed``; or ``not begun``, because a
            run that it needs failed.
        why: the reason why it failed or was not begun; else empty.
        traceback: of a defect of this program, or of a GPU without memory; else empty.
    """

    state: Literal["trained", "published", "failed", "not begun"]
    why: str = ""
    traceback: str = ""

    @property
    def good(self) -> bool:
        """Whether the run's checkpoint is there."""
        return self.state in ("trained", "published")


def read_sweep(path: Path, network: str | None = None) -> list[Run]:
    """The runs of a sweep, each after those that it needs.

    A run needs the runs of its ``start_from`` and ``teacher``. With a seed, it needs those with the same seed if the
    sweep has them. A run that the sweep does not name is added, unless it is a published checkpoint.

    Args:
        path: the sweep's TOML file.
        network: this network takes the place of the file's ``network``.

    Raises:
        UserError: the file is wrong, a name is unknown, a list is missing, or a run starts from nothing.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=str)
        file = build(SweepFile, table)
        names = dict.fromkeys(_names(file, [network] if network else file.network))
    except (OSError, ValueError, RecursionError) as error:  # UserError is a ValueError
        reason = (error.strerror or error) if isinstance(error, OSError) else error
        raise UserError(f"sweep {path}: {reason}") from None
    if not names:
        raise UserError(f"sweep {path} has no run" + (f" of network {network}" if network else ""))
    return _in_order(_configs(names, file.seed or (None,)))


def _names(file: SweepFile, networks: Iterable[str]) -> Iterator[str]:
    """The names of all combinations, without their seeds."""
    known = recipes()
    for group in file.runs:
        lists = {key: getattr(group, key) for key in FILLED}
        if unknown := [method for method in group.method if method not in known]:
            raise UserError(f"method '{unknown[0]}' is no recipe in configs/: use {', '.join(known)}")
        patterns = [known[method] for method in group.method]
        for key, values in lists.items():
            if values and not any(f"{{{key}}}" in pattern for pattern in patterns):
                raise UserError(f"{key} is given, but no run of {', '.join(group.method)} has one in its name")
        for method, pattern in zip(group.method, patterns, strict=True):
            used = [key for key in FILLED if f"{{{key}}}" in pattern]
            if missing := [key for key in used if not lists[key]]:
                raise UserError(f"method '{method}' needs a list: {missing[0]} = [...]")
            for chosen in networks:
                if not group.network or chosen in group.network:
                    for values in itertools.product(*(lists[key] for key in used)):
                        yield pattern.format(network=chosen, **dict(zip(used, values, strict=True)))


def _configs(names: Collection[str], seeds: Iterable[int | None]) -> dict[str, TrainConfig]:
    """The configurations by name. With a seed, runs start from those of the same seed, where the sweep has them."""
    plain = {name: load_config(name) for name in names}
    found = {}
    for seed in seeds:
        made = {}
        for name, config in plain.items():  # the recipe's own seed leaves a run as it is
            made[name] = config if seed in (None, config.seed) else replace(config, **of_seed(config, seed))
        for config in made.values():
            parents = {key: getattr(config, key) for key in ("start_from", "teacher")}
            same: dict[str, Any] = {key: made[parent].name for key, parent in parents.items() if parent in made}
            found[config.name] = replace(config, **same)
    return found


def _in_order(configs: dict[str, TrainConfig]) -> list[Run]:
    """The runs, each after those that it needs; runs that others need are added."""
    ordered: dict[str, Run] = {}
    under_way: list[str] = []

    def add(name: str, config: TrainConfig) -> None:
        if name in ordered:
            return
        if name in under_way:
            raise UserError(f"these runs start from one another: {' <- '.join((*under_way, name))}")
        under_way.append(name)
        needs = []
        for parent in dict.fromkeys(filter(None, (config.start_from, config.teacher))):
            if needed := configs.get(parent) or _of_recipe(parent, name):
                add(parent, needed)
                needs.append(parent)
        under_way.pop()
        ordered[name] = Run(config, tuple(needs))

    for name, config in configs.items():
        add(name, config)
    return list(ordered.values())


def _of_recipe(name: str, child: str) -> TrainConfig | None:
    """The configuration of a run that another one needs; None if its checkpoint is there and no run makes it.

    Raises:
        UserError: it is neither a checkpoint nor a run of a recipe.
    """
    if _is_checkpoint(name):
        return None
    try:
        return load_config(name)
    except UserError:
        if (runs_dir() / name / CARD_FILE).is_file():
            return None
        raise UserError(f"run {child} needs '{name}', which is neither a checkpoint nor a run of configs/") from None


def _is_checkpoint(name: str) -> bool:
    try:
        return bool(find(name))
    except UserError:
        return False


def attempt(run: Run, data_dir: Path, before: Iterable[Ending], patience: float = 0.0) -> Ending:
    """Do one run, or go on with it, unless it is published.

    Args:
        run: the run.
        data_dir: the folder that holds the data sets.
        before: outcomes of the runs that it needs, in the order of ``needs``.
        patience: seconds to wait for another process that trains in the run's folder.
    """
    for name, outcome in zip(run.needs, before, strict=True):
        if not outcome.good:
            return Ending("not begun", f"{name} {outcome.state}")
    folder = runs_dir() / run.name
    try:
        made = read_card(folder / CARD_FILE).config.classes if (folder / CARD_FILE).is_file() else None
        if made and published(folder, with_charges(run.config.with_classes(made))):
            return Ending("published")
        carry_out(run.config, data_dir, folder, resume=True, patience=patience)
    except (UserError, OSError) as error:  # OSError: such as a full disk
        return Ending("failed", str(error))
    return Ending("trained")


def one_by_one(runs: Iterable[Run], data_dir: Path) -> Iterator[tuple[str, Ending]]:
    """Do the runs in this process, one after another: the name of each, and what became of it."""
    done: dict[str, Ending] = {}
    for run in runs:
        try:
            done[run.name] = attempt(run, data_dir, [done[name] for name in run.needs])
        except Exception as error:  # a defect of ours, or a GPU without memory: the others are done all the same
            why = str(error).strip().partition("\n")[0] or type(error).__name__
            done[run.name] = Ending("failed", why, "".join(format_exception(error)))
        yield run.name, done[run.name]
