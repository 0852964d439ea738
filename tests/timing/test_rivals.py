"""What the engine is timed beside: the same network, written as a user would write it."""

from __future__ import annotations

import sys

import pytest
import torch
from nets import inputs, settled_network

from dfs_core.engine.compiled import CompiledNet
from dfs_core.evaluation.evaluate import exact
from dfs_core.model.config import ModelConfig
from dfs_core.timing import bench
from dfs_core.timing.rivals import Plain, openvino_int8

IMAGES = inputs(16, seed=5)


@pytest.mark.parametrize("bits", ["8", "full"])
def test_a_plain_network_answers_as_the_one_it_was_made_from(bits: str) -> None:
    model = settled_network(ModelConfig(depth=8, options=bits, policy="constant", constant=(bits,)))
    with exact(IMAGES.device):
        ours, theirs = Plain(CompiledNet.of(model), 0, rounded=True)(IMAGES), model(IMAGES).logits
    assert (ours - theirs).abs().median() < 0.01 * theirs.std()


def test_without_openvino_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    model = settled_network(ModelConfig(depth=8, options="8", policy="constant", constant=("8",)))
    assert openvino_int8(CompiledNet.of(model), 0, threads=1, batch=2) is None


def test_times_are_medians_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now, turns = [0.0], []
    monkeypatch.setattr(bench.time, "process_time", lambda: now[0])

    def action(name: str, seconds: list[float]) -> bench.Action:
        def run(images: torch.Tensor) -> None:
            turns.append(name)
            now[0] += seconds[(len(turns) - 1) // 2 % len(seconds)]

        return run

    actions = {"a": action("a", [9.0, 9.0, 1.0, 2.0, 3.0]), "b": action("b", [4.0])}
    found = bench._medians(actions, IMAGES, threads=1, rounds=15)
    assert turns[:4] == ["a", "b", "a", "b"]
    assert found["b"] == pytest.approx(4.0)
    assert found["a"] == pytest.approx(3.0)
