"""Checkpoints of two networks on one machine: ResNet-14 on CIFAR-10, and ResNet-20 on CIFAR-100, not measured."""

from __future__ import annotations

import shutil
from pathlib import Path

from tiny import make_card, make_network

from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.data.known import KNOWN
from dfs_core.model.config import ModelConfig, backbone_config

C100 = KNOWN["cifar100"]
OTHER = "resnet-20-cifar100"  # its key in links


def write_two_networks(folder: Path, pretrained: Path) -> Path:
    """Copy the tiny checkpoints, and add ``c100-backbone``, ``c100-dfs-10``, ``c100-dfs-20`` and ``c100-static4``."""
    shutil.copytree(pretrained, folder)
    gated = {"depth": 20, "classes": 100}
    static = ModelConfig(**gated, options="4", policy="constant", constant=("4",))
    configs = {
        "c100-backbone": ("backbone", backbone_config(20, classes=100)),
        "c100-dfs-10": ("dfs", ModelConfig(**gated, budget=10.0)),
        "c100-dfs-20": ("dfs", ModelConfig(**gated, budget=20.0)),
        "c100-static4": ("static", static),
    }
    for name, (method, config) in configs.items():
        card = make_card(
            name,
            method,
            config,
            dataset="cifar100",
            classes=C100.classes,
            mean=C100.mean,
            std=C100.std,
            alpha=5e-6 if method == "dfs" else None,
        )
        save_checkpoint(folder / name, make_network(config), card)
    return folder
