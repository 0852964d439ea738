"""Costs: against sums written out by hand, and against a counter that watches the network run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.cost import CostModel, cost_models, count_macs, mac_energy
from dfs_core.model.network import DFSNet
from dfs_core.model.options import Option

# ResNet-8 by hand: output pixels x output channels x inputs of each, for every layer.
STEM = 32 * 32 * 16 * (9 * 3)
BLOCK_1 = 32 * 32 * 16 * (9 * 16) + 32 * 32 * 16 * (9 * 16)
BLOCK_2 = 16 * 16 * 32 * (9 * 16) + 16 * 16 * 32 * (9 * 32)
SHORTCUT_2 = 16 * 16 * 32 * 16
BLOCK_3 = 8 * 8 * 64 * (9 * 32) + 8 * 8 * 64 * (9 * 64)
SHORTCUT_3 = 8 * 8 * 64 * 32
POOL = 8 * 8 * 64
CLASSIFIER = 64 * 10
PLAIN = STEM + BLOCK_1 + BLOCK_2 + SHORTCUT_2 + BLOCK_3 + SHORTCUT_3 + POOL + CLASSIFIER

# The gates of its two gated blocks: pool of the block's input, embedding to 10, LSTM (four gates), 4 options.
GATE_2 = 32 * 32 * 16 + 16 * 10 + 4 * (10 * 10 + 10 * 10) + 10 * 4
GATE_3 = 16 * 16 * 32 + 32 * 10 + 4 * (10 * 10 + 10 * 10) + 10 * 4
ALWAYS = STEM + BLOCK_1 + POOL + CLASSIFIER + GATE_2 + GATE_3

RESNET8 = ModelConfig(depth=8, options="skip,4,8,full")
SKIP, FOUR, EIGHT, FULL = range(4)

configs = st.builds(
    ModelConfig,
    depth=st.sampled_from([8, 14, 38]),
    options=st.sampled_from(["paper", "lowbit", "skipnet", "skip,2,3,4,5,6,7,9,full", "8,full"]),
)


def percent(macs: float) -> float:
    return 100 * macs / PLAIN


def one(config: ModelConfig, key: str, *decisions: int) -> float:
    return float(cost_models(config)[key].per_image(np.array([decisions]))[0])


@pytest.mark.parametrize(
    ("decisions", "macs", "bitops"),
    [
        ((FULL, FULL), BLOCK_2 + SHORTCUT_2 + BLOCK_3 + SHORTCUT_3, BLOCK_2 + SHORTCUT_2 + BLOCK_3 + SHORTCUT_3),
        ((SKIP, SKIP), SHORTCUT_2 + SHORTCUT_3, SHORTCUT_2 + SHORTCUT_3),
        ((SKIP, FOUR), SHORTCUT_2 + BLOCK_3 + SHORTCUT_3, SHORTCUT_2 + (BLOCK_3 + SHORTCUT_3) * 16 / 1024),
        ((EIGHT, SKIP), BLOCK_2 + SHORTCUT_2 + SHORTCUT_3, (BLOCK_2 + SHORTCUT_2) * 64 / 1024 + SHORTCUT_3),
    ],
)
def test_sums_of_resnet8_equal_those_by_hand(decisions: tuple[int, int], macs: float, bitops: float) -> None:
    assert one(RESNET8, "macs", *decisions) == pytest.approx(percent(ALWAYS + macs))
    assert one(RESNET8, "bitops", *decisions) == pytest.approx(percent(ALWAYS + bitops))


def test_skipping_a_strided_block_pays_its_shortcut_in_full_and_other_blocks_nothing() -> None:
    config = ModelConfig(depth=14, options="skip,2,full")
    table = cost_models(config)["bitops"].table
    plain = count_macs(config).plain
    by_hand = [0.0, SHORTCUT_2, 0.0, SHORTCUT_3, 0.0]  # blocks 3 and 5 of ResNet-14 are strided
    assert [row[0] for row in table] == pytest.approx([100 * macs / plain for macs in by_hand])
    # 2 bits cost 1/256 of the whole strided block, shortcut included: less than skipping it.
    assert table[1][1] < table[1][0]


def test_everything_in_full_costs_more_than_the_plain_network_by_exactly_the_gates() -> None:
    for key in ("macs", "bitops", "energy"):
        assert one(RESNET8, key, FULL, FULL) == pytest.approx(100 + percent(GATE_2 + GATE_3))
        assert one(backbone_config(8), key, 0, 0) == pytest.approx(100)


def test_constant_policies_have_no_gates_to_pay() -> None:
    static = ModelConfig(depth=8, options="skip,4,8,full", policy="constant", constant=("8",))
    gates = percent(GATE_2 + GATE_3)
    assert one(RESNET8, "bitops", EIGHT, EIGHT) - one(static, "bitops", EIGHT, EIGHT) == pytest.approx(gates)


@pytest.mark.parametrize(
    ("name", "picojoules"),
    [
        ("skip", 0.0),
        ("full", 3.7 + 0.9),
        ("8", 0.2 + 0.1),
        # log(3.1 / 0.2) / log(32 / 8) = 1.97709; 2^1.97709 = 3.93700, 4^1.97709 = 15.5
        ("16", 0.2 * 3.93700 + 0.1),
        ("4", 0.2 / 3.93700 + 0.1),
        ("2", 0.2 / 15.5 + 0.1),
    ],
)
def test_energy_of_a_mac_is_that_of_the_table_and_on_its_power_law_between(name: str, picojoules: float) -> None:
    assert mac_energy(Option.parse(name)) == pytest.approx(picojoules, abs=1e-5)


def test_the_energy_of_resnet8_equals_the_sum_by_hand() -> None:
    # In pJ: everything at 4.6 but block 3 and its shortcut, whose MACs take 0.3 at 8 bits.
    picojoules = (ALWAYS + SHORTCUT_2) * 4.6 + (BLOCK_3 + SHORTCUT_3) * 0.3
    assert one(RESNET8, "energy", SKIP, EIGHT) == pytest.approx(100 * picojoules / (PLAIN * 4.6))


@pytest.mark.parametrize(
    ("decisions", "cp"),
    [
        ((FULL, FULL), 100.0),
        ((SKIP, SKIP), 0.0),
        ((EIGHT, EIGHT), 6.25),
        ((FOUR, FOUR), 1.5625),
        ((SKIP, FULL), 50.0),
        ((EIGHT, FULL), 53.125),
    ],
)
def test_cp_is_the_mean_of_the_options_costs(decisions: tuple[int, int], cp: float) -> None:
    assert one(RESNET8, "cp", *decisions) == pytest.approx(cp)


def test_reference_and_total_say_what_100_percent_is_and_the_mean() -> None:
    models = cost_models(RESNET8)
    assert {key: model.key for key, model in models.items()} == {key: key for key in ("cp", "macs", "bitops", "energy")}
    assert models["macs"].reference == PLAIN
    assert models["energy"].reference == pytest.approx(PLAIN * 4.6)
    assert models["bitops"].reference == PLAIN * 32 * 32
    assert models["cp"].reference == 2
    assert models["cp"].total(np.array([[SKIP, SKIP], [FULL, FULL], [EIGHT, EIGHT]])) == pytest.approx(106.25 / 3)


@pytest.mark.parametrize("depth", [8, 14])
@pytest.mark.parametrize("classes", [10, 100])
def test_macs_of_the_plain_network_are_those_that_it_executes(depth: int, classes: int) -> None:
    config = backbone_config(depth, classes)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        DFSNet(config).eval()(torch.zeros(2, 3, 32, 32))
    macs = count_macs(config)
    assert counter.get_total_flops() == 2 * 2 * (macs.plain - macs.pooling)  # two images; a pool is no FLOP to it


def test_macs_of_the_gates_are_those_that_they_execute() -> None:
    model = DFSNet(RESNET8).eval()
    sizes = ((16, 32), (32, 16))
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        state = model.policy.start(torch.zeros(2, 1), torch.zeros(2))
        for block, (channels, size) in enumerate(sizes):
            seen = model.policy.features(torch.zeros(2, channels, size, size))
            _, state = model.policy.step(block, seen, state)
    gates = sum(block.gate for block in count_macs(RESNET8).blocks)
    assert gates == GATE_2 + GATE_3
    pooled = sum(channels * size**2 for channels, size in sizes)
    assert counter.get_total_flops() == 2 * 2 * (gates - pooled)


def test_macs_of_a_classifier_in_the_gate_are_those_that_it_executes() -> None:
    config = ModelConfig(depth=8, options="lowbit", policy="confidence")
    policy, counter = DFSNet(config).eval().policy, FlopCounterMode(display=False)
    sizes = ((16, 32), (32, 16))
    with counter, torch.no_grad():
        state = policy.start(torch.zeros(1, 1), torch.zeros(1))
        for block, (channels, size) in enumerate(sizes):
            _, state = policy.step(block, policy.features(torch.zeros(1, channels, size, size)), state)
    gates = [block.gate for block in count_macs(config).blocks[1:]]
    assert gates == [2 * channels * size**2 + 2 * channels * 10 for channels, size in sizes]
    table = 2 * 5 * 3  # looked up at the price: five steps of three terms, for each block
    assert counter.get_total_flops() == 2 * (sum(2 * channels * 10 for channels, _ in sizes) + table)


def test_a_policy_that_decides_once_is_paid_once() -> None:
    config = ModelConfig(depth=14, options="lowbit", policy="one-shot")
    policy, counter = DFSNet(config).eval().policy, FlopCounterMode(display=False)
    with counter, torch.no_grad():
        state = policy.start(torch.zeros(1, 16, 32, 32), torch.zeros(1))
        for block in range(config.gated_blocks):
            _, state = policy.step(block, torch.zeros(1), state)
    gates = [block.gate for block in count_macs(config).blocks]
    pooled = 16 * 32 * 32
    linear = (16 * 4 * 4 + 3) * 10 + 10 * config.gated_blocks * 6  # what it sees to 10, then to six options a block
    assert gates == [0, pooled + linear, 0, 0, 0, 0]
    table = config.gated_blocks * 5 * 3  # looked up at the price: five steps of three terms, for each block
    assert counter.get_total_flops() == 2 * (linear + table)


def test_the_ungated_full_precision_share_is_that_of_the_method() -> None:
    # Method section 1: about 6.5 % of all MACs for ResNet-38 and 3.2 % for ResNet-74, gates aside.
    for depth, share in ((38, 6.5), (74, 3.2)):
        macs = count_macs(ModelConfig(depth=depth))
        shortcuts = sum(block.shortcut for block in macs.blocks)
        ungated = macs.stem + macs.blocks[0].convolutions + shortcuts + macs.classifier
        assert 100 * ungated / macs.plain == pytest.approx(share, abs=0.05)


@given(configs, st.randoms(use_true_random=False))
def test_a_dearer_option_never_costs_less_but_for_the_shortcut_of_a_skip(config: ModelConfig, random) -> None:
    for model in cost_models(config).values():
        block = random.randrange(config.gated_blocks)
        row = list(model.table[block])
        strided = count_macs(config).blocks[block + 1].shortcut > 0
        if model.key in ("bitops", "energy") and strided:
            row = row[config.option_set.names.index("skip") + 1 :] if "skip" in config.option_set.names else row
        assert row == sorted(row)
        assert min(row) >= 0


@given(configs, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_per_image_is_the_sum_over_blocks_and_total_the_mean_over_images(
    config: ModelConfig, images: int, seed: int
) -> None:
    shape = (images, config.gated_blocks)
    decisions = np.random.default_rng(seed).integers(0, len(config.option_set), shape, dtype=np.uint8)
    for model in cost_models(config).values():
        sums = [model.fixed + sum(model.table[block][k] for block, k in enumerate(row)) for row in decisions]
        assert model.per_image(decisions).tolist() == pytest.approx(sums)
        assert model.total(decisions) == pytest.approx(sum(sums) / images)


def test_cp_leaves_out_everything_that_is_always_paid() -> None:
    models: dict[str, CostModel] = cost_models(RESNET8)
    assert models["cp"].fixed == 0
    assert models["bitops"].fixed == models["macs"].fixed == pytest.approx(percent(ALWAYS))
