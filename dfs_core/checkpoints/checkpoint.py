"""Checkpoints: a folder with weights (safetensors) and a card (JSON). Saving and loading; nothing executes code.

pretrained/<name>/weights.safetensors    the network's state
pretrained/<name>/card.json              what it is and what it reached, with the weights' hash
pretrained/<name>/config.toml, log.jsonl what made it, where it was trained here
pretrained/<name>/traces.parquet         what it decided for every test image (traces.py)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from dfs_core.checkpoints.card import Card, CheckpointError
from dfs_core.checkpoints.card_files import read_card_of
from dfs_core.checkpoints.locate import CARD_FILE, WEIGHTS_FILE, find, reason, refuse_pickle
from dfs_core.files import write_whole
from dfs_core.model.finite import first_not_finite
from dfs_core.model.layout import Layout
from dfs_core.model.network import DFSNet

_HEADER, _LONGEST_HEADER = 8, 2**24  # bytes: of the header's length, and of a header


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network with its card.

    Attributes:
        card: what the weights are; its name is that of the folder.
        model: the network, in evaluation mode.
        folder: where it was read from.
    """

    card: Card
    model: DFSNet
    folder: Path


def load_checkpoint(name_or_path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Load a checkpoint, ready to be evaluated.

    Args:
        name_or_path: a name in ``pretrained_dir()``, a checkpoint's folder, or its card or weights file.
        device: where the network goes.

    Raises:
        CheckpointError: there is none, or it is a pickle, is truncated, has another hash than its card says, does not
            fit its card, or holds numbers that are not finite or quantiser steps that are not above 0.
    """
    folder = find(name_or_path)
    card = read_card_of(folder)
    _check_header(folder / WEIGHTS_FILE, card.config.layout, card.config.classes)
    tensors = _read_weights(folder / WEIGHTS_FILE, card)
    model = DFSNet(card.config)
    _fill(model, tensors, folder)
    return Checkpoint(card, model.to(device).eval(), folder)


def save_checkpoint(
    folder: str | Path, model: DFSNet, card: Card, extra_files: Mapping[str, str | bytes] | None = None
) -> Path:
    """Save a network with its card; other files that are in the folder stay.

    Every file appears whole or not at all. The card, which carries the weights' hash, comes last: whoever reads in
    between, or after a crash in between, is told that the two do not belong together.

    Args:
        folder: the checkpoint's folder, made if it is not there; its name is the checkpoint's name.
        model: the network.
        card: its card; the hash is filled in here.
        extra_files: file name -> text or bytes, such as the configuration that made it.

    Returns:
        The folder.

    Raises:
        CheckpointError: the card is not this model's, or the weights are not finite.
    """
    if name := first_not_finite(model.state_dict()):
        raise CheckpointError(f"{card.name} is not saved: {name} is not finite")
    if card.config != model.config:
        raise CheckpointError(f"the card '{card.name}' is not this model's: their settings differ")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = _serialised(model)
    card = replace(card, weights_sha256=hashlib.sha256(weights).hexdigest())
    extra = {name: data.encode() if isinstance(data, str) else data for name, data in (extra_files or {}).items()}
    for name, data in {WEIGHTS_FILE: weights, **extra, CARD_FILE: card.to_json().encode()}.items():
        write_whole(folder / name, data)
    return folder


def weights_hash(model: DFSNet) -> str:
    """SHA-256 of the weights' file that ``save_checkpoint`` would write: what its card will say."""
    return hashlib.sha256(_serialised(model)).hexdigest()


def _serialised(model: DFSNet) -> bytes:
    # Copies: safetensors refuses tensors that share memory or are not laid out in order (channels_last).
    return save_tensors({name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()})


def _check_header(path: Path, layout: Layout, classes: int) -> None:
    """Compare what makes a network large with the header of its weights, before anything of that size is built.

    That are the number of blocks, the channels of every convolution and the classes; the card's own bounds hold all
    else. What is no such header is left to ``_read_weights``.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER)
            header = json.loads(file.read(int.from_bytes(start, "little"))) if _plausible(start, path) else {}
        found = {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {reason(error)}") from None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return
    wanted = {"body.stem.0.weight": layout.stem.shape, "body.classifier.weight": (classes, layout.blocks[-1].channels)}
    for block in layout.blocks:
        for number, conv in enumerate(block.convolutions, start=1):
            wanted[f"body.blocks.{block.number - 1}.conv{number}.weight"] = conv.shape
    blocks = len({name.split(".")[2] for name in found if name.startswith("body.blocks.")})
    if found and blocks != len(layout.blocks):
        raise CheckpointError(
            f"the weights in {path.parent} do not fit its card: they are of {blocks:,} blocks, and "
            f"{layout.title} has {len(layout.blocks):,}"
        )
    for name, shape in wanted.items():
        if found.get(name, shape) != shape:
            raise CheckpointError(_misfit(path.parent, [f"{name} is {list(found[name])} and should be {list(shape)}"]))


def _plausible(start: bytes, path: Path) -> bool:
    """Whether a file begins with the length of a header that it can hold."""
    return len(start) == _HEADER and int.from_bytes(start, "little") <= min(path.stat().st_size, _LONGEST_HEADER)


def _misfit(folder: Path, problems: list[str]) -> str:
    return f"the weights in {folder} do not fit its card: tensors {'; '.join(problems)}"


def _read_weights(path: Path, card: Card) -> dict[str, Tensor]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {reason(error)}") from None
    refuse_pickle(path, data)
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is truncated or damaged ({error}): copy it again") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.weights_sha256:
        stated = f"{card.weights_sha256[:12]}..." if card.weights_sha256 else "no hash"
        raise CheckpointError(
            f"{path} is not the file that its card describes: its SHA-256 is {digest[:12]}..., the card says {stated}; "
            "copy both again"
        )
    return tensors


def _fill(model: DFSNet, tensors: dict[str, Tensor], folder: Path) -> None:
    """Copy tensors into a model, if they are exactly those that it needs."""
    wanted = model.state_dict()
    problems = []
    for word, names in (("missing", wanted.keys() - tensors.keys()), ("unexpected", tensors.keys() - wanted.keys())):
        if names:
            problems.append(f"{len(names)} {word} (such as {min(names)})")
    for name in sorted(wanted.keys() & tensors.keys()):
        if wanted[name].shape != tensors[name].shape:
            problems.append(f"{name} is {list(tensors[name].shape)} and should be {list(wanted[name].shape)}")
            break  # one says enough: where one shape differs, many do
    if problems:
        raise CheckpointError(_misfit(folder, problems))
    if bad := first_not_finite(tensors):
        raise CheckpointError(f"the weights in {folder} are of no use: {bad} is not finite, the training had diverged")
    steps = sorted(name for name in tensors if name.endswith("_step") and not bool((tensors[name] > 0).all()))
    if steps:
        raise CheckpointError(
            f"the weights in {folder} are of no use: the quantiser step {steps[0]} is not above 0, "
            "as earlier versions could leave it; train it again"
        )
    model.load_state_dict(tensors)
