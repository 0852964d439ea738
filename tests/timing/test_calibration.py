"""Calibrations: what is measured on a clock that the test moves, what follows for decisions, and what is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import inputs, random_decisions, settled_network
from torch import Tensor

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import NOT_RUN
from dfs_core.model.execute import Modules, Walk
from dfs_core.model.lsq import LEARNED_BITS
from dfs_core.model.options import Option
from dfs_core.timing import kept
from dfs_core.timing.calibration import WHOLE, Calibration, NetworkShape, kind_of
from dfs_core.timing.clock import WholeRecorder, calibrate
from dfs_core.timing.compare import time_network

GATES = ModelConfig(depth=8, options="skip,4,8,full")
CASCADE = ModelConfig(
    depth=8, options="2,8", policy="cascade", passes=("2", "8"), ungated=8, prices=((0.1, 4.0),), limits=((2.0,),)
)
CONSTANT = ModelConfig(depth=8, options="8", policy="constant", constant=("8",))
OPTION_MS = {0: 0.5, 2: 1.0, 4: 2.0, 8: 3.0, 32: 7.0}  # an image in one block, by bits
CALL_MS, ENTER_MS, HEAD_MS, SORT_MS = 0.25, 5.0, 1.5, 0.125


class Slow:
    """An engine on a clock of its own: its parts take the times above, exactly."""

    def __init__(self, model, name: str = "native") -> None:
        self.body, self.name, self.now = Modules(model.body, torch.channels_last, "grouped"), name, 0.0
        self.bits = [option.bits for option in model.config.option_set]

    def clock(self) -> float:
        return self.now

    def spend(self, ms: float) -> None:
        self.now += ms / 1000

    def enter(self, images: Tensor) -> Tensor:
        self.spend(ENTER_MS * len(images))
        return self.body.enter(images)

    def see(self, look, x: Tensor) -> Tensor:
        self.spend(0.1 * len(x))
        return look(x)

    def step(self, policy, index: int, seen: Tensor, state):
        return policy.step(index, seen, state)

    def run(self, index: int, x: Tensor, decisions: Tensor) -> Tensor:
        options = decisions.tolist()
        calls = len(set(options)) if self.name == "library" else 1
        self.spend(CALL_MS * calls + sum(OPTION_MS[self.bits[option]] for option in options))
        if options != sorted(options) and self.name == "library":
            self.spend(SORT_MS * len(options))
        return self.body.run(index, x, decisions)

    def uniform(self, index: int, x: Tensor, option: int) -> Tensor:
        return self.run(index, x, torch.full((len(x),), option))

    def head(self, x: Tensor) -> Tensor:
        self.spend(HEAD_MS * len(x))
        return self.body.head(x)


@pytest.fixture(scope="module")
def gates():
    return settled_network(GATES)


def measured(model, name: str = "native", **settings) -> Calibration:
    engine = Slow(model, name)
    return calibrate(model, engine, sizes=(1, 2, 8), clock=engine.clock, **settings)


def test_each_part_of_each_size_gets_the_time_that_it_took(gates) -> None:
    found = measured(gates)
    assert found.network.kinds == ("skip", "few bits", "8 bits", "real")
    assert found.sizes == (1, 2, 8)
    assert found.enter == pytest.approx((5, 10, 40))
    assert found.answer == pytest.approx((1.5, 3, 12))
    assert found.policy == tuple(pytest.approx((0.1, 0.2, 0.8)) for _ in range(GATES.gated_blocks))
    for block in found.blocks:
        for row, ms in zip(block, (0.5, 2, 3, 7), strict=True):
            assert row == pytest.approx([CALL_MS + ms * size for size in found.sizes])
    assert not np.any(found.sorting), "native kernels do not sort"


class WholeSlow:
    """An engine that runs all blocks in one call: 2 ms for each gate and 6 for each block, of two threads together."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def threads(self, n: int) -> int:
        return 2

    def enter(self, images: Tensor) -> Tensor:
        self.now += 0.005
        return images

    def walk(self, images: Tensor, prices, decided: Tensor, spans: Tensor) -> Walk:
        spans[0] += 10_000_000
        self.now += 0.005
        return Walk(self.finish(images, decided, spans), decided, torch.zeros(*decided.shape, 1))

    def finish(self, x: Tensor, decisions: Tensor, spans: Tensor) -> Tensor:
        spans[1:] += torch.tensor([2_000_000, 6_000_000] * decisions.shape[1])
        self.now += 0.001 + 0.004 * decisions.shape[1]
        return torch.zeros(len(x), 10)


@pytest.mark.parametrize("again", [False, True], ids=["once", "cascade"])
def test_an_engine_that_runs_all_blocks_in_one_call_notes_their_times_itself(again: bool) -> None:
    engine, plan, images = WholeSlow(), torch.ones(4, 3, dtype=torch.int64), torch.zeros(4, 3, 8, 8)
    recorder = WholeRecorder(engine, plan, engine.clock)
    if again:
        logits = recorder.finish(recorder.enter(images), torch.zeros_like(plan))
        assert logits[:, 0].min() > 1e6, "no cascade looks again"
    else:
        found = recorder.walk(images, torch.zeros(4), None)
        assert torch.equal(found.decisions, plan), "it runs the plan"
    # Each thread's share of the blocks; what else the call takes belongs to the answer.
    assert recorder.spans() == pytest.approx([0.005, *[0.001, 0.003] * 3, 0.001])


@pytest.mark.parametrize("kernels", ["native", "library"])
def test_the_prediction_is_what_the_same_decisions_take(gates, kernels: str) -> None:
    """Real decisions of gates, mixed in every block, in batches of a measured size."""
    found, engine = measured(gates, kernels), Slow(gates, kernels)
    timed = time_network(gates, engine, found, inputs(16, seed=3), batch=8, clock=engine.clock)
    assert timed.images == 16
    # The stub sorts in every mixed block; the engine keeps its order, which the prediction follows.
    assert timed.predicted == pytest.approx(timed.engine, rel=0.02 if kernels == "library" else 1e-6)


class Interrupted(Slow):
    """The machine stops for 30 ms in every tenth part: often in a run, but seldom in the same part of it."""

    calls = 0

    def spend(self, ms: float) -> None:
        self.calls += 1
        super().spend(ms + 30 * (self.calls % 10 == 0))


def test_interruptions_count_in_the_whole_though_no_part_has_many_of_them(gates) -> None:
    engine = Interrupted(gates)
    found = calibrate(gates, engine, sizes=(1, 2, 8), clock=engine.clock)
    timed = time_network(gates, engine, found, inputs(64, seed=3), batch=8, clock=engine.clock)
    assert timed.predicted == pytest.approx(timed.engine, rel=0.1)


def test_every_pass_of_a_cascade_counts() -> None:
    model = settled_network(CASCADE)
    found = measured(model)
    first = np.zeros((4, 2, CASCADE.gated_blocks), dtype=int)
    first[:, 1] = NOT_RUN
    again = first.copy()
    again[:, 1] = 1
    one, both = (found.predict(CASCADE, decisions, batch=4) for decisions in (first, again))
    blocks = CASCADE.gated_blocks
    assert one == pytest.approx(ENTER_MS + HEAD_MS + blocks * (1.0 + CALL_MS / 4))
    assert both - one == pytest.approx(HEAD_MS + blocks * (3.0 + CALL_MS / 4))
    ours = found.of_image(CASCADE, [("2",) * blocks, ("8",) * blocks], batch=4)
    assert ours.total == pytest.approx(both)


def test_a_constant_network_pays_for_no_policy() -> None:
    model = settled_network(CONSTANT)
    found = measured(model)
    assert not np.any(found.policy)
    assert found.predict(CONSTANT, np.zeros((3, CONSTANT.gated_blocks), int), batch=1) == pytest.approx(
        ENTER_MS + HEAD_MS + CONSTANT.gated_blocks * (CALL_MS + OPTION_MS[8])
    )


def test_batches_of_other_sizes_lie_between_those_measured_and_beyond_them(gates) -> None:
    found = measured(gates)
    decisions = random_decisions(GATES, 32).numpy()
    few, many = (found.predict(GATES, decisions, batch) for batch in (4, 32))
    expected = (
        ENTER_MS
        + HEAD_MS
        + sum(
            0.1 + np.mean([OPTION_MS[option.bits] for option in [GATES.option_set[k] for k in column]])
            for column in decisions.T
        )
    )
    assert few == pytest.approx(expected + GATES.gated_blocks * CALL_MS / 4)
    assert many == pytest.approx(expected + GATES.gated_blocks * CALL_MS / 8), "as batches of the largest size"


def test_one_image_is_its_share_of_a_batch_part_by_part(gates) -> None:
    found = measured(gates)
    names = ("skip", "full", *["8"] * (GATES.gated_blocks - 2))
    one = found.of_image(GATES, [names], batch=2)
    assert one.enter == pytest.approx(ENTER_MS)
    assert one.blocks[:2] == pytest.approx((0.5 + CALL_MS / 2, 7 + CALL_MS / 2))
    assert one.total == pytest.approx(found.predict(GATES, [[GATES.option_set.index(n) for n in names]] * 2, batch=2))


def test_a_slow_network_leaves_out_large_batches_and_ends_in_time(gates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPTION_MS, 32, 400.0)
    engine, shares = Slow(gates), []
    found = calibrate(gates, engine, sizes=(1, 2, 8), report=shares.append, clock=engine.clock)
    assert found.sizes == (1, 2), "eight images would take six seconds"
    assert engine.now < 20
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_calibration_is_kept_and_serves_networks_of_its_shape(
    gates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kept.find(GATES) is None
    found = measured(gates)
    path = kept.keep(found)
    assert path is not None
    assert path.parent == tmp_path / "dfs-explorer"
    assert kept.find(GATES) == found
    others = {
        "same kinds": replace(GATES, options="skip,3,4,8,16"),
        "other kinds": replace(GATES, options="skip,8,full"),
    }
    assert kept.find(others["same kinds"]) == found
    assert kept.find(others["other kinds"]) is None
    assert kept.find(replace(GATES, depth=14)) is None
    assert kept.find(GATES, threads=found.threads + 1) is None
    assert kept.find(GATES, kernels="library") is None
    later = replace(found, date="2999-01-01T00:00:00+00:00")
    kept.keep(later)
    assert kept.find(GATES) == later
    assert len(list(path.parent.iterdir())) == 1, "it takes the older one's place"
    monkeypatch.setattr(kept, "this_machine", lambda: replace(found.machine, processor="another"))
    assert kept.find(GATES) is None, "it holds for its machine alone"


DAMAGE = {
    "no JSON": lambda data: "{",
    "no table": lambda data: "[]",
    "sizes out of order": lambda data: json.dumps(data | {"sizes": [8, 1, 2]}),
    "time below 0": lambda data: json.dumps(data | {"enter": [-1, 2, 3]}),
    "a block too few": lambda data: json.dumps(data | {"blocks": data["blocks"][1:]}),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_counts_as_absent(gates, damage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = kept.keep(measured(gates))
    assert path is not None
    path.write_text(damage(json.loads(path.read_text())))
    assert kept.find(GATES) is None


def test_where_nothing_can_be_written_nothing_is_kept(gates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert kept.keep(measured(gates)) is None
    assert kept.find(GATES) is None


def test_another_network_is_refused(gates) -> None:
    with pytest.raises(UserError, match="another shape"):
        measured(gates).predict(CASCADE, np.zeros((1, 2, CASCADE.gated_blocks), int), batch=1)


def test_kinds_follow_what_the_engine_rounds() -> None:
    assert WHOLE == LEARNED_BITS
    assert [kind_of(Option(bits)) for bits in (0, 2, 7, 8, 9, 32)] == [
        "skip", "few bits", "few bits", "8 bits", "real", "real",
    ]  # fmt: skip
    assert NetworkShape.of(CASCADE).kinds == ("few bits", "8 bits")
