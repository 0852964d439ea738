"""Static networks as ONNX files: onnxruntime answers as PyTorch does, in int8 where there are 8 bits."""

from __future__ import annotations

import builtins
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import settled_network
from tiny import CIFAR10, make_card, make_network

from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.cli import main
from dfs_core.data.augment import normalise
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import exact
from dfs_core.model.config import ModelConfig

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
from dfs_core.engine.onnx_graph import to_onnx  # noqa: E402 - it needs onnx

PIXELS = torch.from_numpy(np.random.default_rng(3).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8))
CONFIGS = {
    "full": {"options": "full", "constant": ("full",)},
    "8 bits": {"options": "8", "constant": ("8",)},
    "3 bits": {"options": "3", "constant": ("3",)},
    "2 bits, 8 outside": {"options": "2", "constant": ("2",), "ungated": 8},
    "16 bits after a skip": {"depth": 14, "options": "skip,16", "constant": ("16", "skip", "16", "skip", "16")},
    "mixed": {"depth": 14, "options": "skip,2,8,full", "constant": ("8", "skip", "2", "skip", "full")},
}


def static(settled: bool = True, **settings: object) -> Checkpoint:
    config = ModelConfig.from_dict({"depth": 8, "policy": "constant", **settings})
    model = settled_network(config, seed=4) if settled else make_network(config)
    return Checkpoint(make_card("static", "static", config), model, Path())


def run(made: onnx.ModelProto, pixels: torch.Tensor, as_it_is: bool = False) -> torch.Tensor:
    """Logits of onnxruntime, which rearranges a graph unless it is to be run as it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if as_it_is:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"images": pixels.numpy()})[0])


@pytest.mark.parametrize("config", list(CONFIGS))
def test_onnxruntime_gives_the_logits_of_torch(config: str) -> None:
    checkpoint = static(**CONFIGS[config])
    with exact(PIXELS.device):
        wanted = checkpoint.model(normalise(PIXELS, checkpoint.card.mean, checkpoint.card.std)).logits
    made = to_onnx(checkpoint)
    # The last digits differ; where a value lies on a tie between two levels, it then takes the other one.
    away = (run(made, PIXELS, as_it_is=True) - wanted).abs() / wanted.std()
    assert away.median() < (1e-5 if config == "full" else 5e-3)
    # Rearranged, biases of int8 convolutions are rounded too, and a network of few bits makes more of that.
    faster = run(made, PIXELS)
    assert ((faster - wanted).abs() / wanted.std()).median() < 0.1
    assert (faster.argmax(dim=1) == wanted.argmax(dim=1)).float().mean() >= 0.9
    torch.testing.assert_close(run(made, PIXELS[:1], as_it_is=True), run(made, PIXELS[:2], as_it_is=True)[:1])


def test_8_bits_are_int8_and_fewer_are_rounded_in_the_graph() -> None:
    def operators(**settings: object) -> Counter[str]:
        return Counter(node.op_type for node in to_onnx(static(settled=False, **settings)).graph.node)

    eight, three = operators(**CONFIGS["8 bits"]), operators(**CONFIGS["3 bits"])
    assert eight["QuantizeLinear"] == 6, "two convolutions in each of two blocks, and one on its shortcut"
    assert eight["DequantizeLinear"] == 2 * eight["QuantizeLinear"]
    assert not eight["Round"]
    assert three["Round"] == three["Clip"] == 6
    assert not three["QuantizeLinear"]
    skipping = operators(options="skip,8", constant=("skip",))
    assert skipping["Conv"] < eight["Conv"]


def test_a_level_that_int8_cannot_hold_with_the_other_sign_is_not_lost() -> None:
    checkpoint = static(**CONFIGS["8 bits"])
    block = checkpoint.model.body.gated()[0]
    with torch.no_grad():
        block.bn1["8"].weight.neg_()
        block.conv1.weight[:, 0, 0, 0] = -10.0  # far below the lowest level
        wanted = checkpoint.model(normalise(PIXELS, checkpoint.card.mean, checkpoint.card.std)).logits
    away = (run(to_onnx(checkpoint), PIXELS, as_it_is=True) - wanted).abs() / wanted.std()
    assert away.median() < 5e-3


def test_what_cannot_be_exported_is_refused(tiny_checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="decides image by image"):
        to_onnx(tiny_checkpoint)
    with pytest.raises(UserError, match="min-max"):
        to_onnx(static(settled=False, quantiser="minmax", batch_norm="shared", **CONFIGS["8 bits"]))


def test_the_command_writes_a_file_and_says_what_is_missing(
    tiny_pretrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["export-onnx", "--checkpoint", "tiny-backbone", "--out", str(tmp_path / "net.onnx")]
    assert main(words) == 0
    made = onnx.load(tmp_path / "net.onnx")
    assert {"checkpoint", "classes", "weights_sha256"} == {entry.key for entry in made.metadata_props}
    (names,) = (entry.value for entry in made.metadata_props if entry.key == "classes")
    assert tuple(json.loads(names)) == CIFAR10.classes
    assert run(made, PIXELS).shape == (12, 10)
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    (tmp_path / "net.onnx").unlink()
    monkeypatch.delitem(sys.modules, "dfs_core.engine.onnx_graph")
    imported = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "onnx":
            raise ModuleNotFoundError("No module named 'onnx'", name="onnx")
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(words) == 2
    assert "pip install 'dfs-explorer[onnx]'" in capsys.readouterr().err
