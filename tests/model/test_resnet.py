"""Residual blocks: what each option runs, and which batch norm belongs to it."""

from __future__ import annotations

import pytest
import torch
from nets import block_shape
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dfs_core.model.config import ModelConfig
from dfs_core.model.execute import run_uniform
from dfs_core.model.layout import ConvShape, build_layout
from dfs_core.model.options import OptionSet
from dfs_core.model.resnet import PlainConv, ResidualBlock

OPTIONS = OptionSet.parse("skip,4,full")
SKIP, FOUR, FULL = range(3)


def block(stride: int, batch_norm: str = "per-option", quantiser: str = "lsq") -> ResidualBlock:
    torch.manual_seed(stride)
    config = ModelConfig(depth=8, options="skip,4,full", batch_norm=batch_norm, quantiser=quantiser)
    return ResidualBlock(block_shape(stride), OPTIONS, config).eval()


def images(n: int = 3) -> Tensor:
    return torch.randn(n, 16, 8, 8, generator=torch.Generator().manual_seed(0))


def means(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.named_buffers() if name.endswith("running_mean")}


def test_skipping_an_identity_block_returns_its_input_itself() -> None:
    x = images()
    assert run_uniform(block(1), x, SKIP) is x


def test_skipping_a_strided_block_returns_its_shortcut_in_full_precision_without_a_relu() -> None:
    strided, x = block(2), images()
    with torch.no_grad():
        found = run_uniform(strided, x, SKIP)
        wanted = strided.shortcut_bn["skip"](torch.nn.functional.conv2d(x, strided.shortcut_conv.weight, stride=2))
    torch.testing.assert_close(found, wanted)
    assert found.min() < 0


@pytest.mark.parametrize("stride", [1, 2])
def test_in_full_it_is_the_textbooks_block(stride: int) -> None:
    net, x = block(stride), images()
    conv = torch.nn.functional.conv2d
    with torch.no_grad():
        inner = net.bn1["full"](conv(x, net.conv1.weight, stride=stride, padding=1)).relu()
        out = net.bn2["full"](conv(inner, net.conv2.weight, padding=1))
        shortcut = net.shortcut_bn["full"](conv(x, net.shortcut_conv.weight, stride=2)) if stride == 2 else x
        torch.testing.assert_close(run_uniform(net, x, FULL), (out + shortcut).relu())


@pytest.mark.parametrize("quantiser", ["lsq", "minmax"])
def test_an_options_bits_apply_to_both_convolutions_and_to_the_shortcuts(quantiser: str) -> None:
    net, seen = block(2, quantiser=quantiser), {}
    for name in ("conv1", "conv2", "shortcut_conv"):
        conv = getattr(net, name)

        def convolve(x: Tensor, weight: Tensor, name: str = name, conv: PlainConv = conv) -> Tensor:
            seen[name] = (len(x.unique()), len(weight.unique()))
            return PlainConv.convolve(conv, x, weight)

        conv.convolve = convolve
    with torch.no_grad():
        run_uniform(net, images(), FOUR)
        assert seen.keys() == {"conv1", "conv2", "shortcut_conv"}
        assert all(1 < inputs <= 16 and 1 < weights <= 16 for inputs, weights in seen.values())
        run_uniform(net, images(), FULL)
        assert all(min(levels) > 400 for levels in seen.values())


@pytest.mark.parametrize("number", [2, 4])
def test_an_options_bits_apply_to_all_three_convolutions_of_a_bottleneck(number: int) -> None:
    torch.manual_seed(0)
    config = ModelConfig(architecture="imagenet-resnet", depth=50, width=1 / 16, image_size=64, options="skip,4,full")
    own = build_layout("imagenet-resnet", 50, 1 / 16, 64).blocks[number - 1]
    net, seen = ResidualBlock(own, OPTIONS, config).eval(), {}
    convolutions = {name: module for name, module in net.named_children() if isinstance(module, PlainConv)}
    assert set(convolutions) == {"conv1", "conv2", "conv3", *(["shortcut_conv"] if number == 4 else [])}
    for name, conv in convolutions.items():
        conv.register_forward_pre_hook(lambda conv, args, name=name: seen.update({name: args[1].counts}))
    x = torch.randn(2, own.inputs, own.input_size, own.input_size)
    with torch.no_grad():
        found = run_uniform(net, x, FOUR)
    assert found.shape == (2, own.channels, own.size, own.size)
    assert seen == {name: {OPTIONS[FOUR]: 2} for name in convolutions}


def test_a_bottleneck_in_full_is_the_textbooks_block() -> None:
    config = ModelConfig(architecture="imagenet-resnet", depth=50, width=1 / 16, image_size=64, options="skip,4,full")
    own = config.layout.blocks[3]
    assert own.shortcut is not None
    net, x = ResidualBlock(own, OPTIONS, config).eval(), torch.randn(2, own.inputs, own.input_size, own.input_size)
    conv = torch.nn.functional.conv2d
    with torch.no_grad():
        inner = net.bn1["full"](conv(x, net.conv1.weight)).relu()
        inner = net.bn2["full"](conv(inner, net.conv2.weight, stride=2, padding=1)).relu()
        out = net.bn3["full"](conv(inner, net.conv3.weight))
        shortcut = net.shortcut_bn["full"](conv(x, net.shortcut_conv.weight, stride=2))
        torch.testing.assert_close(run_uniform(net, x, FULL), (out + shortcut).relu())
        skipped = net.shortcut_bn["skip"](conv(x, net.shortcut_conv.weight, stride=2))
        torch.testing.assert_close(run_uniform(net, x, SKIP), skipped)


def test_batch_norm_per_option_learns_from_its_own_images_only() -> None:
    net = block(2).train()
    before = means(net)
    run_uniform(net, images(), FOUR)
    changed = {name for name, value in means(net).items() if not torch.equal(value, before[name])}
    assert changed == {"bn1.4.running_mean", "bn2.4.running_mean", "shortcut_bn.4.running_mean"}
    run_uniform(net, images(), SKIP)
    assert not torch.equal(means(net)["shortcut_bn.skip.running_mean"], before["shortcut_bn.skip.running_mean"])


def test_shared_batch_norm_learns_from_every_option() -> None:
    net = block(1, "shared").train()
    assert set(means(net)) == {"bn1.shared.running_mean", "bn2.shared.running_mean"}
    for option in (FOUR, FULL):
        before = means(net)
        run_uniform(net, images(), option)
        assert all(not torch.equal(value, before[name]) for name, value in means(net).items())


def test_a_single_image_is_convolved_as_in_a_batch_and_trains_without_its_double() -> None:
    conv, x = PlainConv(ConvShape(16, 8, 3, 1, 8)), images()
    work = {}
    for training in (False, True):
        conv.train(training)
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            single = conv(x[:1])
        work[training] = counter.get_total_flops()
        torch.testing.assert_close(single, conv(x)[:1])
    assert work[False] == 2 * work[True]
