"""Model settings: what they imply, what they refuse, and that plain data are read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig, backbone_config

gated_configs = st.builds(
    ModelConfig,
    depth=st.integers(1, 20).map(lambda n: 6 * n + 2),
    width=st.sampled_from([0.5, 1.0, 4.0]),
    image_size=st.integers(32, 256),
    classes=st.integers(2, 1000),
    options=st.sampled_from(["paper", "skipnet", "skip,2,5,full", "8"]),
    quantiser=st.sampled_from(["lsq", "minmax"]),
    batch_norm=st.sampled_from(["shared", "per-option"]),
    gate_width=st.integers(1, 64),
    budget=st.none() | st.floats(0.01, 100),
)


@pytest.mark.parametrize(
    ("depth", "per_stage", "gated"), [(8, 1, 2), (14, 2, 5), (38, 6, 17), (74, 12, 35), (110, 18, 53)]
)
def test_all_blocks_but_the_first_are_gated(depth: int, per_stage: int, gated: int) -> None:
    config = ModelConfig(depth=depth)
    assert [len(stage) for stage in config.layout.stages] == [per_stage] * 3
    assert config.gated_blocks == len(config.layout.gated) == gated


@given(gated_configs)
def test_settings_come_back_from_json_as_they_were(config: ModelConfig) -> None:
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_settings_that_older_checkpoints_lack_are_written_only_where_they_say_something() -> None:
    assert ModelConfig().to_dict().keys().isdisjoint({"architecture", "width", "image_size"})
    own = ModelConfig(architecture="imagenet-resnet", depth=18, width=0.5, image_size=64)
    assert own.to_dict().items() >= {"architecture": "imagenet-resnet", "width": 0.5, "image_size": 64}.items()
    assert ModelConfig.from_dict(json.loads(json.dumps(own.to_dict()))) == own


def test_constant_decisions_come_back_from_json_as_they_were() -> None:
    config = ModelConfig(depth=8, options="paper", policy="constant", constant=("8", "skip"))
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_backbone_runs_every_block_in_full() -> None:
    config = backbone_config(14, 100)
    assert config.option_set.names == ("full",)
    assert (config.policy, config.constant, config.classes) == ("constant", ("full",), 100)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"depth": 40}, "depth 40 is not 6n"),
        ({"depth": 2}, "depth 2 is not 6n"),
        ({"depth": -4}, "depth -4 is not 6n"),
        ({"architecture": "vgg"}, "architecture 'vgg' is unknown: use cifar-resnet or imagenet-resnet"),
        ({"architecture": "imagenet-resnet"}, "there is no ImageNet ResNet of depth 38: use 18, 34, 50"),
        ({"architecture": "imagenet-resnet", "depth": 18}, "takes images of 64 to 1024 pixels, not 32: set image_size"),
        ({"image_size": 31}, "cifar-resnet takes images of 32 to 1024 pixels, not 31"),
        ({"image_size": 2000}, "32 to 1024 pixels, not 2000"),
        ({"width": 0}, "width is a factor on the channels, above 0 and up to 64, not 0"),
        ({"width": -1.0}, "width is a factor"),
        ({"classes": 1}, "at least two classes"),
        ({"gate_width": 0}, "gate_width must be positive"),
        ({"policy": "random"}, "policy 'random' is unknown: use constant or recurrent"),
        ({"quantiser": "pact"}, "quantiser 'pact' is unknown: use minmax or lsq"),
        ({"batch_norm": "none"}, "batch_norm 'none' is unknown: use shared or per-option"),
        ({"budget": 0}, "above 0 and up to 100, not 0"),
        ({"budget": 100.5}, "above 0 and up to 100, not 100.5"),
        ({"options": "skip,1"}, "option set 'skip,1'"),
        ({"policy": "constant"}, "the constant policy needs its options"),
        ({"constant": ["8"]}, "the constant policy needs its options"),
        ({"depth": 14, "policy": "constant", "constant": ["8"] * 4}, "needs one option or 5, not 4"),
        ({"policy": "constant", "constant": ["10"]}, "option '10' is not in this set"),
    ],
)
def test_a_value_out_of_range_is_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        ModelConfig.from_dict(settings)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"options": 5}, "options must be a word of at most 200 characters, not 5"),
        ({"depth": 38.0}, "depth must be a whole number of at most 2000, not 38.0"),
        ({"classes": True}, "classes must be a whole number of at most 100,000, not True"),
        ({"budget": "20"}, "budget must be a number or null, not '20'"),
        ({"budget": float("nan")}, "budget must be a number, not nan"),
        ({"policy": 1}, "policy must be a word, not 1"),
        ({"constant": "full"}, "constant must be a list, each item a text, not 'full'"),
        ({"constant": [8]}, r"constant\[0\] must be a text, not 8"),
        ({"widths": 3, "detph": 38}, "unknown key detph, widths"),
        (["depth", 38], r"it must be a table, not \['depth', 38\]"),
        (None, "it must be a table, not None"),
    ],
)
def test_a_value_of_a_wrong_type_or_name_is_one_clear_line(settings: Any, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        ModelConfig.from_dict(settings)
    assert "\n" not in str(refusal.value)


def test_only_the_trained_budget_is_accepted() -> None:
    config = ModelConfig(budget=20.0)
    assert config.operating_point() == (20, 0.0)
    assert config.operating_point(20) == (20, 0.0)
    with pytest.raises(UserError, match="trained for a budget of 20 %, not 30 %"):
        config.operating_point(30)


def test_a_model_without_a_budget_accepts_none() -> None:
    assert ModelConfig().operating_point() == (None, 0.0)
    with pytest.raises(UserError, match="one fixed cost and no budget"):
        ModelConfig().operating_point(20)


def test_the_usual_budget_lies_within_the_range_however_narrow() -> None:
    config = ModelConfig(policy="table", options="lowbit", prices=((0.1, 1.04), (0.2, 1.01)))
    assert config.operating_point()[0] == pytest.approx(1.0249, abs=1e-4)
