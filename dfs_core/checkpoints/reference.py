"""Convert checkpoints of the public DFS code, of any depth and number of classes, to this project's format."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.data.known import KNOWN, DatasetInfo
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.network import DFSNet

# The reference does not name its option sets. The number of rows of its gate's last layer identifies them.
OPTIONS_BY_COUNT = {7: "paper", 4: "paper-small", 2: "skipnet"}
WRAPPED_IN = ("state_dict", "model", "net")  # keys under which training scripts keep the state dict
PREFIXES = re.compile(r"^(?:(?:module|_orig_mod)\.)+")  # of DataParallel and torch.compile, in any order
UNUSED = "num_batches_tracked"  # old versions of PyTorch did not save it, and nothing here needs it

State = dict[str, Tensor]


def import_reference(path: Path, out: Path | None = None, dataset: str = "", options: str = "") -> Path:
    """Convert a checkpoint file of the public DFS code.

    Args:
        path: a file of ``torch.save`` (a state dict, or a dict with one under ``state_dict``, ``model`` or ``net``),
            opened with ``weights_only=True``; or an ``.npz`` with entries ``state/<key>``.
        out: folder of the new checkpoint; by default in ``pretrained/``, named like the file up to its first dot.
        dataset: ``cifar10``, ``cifar100`` or ``svhn``; by default the first of these with the right number of classes.
        options: option set, as in ``ModelConfig``; by default the usual one with the gate's number of options.

    Returns:
        The folder of the new checkpoint.

    Raises:
        UserError: the file cannot be read safely, is not such a checkpoint, or does not fit the data set; or the folder
            exists.
        OSError: the folder cannot be written.
    """
    path = Path(path)
    state = {PREFIXES.sub("", key): value for key, value in _read(path).items()}
    model = convert(state, options)
    folder = Path(out) if out else pretrained_dir() / path.name.split(".")[0]
    if folder.exists():
        raise UserError(f"{folder} exists already: give another --out, or move it away")
    known = _data_set(dataset, model.config.classes)
    origin = "as asked for" if dataset else "inferred from the number of classes"
    return save_checkpoint(folder, model, _card(folder.name, model, known, path.name, origin))


def _data_set(name: str, classes: int) -> DatasetInfo | None:
    if name and name not in KNOWN:
        raise UserError(f"data set '{name}' is unknown: use {', '.join(KNOWN)}")
    fitting = [info for info in KNOWN.values() if len(info.classes) == classes and name in ("", info.name)]
    if name and not fitting:
        raise UserError(f"the checkpoint has {classes} classes, but {name} has {len(KNOWN[name].classes)}")
    return fitting[0] if fitting else None


def convert(state: State, options: str = "") -> DFSNet:
    """Build our network from a state dict of the reference, with keys without ``module.``, in float32.

    Raises:
        UserError: a key is missing, its tensor has the wrong shape, or ``options`` does not fit the gate.
    """
    config = _config(state, options)
    model = DFSNet(config)
    wanted = model.state_dict()
    for key, value in wanted.items():
        source = _source(key, len(config.layout.stages[0]))
        if source not in state and key.endswith(UNUSED):
            continue
        if source not in state:
            raise UserError(f"not a checkpoint of the DFS code: it lacks {source}")
        try:
            value.copy_(state[source].reshape(value.shape))  # their gates are 1x1 convolutions, ours linear layers
        except RuntimeError:
            shapes = f"{list(state[source].shape)}, not {list(value.shape)}"
            raise UserError(f"not a checkpoint of the DFS code: {source} has shape {shapes}") from None
    return model.eval()


def _read(path: Path) -> State:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {k.removeprefix("state/"): torch.from_numpy(arrays[k]) for k in arrays if k.startswith("state/")}
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} contains more than tensors, and opening it could run code, so it was refused: "
            "save its state dict alone with torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as error:  # a damaged file makes torch.load raise exceptions of any kind
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UserError(f"{path} cannot be read as a checkpoint: {reason}") from None
    state = loaded
    while isinstance(state, dict) and (key := next((key for key in WRAPPED_IN if key in state), None)):
        state = state[key]
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise UserError(f"{path} has no state dict")
    return state


def _config(state: State, options: str) -> ModelConfig:
    layers = [match for key in state if (match := re.fullmatch(r"group(\d)_layer(\d+)\.conv1\.weight", key))]
    if not layers or "control.proj.weight" not in state or "fc.weight" not in state:
        raise UserError("not a checkpoint of the DFS code: its keys are not group1_layer0.conv1.weight and so on")
    for key in ("control.proj.weight", "fc.weight"):
        if state[key].ndim < 2:
            raise UserError(f"not a checkpoint of the DFS code: {key} has shape {list(state[key].shape)}")
    count = state["control.proj.weight"].shape[0]
    if not options and count not in OPTIONS_BY_COUNT:
        known = ", ".join(f"{number} ({name})" for number, name in OPTIONS_BY_COUNT.items())
        raise UserError(
            f"its gate chooses from {count} options, and only sets of {known} options are known by their number: "
            "name yours with --options, such as skip,4,8,full"
        )
    facts = {
        "depth": 6 * (max(int(match[2]) for match in layers) + 1) + 2,
        "classes": state["fc.weight"].shape[0],
        "options": options or OPTIONS_BY_COUNT[count],
        "quantiser": "minmax",
        "batch_norm": "shared",
        "gate_width": state["control.proj.weight"].shape[1],
    }
    config = ModelConfig.from_dict(facts)  # within the bounds of a network that may be built
    if len(config.option_set) != count:
        raise UserError(f"its gate chooses from {count} options, but '{options}' has {len(config.option_set)}")
    return config


def _source(key: str, blocks_per_stage: int) -> str:
    """The reference's key for one of our keys."""

    def layer(index: int) -> str:
        return f"group{index // blocks_per_stage + 1}_layer{index % blocks_per_stage}"

    if match := re.fullmatch(r"body\.blocks\.(\d+)\.(.+)", key):
        rest = re.sub(r"^(bn\d)\.shared\.", r"\1.", match[2])
        rest = rest.replace("shortcut_bn.shared.", "bn3.").replace("shortcut_conv.", "downsample.")
        # In the reference, all bit widths share one activation range.
        rest = re.sub(r"quantisers\.\w+\.", "quantize_input.", rest)
        return f"{layer(int(match[1]))}.{rest}"
    if match := re.fullmatch(r"policy\.embeddings\.(\d+)\.(weight|bias)", key):
        # In the reference, the gate of a block decides for the next block. We number it by that next block, from 0.
        return f"{layer(int(match[1])).replace('layer', 'gate')}.1.{match[2]}"
    for ours, theirs in (
        ("body.stem.0.", "conv1."),
        ("body.stem.1.", "bn1."),
        ("body.classifier.", "fc."),
        ("policy.to_options.", "control.proj."),
    ):
        if key.startswith(ours):
            return key.replace(ours, theirs)
    return key.replace("policy.lstm.", "control.rnn_one.") + "_l0"


def _card(name: str, model: DFSNet, known: DatasetInfo | None, file: str, origin: str) -> Card:
    classes = model.config.classes
    return Card(
        name=name,
        title=f"Imported from {file}"[:200],  # a card takes no longer one
        method="dfs",
        dataset=known.name if known else "unknown",
        classes=known.classes if known else tuple(f"class {index}" for index in range(classes)),
        mean=known.mean if known else (0.5, 0.5, 0.5),
        std=known.std if known else (0.25, 0.25, 0.25),
        model=model.config.to_dict(),
        notes=f"Weights of the public DFS code. Data set and normalisation are {origin}; nothing was measured when it "
        "was imported. Activations are rounded to nearest, not stochastically.",
    )
