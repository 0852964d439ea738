"""A folder for sweeps small enough for tests: recipes and a network in configs/, and a sweep file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_runs import BACKBONE, GATED, SMALL, toml

CHAIN = """network = ["tiny"]
[[runs]]
method = ["dfs", "backbone"]
budget = [20, 40]
[[runs]]
method = ["static"]
bits = [4]
"""
RUNS = ["tiny", "gates-tiny", "dfs-tiny-b20", "dfs-tiny-b40", "static4-tiny"]  # of CHAIN, in order


def write_recipes(folder: Path, iterations: int = 2, **networks: dict[str, Any]) -> Path:
    """Write ``configs/`` with the recipes backbone, gates, dfs and static, and the network tiny; return ``folder``."""
    plain = {"policy": "constant"}
    recipes: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "backbone": ({"name": "{network}"}, BACKBONE),
        "gates": ({"name": "gates-{network}", "stage": "gates", "start_from": "{network}"}, GATED),
        "dfs": (
            {"name": "dfs-{network}-b{budget}", "stage": "joint", "start_from": "gates-{network}", "alpha": 1e-2}
            | {"teacher": "{network}", "distillation": 0.5},
            {**GATED, "budget": "{budget}"},
        ),
        "static": (
            {"name": "static{bits}-{network}", "start_from": "{network}"},
            {"options": "{bits},full", "constant": ["{bits}"], **plain},
        ),
    }
    places = folder / "configs" / "networks"
    places.mkdir(parents=True)
    for recipe, (settings, model) in recipes.items():
        own = {key: value for key, value in SMALL.items() if key != "dataset"}
        lines = [*toml(own | {"iterations": iterations, "save_every": 3} | settings), "[model]"]
        lines += toml({key: value for key, value in model.items() if key != "depth"})
        (places.parent / f"{recipe}.toml").write_text("\n".join(lines) + "\n")
    for name, settings in {"tiny": {}, **networks}.items():
        lines = [*toml({"dataset": "cifar10", **settings}), "[model]", "depth = 8"]
        (places / f"{name}.toml").write_text("\n".join(lines) + "\n")
    return folder


def write_sweep(folder: Path, text: str = CHAIN) -> Path:
    """Write a sweep file and return its path."""
    path = folder / "sweep.toml"
    path.write_text(text)
    return path
