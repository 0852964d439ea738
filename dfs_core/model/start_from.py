"""Initialise a network from another one: a gated network from a backbone, or a deep one from a shallower one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import Layout
from dfs_core.model.network import DFSNet
from dfs_core.model.options import Option


def start_from(model: DFSNet, source: DFSNet) -> list[str]:
    """Copy the weights of a trained network into one with another option set, policy, depth or number of classes.

    The batch norm of each option starts from the same option of the source, or else from its costliest option. Gates
    and quantisers are copied if both networks have them in the same shape. In a deeper network, several blocks start
    from the same block of the source, and the gates start anew. Where k blocks start from one, each adds 1/k of what
    that one added, so the deeper network begins as accurate as its source, or nearly (Chang et al., "Multi-level
    residual networks from dynamical systems view", ICLR 2018). With another number of classes the classifier is new.

    Args:
        model: the network to initialise, in place.
        source: the trained network.

    Returns:
        Names of the entries that were not found in the source, such as new gates and new quantiser steps.

    Raises:
        UserError: the blocks have different shapes, or ``model`` is the shallower network.
    """
    given = _at_places(source.state_dict(), source.config.layout, model.config.layout)
    fallback = source.config.option_set.names[-1] if source.config.batch_norm == "per-option" else "shared"
    new = []
    for key, value in model.state_dict().items():
        candidates = [key]
        for option in (*model.config.option_set.names, "shared"):
            candidates.append(_renamed_norm(key, option, fallback))
        # The first block has no options, and the norm of what is not gated.
        candidates.append(_renamed_norm(key, _norm_of_first(model.config), _norm_of_first(source.config)))
        found = next((name for name in candidates if name in given and given[name].shape == value.shape), None)
        if found is None:
            new.append(key)
        else:
            value.copy_(given[found])
    return new


def _at_places(state: Mapping[str, Tensor], source: Layout, target: Layout) -> dict[str, Tensor]:
    """The source's state dict, with the keys of the blocks of ``target`` that start from each of its blocks."""
    if source == target:
        return dict(state)
    places = list(_places(source, target))
    copies = Counter(old for _, old in places)
    own = {key: value for key, value in state.items() if key.startswith(("body.stem.", "body.classifier."))}
    for new, old in places:
        prefix = f"body.blocks.{old}."
        # The last norm of a block scales what the block adds.
        last = re.compile(rf"bn{len(source.blocks[old].convolutions)}\..*(weight|bias)")
        for key, value in state.items():
            if key.startswith(prefix):
                part = key.removeprefix(prefix)
                own[f"body.blocks.{new}.{part}"] = value / copies[old] if last.fullmatch(part) else value
    return own


def _places(source: Layout, target: Layout) -> Iterator[tuple[int, int]]:
    """For each block of ``target``, its index and the index of the block of ``source`` that it starts from.

    The first block of a stage may stride, so it starts from the first. Later blocks share the source's others evenly.
    """
    for ours, theirs in zip(target.stages, source.stages, strict=False):
        for place, block in enumerate(ours):
            others = len(theirs) - 1
            old = theirs[0 if place == 0 else 1 + (place - 1) * others // (len(ours) - 1)] if others else theirs[0]
            if (block.inputs, block.convolutions) != (old.inputs, old.convolutions) or len(ours) < len(theirs):
                raise UserError(f"cannot start from {source.title}: its blocks do not fit {target.title}")
            yield block.number - 1, old.number - 1


def _norm_of_first(config: ModelConfig) -> str:
    return "shared" if config.batch_norm == "shared" else Option(config.ungated).name


def _renamed_norm(key: str, option: str, fallback: str) -> str:
    return re.sub(rf"\.((?:shortcut_)?bn\d?)\.{re.escape(option)}\.", rf".\1.{fallback}.", key)
