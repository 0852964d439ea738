"""Layouts: against the published networks, against a counter that watches them run, and by what they refuse."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from places import REPOSITORY
from torch.utils.flop_counter import FlopCounterMode

from dfs_core.data.vision import load_datasets
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.cost import count_macs
from dfs_core.model.layout import ARCHITECTURES, FIRST_GATED, ConvShape, Layout, architecture, build_layout
from dfs_core.model.network import DFSNet

SIZES = [
    ("cifar-resnet", 8, 1.0, 32),
    ("cifar-resnet", 14, 0.5, 33),
    ("cifar-resnet", 20, 2.0, 47),
    ("cifar-resnet", 8, 1.3, 96),
    ("imagenet-resnet", 18, 1.0, 64),
    ("imagenet-resnet", 18, 0.25, 97),
    ("imagenet-resnet", 34, 0.125, 224),
    ("imagenet-resnet", 50, 0.25, 64),
    ("imagenet-resnet", 50, 0.125, 130),
]
layouts = st.one_of(
    st.builds(
        build_layout,
        st.just("cifar-resnet"),
        st.integers(1, 9).map(lambda n: 6 * n + 2),
        st.floats(0.1, 4),
        st.integers(32, 300),
    ),
    st.builds(
        build_layout, st.just("imagenet-resnet"), st.sampled_from([18, 34, 50]), st.floats(0.1, 4), st.integers(64, 300)
    ),
)


@pytest.mark.parametrize(("name", "depth", "width", "size"), SIZES)
def test_the_macs_of_a_layout_are_those_that_its_network_executes(
    name: str, depth: int, width: float, size: int
) -> None:
    config = replace(backbone_config(classes=7), architecture=name, depth=depth, width=width, image_size=size)
    model = DFSNet(config).eval()
    per_block: list[int] = []
    counter = FlopCounterMode(display=False)
    for block in model.body.blocks:
        block.register_forward_pre_hook(lambda *_: per_block.append(-counter.get_total_flops()))
        block.register_forward_hook(lambda *_: per_block.append(per_block.pop() + counter.get_total_flops()))
    with counter, torch.no_grad():
        model(torch.zeros(2, 3, size, size))
    macs = count_macs(config)
    assert [flops // 4 for flops in per_block] == [block.macs + block.shortcut_macs for block in config.layout.blocks]
    assert counter.get_total_flops() == 2 * 2 * (macs.plain - macs.pooling)  # two images; a pool is no FLOP to it


@pytest.mark.parametrize(("name", "depth", "width", "size"), SIZES)
def test_every_block_gets_and_gives_what_its_layout_says(name: str, depth: int, width: float, size: int) -> None:
    config = replace(backbone_config(), architecture=name, depth=depth, width=width, image_size=size)
    model, seen = DFSNet(config).eval(), []
    for block in model.body.blocks:
        block.register_forward_hook(lambda _, given, out: seen.append((*given[0].shape[1:3], *out.shape[1:3])))
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    assert seen == [(block.inputs, block.input_size, block.channels, block.size) for block in config.layout.blocks]


@pytest.mark.parametrize(("depth", "gmacs"), [(18, 1.814), (34, 3.664), (50, 4.089)])
def test_the_imagenet_resnet_is_torchvisions(depth: int, gmacs: float) -> None:
    small = {"architecture": "imagenet-resnet", "depth": depth, "classes": 1000}
    macs = count_macs(replace(backbone_config(), **small, image_size=224))
    # As published for 224 pixels (torchvision's model pages), where the average pool is left out.
    assert (macs.plain - macs.pooling) / 1e9 == pytest.approx(gmacs, abs=0.001)
    load_datasets()  # so that torchvision can be imported beside any build of torch
    theirs = getattr(importlib.import_module("torchvision.models"), f"resnet{depth}")(weights=None).eval()
    ours = DFSNet(replace(backbone_config(), **small, image_size=64)).eval()
    state, given = ours.state_dict(), iter(theirs.state_dict().items())
    wanted = {}
    for key, value in given:
        match key.split("."):
            case ["conv1", *rest]:
                wanted[".".join(["body.stem.0", *rest])] = value
            case ["bn1", *rest]:
                wanted[".".join(["body.stem.1", *rest])] = value
            case ["fc", rest]:
                wanted[f"body.classifier.{rest}"] = value
            case [layer, position, part, *rest]:
                counts = [len(stage) for stage in ours.config.layout.stages]
                block = f"body.blocks.{sum(counts[: int(layer[-1]) - 1]) + int(position)}"
                if part == "downsample":
                    part, *rest = {"0": ["shortcut_conv"], "1": ["shortcut_bn"]}[rest[0]] + rest[1:]
                norm = ["full"] if "bn" in part else []
                wanted[".".join([block, part, *norm, *rest])] = value
    assert wanted.keys() == state.keys()
    ours.load_state_dict(wanted)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(images).logits, theirs(images), rtol=1e-3, atol=1e-4)


@given(layouts)
def test_blocks_are_numbered_from_one_and_all_but_the_first_are_gated(layout: Layout) -> None:
    assert [block.number for block in layout.blocks] == list(range(1, len(layout.blocks) + 1))
    assert layout.gated == layout.blocks[1:]
    assert layout.gated[0].number == FIRST_GATED == 2
    assert [block for stage in layout.stages for block in stage] == list(layout.blocks)
    assert [{block.stage for block in stage} for stage in layout.stages] == [
        {number} for number in range(1, len(layout.stages) + 1)
    ]


@given(layouts)
def test_each_block_takes_what_the_one_before_gives_and_strides_halve_the_side(layout: Layout) -> None:
    side = (layout.stem.size + 1) // 2 if layout.max_pool else layout.stem.size
    channels = layout.stem.outputs
    for block in layout.blocks:
        assert (block.inputs, block.input_size) == (channels, side)
        halves = any(conv.stride == 2 for conv in block.convolutions)
        channels, side = block.channels, (side + 1) // 2 if halves else side
        assert block.size == side >= 2, "a gate measures the spread of its input over pixels"
        assert (block.shortcut is None) == (not halves and block.inputs == block.channels)
        assert block.macs == sum(conv.macs for conv in block.convolutions) > 0


def test_the_macs_of_a_convolution_by_hand() -> None:
    assert ConvShape(inputs=3, outputs=5, kernel=7, stride=2, size=10).macs == 7 * 7 * 3 * 5 * 10 * 10


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        (("cifar-resnet", 38, 1.0, 32), "ResNet-38"),
        (("cifar-resnet", 38, 2.0, 48), "ResNet-38 x2, 48 px"),
        (("imagenet-resnet", 50, 1.0, 224), "ImageNet ResNet-50"),
        (("imagenet-resnet", 18, 0.5, 64), "ImageNet ResNet-18 x0.5, 64 px"),
    ],
)
def test_a_title_says_what_is_unusual(settings: tuple[str, int, float, int], title: str) -> None:
    assert build_layout(*settings).title == title


def test_a_new_architecture_is_a_function_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfs_core.model.layout.ARCHITECTURES", dict(ARCHITECTURES))

    @architecture("cifar-twice")
    def twice(depth: int, width: float, image_size: int) -> Layout:
        return build_layout("cifar-resnet", depth, 2 * width, image_size)

    config = ModelConfig(architecture="cifar-twice", depth=8)
    assert DFSNet(config)(torch.zeros(2, 3, 32, 32)).decisions.shape == (2, 2)
    assert config.layout.blocks[0].channels == 32


def test_what_does_not_exist_is_refused() -> None:
    for settings, reason in (
        (("resnext", 50, 1.0, 224), "architecture 'resnext' is unknown"),
        (("imagenet-resnet", 50, 1.0, 63), "64 to 1024 pixels, not 63"),
        (("imagenet-resnet", 20, 1.0, 64), "use 18, 34, 50"),
        (("cifar-resnet", 38, float("nan"), 32), "width is a factor"),
    ):
        with pytest.raises(UserError, match=reason):
            build_layout(*settings)


@pytest.mark.parametrize("module", ["layout", "options", "config", "cost"])
def test_settings_and_costs_are_read_without_torch(module: str) -> None:
    code = f"import sys, dfs_core.model.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0
