"""Save and load checkpoints: folders with weights (safetensors) and a card (JSON). Loading never executes code.

pretrained/<name>/weights.safetensors    the network's state dict, each tensor in the smallest type that holds it
pretrained/<name>/card.json              its settings and measured figures, with the hash of the weights (card.py)
pretrained/<name>/config.toml, log.jsonl its training configuration and log, if it was trained here (run_log.py)
pretrained/<name>/traces.parquet         its decisions for every test image (traces.py)
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
from dfs_core.model.precision import BYTE, unit_of

_HEADER, _LONGEST_HEADER = 8, 2**24  # bytes: of the header's length, and of a header


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network with its card.

    Attributes:
        card: the card; its name is that of the folder.
        model: the network, in evaluation mode.
        folder: the folder that it was read from.
    """

    card: Card
    model: DFSNet
    folder: Path


def load_checkpoint(name_or_path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Load a checkpoint in evaluation mode.

    Args:
        name_or_path: a name in ``pretrained_dir()``, a checkpoint's folder, or its card or weights file.
        device: the device for the network.

    Raises:
        CheckpointError: the checkpoint is missing, is a pickle, is truncated, has another hash than its card says, does
            not fit its card, or has numbers that are not finite or quantiser steps that are not above 0.
    """
    folder = find(name_or_path)
    card = read_card_of(folder)
    _check_header(folder / WEIGHTS_FILE, card.config.layout, card.config.classes)
    tensors = _read_weights(folder / WEIGHTS_FILE, card)
    model = DFSNet(card.config)
    _fill(model, _widened(tensors, folder), folder)
    return Checkpoint(card, model.to(device).eval(), folder)


def save_checkpoint(
    folder: str | Path, model: DFSNet, card: Card, extra_files: Mapping[str, str | bytes] | None = None
) -> Path:
    """Save a network with its card. Other files in the folder are kept.

    Each file is written atomically. The card, which has the hash of the weights, is written last. A reader in between,
    or after a crash in between, gets an error instead of weights that do not match their card.

    Args:
        folder: the checkpoint's folder, created if necessary. Its name is the checkpoint's name.
        model: the network.
        card: its card. This function sets the hash.
        extra_files: file name -> text or bytes, such as the training configuration.

    Returns:
        The folder.

    Raises:
        CheckpointError: the card belongs to another model, or the weights are not finite.
    """
    if name := first_not_finite(model.state_dict()):
        raise CheckpointError(f"{card.name} is not saved: {name} is not finite")
    if card.config != model.config:
        raise CheckpointError(f"the card '{card.name}' does not belong to this model: their settings differ")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = _serialised(model)
    card = replace(card, weights_sha256=hashlib.sha256(weights).hexdigest())
    extra = {name: data.encode() if isinstance(data, str) else data for name, data in (extra_files or {}).items()}
    for name, data in {WEIGHTS_FILE: weights, **extra, CARD_FILE: card.to_json().encode()}.items():
        write_whole(folder / name, data)
    return folder


def weights_hash(model: DFSNet) -> str:
    """SHA-256 of the weights file that ``save_checkpoint`` would write."""
    return hashlib.sha256(_serialised(model)).hexdigest()


def _serialised(model: DFSNet) -> bytes:
    # safetensors refuses tensors that share memory or are not contiguous (channels_last), so this copies them.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    units = _units(tensors)
    return save_tensors({name: _smallest(value, units.get(name)) for name, value in tensors.items()})


def _smallest(value: Tensor, unit: Tensor | None) -> Tensor:
    """The tensor in bytes or half precision if that holds it exactly.

    Bytes do where ``round_to_bytes`` was used, and half precision where ``round_to_half`` was. A byte is a multiple of
    ``unit``, if there is one.
    """
    if value.dtype != torch.float32:
        return value
    if unit is not None:
        wholes = (value / unit).round().clamp(-128, 127)
        if torch.equal(wholes * unit, value):
            return wholes.to(torch.int8)
    half = value.half()
    return half if torch.equal(half.float(), value) else value


def _units(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The unit of each weight that has one step, by the weight's name."""
    units: dict[str, list[Tensor]] = {}
    for name, step in tensors.items():
        layer, found, rest = name.partition(".quantisers.")
        bits, _, what = rest.partition(".")
        if found and what == "weight_step" and bits.isdigit() and int(bits) <= BYTE:
            units.setdefault(f"{layer}.weight", []).append(unit_of(step, int(bits)))
    return {name: own[0] for name, own in units.items() if len(own) == 1}


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


def _widened(tensors: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """The tensors with weights that are kept in bytes as the numbers that they stand for."""
    units = _units(tensors)
    for name in sorted(name for name, value in tensors.items() if value.dtype == torch.int8):
        if name not in units:
            raise CheckpointError(f"the weights in {folder} are unusable: {name} is in bytes, but has no step")
        tensors[name] = tensors[name].float() * units[name]
    return tensors


def _fill(model: DFSNet, tensors: dict[str, Tensor], folder: Path) -> None:
    """Copy tensors into a model after checking that names, shapes and values fit."""
    wanted = model.state_dict()
    problems = []
    for word, names in (("missing", wanted.keys() - tensors.keys()), ("unexpected", tensors.keys() - wanted.keys())):
        if names:
            problems.append(f"{len(names)} {word} (such as {min(names)})")
    for name in sorted(wanted.keys() & tensors.keys()):
        if wanted[name].shape != tensors[name].shape:
            problems.append(f"{name} is {list(tensors[name].shape)} and should be {list(wanted[name].shape)}")
            break  # one example is enough: if one shape differs, many do
    if problems:
        raise CheckpointError(_misfit(folder, problems))
    if bad := first_not_finite(tensors):
        raise CheckpointError(f"the weights in {folder} are unusable: {bad} is not finite, so training had diverged")
    steps = sorted(name for name in tensors if name.endswith("_step") and not bool((tensors[name] > 0).all()))
    if steps:
        raise CheckpointError(
            f"the weights in {folder} are unusable: the quantiser step {steps[0]} is not above 0, "
            "a fault of earlier versions; train it again"
        )
    model.load_state_dict(tensors)
