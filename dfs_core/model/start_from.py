"""Starting from another network's weights: a backbone into a gated network, one depth into a greater one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.layout import Layout
from dfs_core.model.network import DFSNet


def start_from(model: DFSNet, source: DFSNet) -> list[str]:
    """Copy a trained network's weights into another option set or policy: a backbone into a gated network, say.

    Every option's batch norm starts from the source's batch norm for the same option if it has one, else from its
    costliest option's. Gates and quantisers are copied where both have them in the same shape. A deeper network takes
    each block of a shallower one several times, and starts its gates anew; other classes get a new classifier.

    Returns:
        Names of the entries that the source had nothing for (new gates, new quantiser steps).

    Raises:
        UserError: the two networks differ in more than depth and classes, or this one is the shallower.
    """
    given = _at_places(source.state_dict(), source.config.layout, model.config.layout)
    fallback = source.config.option_set.names[-1] if source.config.batch_norm == "per-option" else "shared"
    new = []
    for key, value in model.state_dict().items():
        candidates = [key]
        for option in (*model.config.option_set.names, "shared"):
            candidates += [key.replace(f"_bn.{option}.", f"_bn.{fallback}."), _renamed_norm(key, option, fallback)]
        found = next((name for name in candidates if name in given and given[name].shape == value.shape), None)
        if found is None:
            new.append(key)
        else:
            value.copy_(given[found])
    return new


def _at_places(state: Mapping[str, Tensor], source: Layout, target: Layout) -> dict[str, Tensor]:
    """A network's state with its blocks at the places that they take in a network as deep or deeper."""
    if source == target:
        return dict(state)
    blocks = {f"body.blocks.{new}.": f"body.blocks.{old}." for new, old in _places(source, target)}
    own = {key: value for key, value in state.items() if key.startswith(("body.stem.", "body.classifier."))}
    for new, old in blocks.items():
        own |= {new + key.removeprefix(old): value for key, value in state.items() if key.startswith(old)}
    return own


def _places(source: Layout, target: Layout) -> Iterator[tuple[int, int]]:
    """For each block of ``target`` the index of the block of ``source`` that it starts from.

    The first block of a stage, which may stride, starts from the first; those after it share the others evenly.
    """
    for ours, theirs in zip(target.stages, source.stages, strict=False):
        for place, block in enumerate(ours):
            others = len(theirs) - 1
            old = theirs[0 if place == 0 else 1 + (place - 1) * others // (len(ours) - 1)] if others else theirs[0]
            if (block.inputs, block.convolutions) != (old.inputs, old.convolutions) or len(ours) < len(theirs):
                raise UserError(f"cannot start from {source.title}: its blocks do not fit {target.title}")
            yield block.number - 1, old.number - 1


def _renamed_norm(key: str, option: str, fallback: str) -> str:
    return re.sub(rf"\.(bn\d)\.{re.escape(option)}\.", rf".\1.{fallback}.", key)
