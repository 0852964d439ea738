"""The engine: the answers of the float simulation, on every kind of kernel that this machine has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from nets import inputs, random_decisions, settled_network
from tiny import make_network

from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.engine import build, compile_network, library, native, passes_check
from dfs_core.engine.check import _sample
from dfs_core.engine.compiled import CompiledConv, CompiledNet, Levels
from dfs_core.engine.native import NativeEngine
from dfs_core.errors import UserError
from dfs_core.evaluation.evaluate import exact
from dfs_core.model.config import ModelConfig
from dfs_core.model.execute import POLICY_DECIDES
from dfs_core.model.network import DFSNet, calibrate, finish
from dfs_core.model.utilities import TablePolicy
from dfs_core.predictor import Predictor

CONFIGS = {
    "gates": ModelConfig(depth=14, options="skip,4,8,16,full"),
    "gates at 8 bits and more": ModelConfig(depth=14, options="skip,8,full"),
    "every budget": ModelConfig(depth=14, options="skip,2,8,full", policy="confidence"),
    "static at 8 bits throughout": ModelConfig(depth=8, options="8", policy="constant", constant=("8",), ungated=8),
    "cascade": ModelConfig(
        depth=14,
        options="2,4,8",
        policy="cascade",
        passes=("2", "4", "8"),
        ungated=8,
        prices=((0.1, 4.0),),
        limits=((0.3, 0.4),),
    ),
}
IMAGES = inputs(24, seed=5)


@cache
def network(name: str) -> DFSNet:
    """One of ``CONFIGS``; shared by all tests, so not to be changed."""
    return settled_network(CONFIGS[name])


@pytest.fixture(params=["tiles", "registers", "library", "library without integers", "library without oneDNN"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name to compile for. Native kernels run with AMX and without; PyTorch's with 8-bit integers and without."""
    if request.param in ("library without integers", "library without oneDNN"):
        monkeypatch.setattr(library, "integers_are_exact", lambda: False)
    if request.param == "library without oneDNN":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    if request.param.startswith("library"):
        yield "library"
        return
    built = build.library()
    if built is None:
        pytest.skip("native kernels cannot be built here")
    wanted = request.param == "tiles"
    if bool(built.switch_amx(wanted)) is not wanted:
        pytest.skip("this processor has no AMX")
    yield "native"
    built.switch_amx(1)


@pytest.fixture(scope="module", params=list(CONFIGS))
def model(request: pytest.FixtureRequest) -> DFSNet:
    return network(request.param)


def test_the_engine_answers_as_the_simulation_does(model: DFSNet, kernels: str) -> None:
    """Images are of many decisions: forced ones too, so that every option of every block runs."""
    engine = compile_network(model, kernels)
    forced = None if model.config.passes else random_decisions(model.config, len(IMAGES))
    for decisions in (None, forced):
        with exact(IMAGES.device):
            ours = model(IMAGES, forced=decisions, execution=engine)
            theirs = model(IMAGES, forced=decisions)
        assert (ours.decisions == theirs.decisions).float().mean() > 0.99
        same = (ours.decisions == theirs.decisions).all(dim=1)
        scale = theirs.logits.std()
        off = (ours.logits - theirs.logits)[same].abs() / scale
        # A rounding that falls to the other side moves a few bits of an answer, so the typical error is what tells.
        assert off.median() < 0.02
        assert (ours.logits.argmax(dim=1) == theirs.logits.argmax(dim=1)).float().mean() > 0.9


def test_16_bits_take_nothing_below_0_from_a_skipped_strided_block(kernels: str) -> None:
    """Only such a block hands on values below 0. A step of 16 bits is tiny, so all answers are close."""
    model = settled_network(ModelConfig(depth=14, options="skip,16"))
    decisions = torch.tensor([1, 0, 1, 0, 1]).expand(len(IMAGES), -1)
    with exact(IMAGES.device):
        ours = model.execute(IMAGES, decisions, compile_network(model, kernels))
        theirs = model.execute(IMAGES, decisions)
    assert (ours - theirs).abs().max() < 0.05 * theirs.std()


@pytest.mark.parametrize("bits", [8, 12])
def test_neither_does_the_classifier(kernels: str, bits: int) -> None:
    model = settled_network(ModelConfig(depth=8, options="skip,8,12", ungated=bits))
    decisions = torch.tensor([1, 0]).expand(len(IMAGES), -1)  # skipped: the last block is strided
    with exact(IMAGES.device):
        ours = model.execute(IMAGES, decisions, compile_network(model, kernels))
        theirs = model.execute(IMAGES, decisions)
    assert (ours - theirs).abs().max() < 0.05 * theirs.std()


def test_bottlenecks_pooling_and_sides_of_any_length(kernels: str) -> None:
    config = ModelConfig(architecture="imagenet-resnet", depth=50, width=0.25, image_size=72, options="skip,8,full")
    model = make_network(config).eval()
    images = torch.nn.functional.interpolate(IMAGES[:6], size=72, mode="bilinear")
    calibrate(model, images)
    decisions = random_decisions(config, len(images))
    with exact(images.device):
        ours = model.execute(images, decisions, compile_network(model, kernels))
        theirs = model.execute(images, decisions)
    assert (ours - theirs).abs().median() < 0.02 * theirs.std()


def test_an_image_gets_the_same_alone_as_in_a_batch(kernels: str) -> None:
    model = network("gates at 8 bits and more")
    engine = compile_network(model, kernels)
    with exact(IMAGES.device):
        together = model(IMAGES, execution=engine)
        alone = [model(image[None], execution=engine) for image in IMAGES]
    assert len(set(map(tuple, together.decisions.tolist()))) > 1, "images decide differently"
    assert torch.equal(together.decisions, torch.cat([one.decisions for one in alone]))
    torch.testing.assert_close(together.logits, torch.cat([one.logits for one in alone]), rtol=0, atol=0.02)


@pytest.mark.parametrize("count", [2, 7, 24])
def test_threads_share_images_and_change_nothing(kernels: str, count: int) -> None:
    """Some threads get more images than others, and more than one round of them."""
    model, before = network("every budget"), torch.get_num_threads()
    engine, given = compile_network(model, kernels), IMAGES[:count]
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with exact(IMAGES.device):
                found.append(model(given, price=torch.logspace(-3, 0, count), execution=engine))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert torch.equal(found[0].decisions, other.decisions)
        torch.testing.assert_close(found[0].logits, other.logits, rtol=0, atol=0 if kernels == "native" else 1e-4)


def test_prices_and_decisions_may_lie_anywhere_in_memory(kernels: str) -> None:
    """One price for all images as a view of one number, and decisions as the columns of a larger table."""
    model = network("every budget")
    engine, blocks = compile_network(model, kernels), model.config.gated_blocks
    forced = random_decisions(model.config, len(IMAGES))
    forced[:, ::2] = POLICY_DECIDES
    table = torch.stack([forced, forced - 1], dim=2)[:, :, 0]
    price = torch.tensor([0.05])
    with exact(IMAGES.device):
        wanted = model(IMAGES, price=price.repeat(len(IMAGES)), forced=forced, execution=engine)
        found = model(IMAGES, price=price.expand(len(IMAGES)), forced=table, execution=engine)
    assert not table.is_contiguous()
    assert wanted.decisions.shape == (len(IMAGES), blocks)
    assert torch.equal(wanted.decisions, found.decisions)
    assert torch.equal(wanted.decisions[:, 1::2], forced[:, 1::2])
    torch.testing.assert_close(wanted.logits, found.logits)


def test_an_engine_is_a_copy_and_leaves_its_input_alone(kernels: str) -> None:
    model = deepcopy(network("gates"))
    engine = compile_network(model, kernels)
    given = IMAGES.clone()
    with exact(IMAGES.device):
        entered = engine.enter(given)
        kept = entered.clone()
        finish(engine, entered, torch.full((len(given), model.config.gated_blocks), 4))
        before = model(given, execution=engine).logits
        for parameter in (*model.body.blocks.parameters(), *model.policy.parameters()):
            parameter.zero_()
        after = model(given, execution=engine).logits
    assert torch.equal(entered, kept), "a cascade's next pass begins with it"
    assert torch.equal(given, IMAGES)
    torch.testing.assert_close(before, after)


def test_native_and_library_kernels_agree() -> None:
    built = build.library()
    if built is None:
        pytest.skip("native kernels cannot be built here")
    model = network("static at 8 bits throughout")
    with exact(IMAGES.device):
        ours, theirs = (model(IMAGES, execution=compile_network(model, k)).logits for k in ("native", "library"))
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02 * float(theirs.std()))


def test_a_convolution_of_bytes_is_exact(kernels: str) -> None:
    """Whole numbers in, whole numbers out: the largest levels that there are, in the kernels that hold them longest."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(-128, 128, (16, 16, 3, 3), generator=generator).float()
    x = torch.randint(0, 256, (3, 16, 9, 16), generator=generator).float().to(memory_format=torch.channels_last)
    conv = CompiledConv(weight, Levels(1.0, 0, 255), None, torch.ones(16), torch.zeros(16), 1, 1)
    wanted = torch.nn.functional.conv2d(x.double(), weight.double(), padding=1).clamp_min(0)
    if kernels == "native":
        rows = x.permute(0, 2, 3, 1).contiguous()
        found = native._convolve(build.library(), native.NativeConv(conv, torch.float32, amx=False), rows).permute(
            0, 3, 1, 2
        )
    else:
        form = library.form_of(conv, torch.float32)
        found = form.plain(form.enter(x)).relu()
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=0)


@pytest.mark.parametrize("outputs", [16, 32])
def test_six_products_in_bf16_are_one_in_float32(outputs: int) -> None:
    built = build.library()
    if built is None or not built.uses_amx():
        pytest.skip("this processor has no AMX")
    generator = torch.Generator().manual_seed(0)
    weight, x = (torch.randn(size, generator=generator) for size in ((outputs, 16, 3, 3), (2, 16, 7, 16)))
    conv = CompiledConv(weight, None, None, torch.ones(outputs), torch.zeros(outputs), 1, 1)
    wanted = torch.nn.functional.conv2d(x.double(), weight.double(), padding=1).clamp_min(0)
    rows = x.permute(0, 2, 3, 1).contiguous()
    off = {}
    for amx in (True, False):  # in six products, in float32
        found = native._convolve(built, native.NativeConv(conv, torch.float32, amx), rows).permute(0, 3, 1, 2)
        off[amx] = float((found - wanted).abs().max() / wanted.std())
    assert off[True] < 2 * off[False]
    assert off[False] < 1e-5


def test_without_a_compiler_the_engine_runs_on_pytorch_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for function in (build._compiler, build._target, build._built):
        function.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    model = network("static at 8 bits throughout")
    try:
        assert isinstance(compile_network(model), library.LibraryEngine)
        with pytest.raises(UserError, match="native kernels need"):
            compile_network(model, "native")
    finally:
        monkeypatch.undo()
        for function in (build._compiler, build._target, build._built):
            function.cache_clear()


def test_a_compiler_that_fails_costs_nothing_but_speed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    for function in (build._compiler, build._target, build._built):
        function.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "cpu_facts", lambda: {"flags": "avx512_vnni"})
    try:
        model = network("static at 8 bits throughout")
        with pytest.warns(UserWarning, match="its C.. cannot be used"):
            assert isinstance(compile_network(model), library.LibraryEngine)
        assert not list((tmp_path / "cache").glob("**/*.so"))
    finally:
        monkeypatch.undo()
        for function in (build._compiler, build._target, build._built):
            function.cache_clear()


def test_min_max_networks_are_refused_in_one_line() -> None:
    model = settled_network(ModelConfig(depth=8, options="skip,8,full", quantiser="minmax"))
    with pytest.raises(UserError, match="use execution 'grouped'"):
        compile_network(model)


def test_an_engine_that_answers_otherwise_fails_its_check(tiny_checkpoint: Checkpoint) -> None:
    model = tiny_checkpoint.model
    assert passes_check(model, compile_network(model))
    assert not passes_check(model, compile_network(settled_network(model.config)))


def test_an_answer_that_the_network_holds_as_near_as_its_own_is_no_error_of_the_engine(
    tiny_checkpoint: Checkpoint,
) -> None:
    network, twin = (deepcopy(tiny_checkpoint.model) for _ in range(2))
    for model, first in ((network, 0), (twin, 1)):  # all images are of two classes that are as good as one
        classifier = model.body.classifier
        classifier.bias.data[:2] = 100.0
        classifier.bias.data[first] += 0.5
        classifier.weight.data[:2] = 0.0
    assert not torch.equal(network(_sample(32)).logits.argmax(1), twin(_sample(32)).logits.argmax(1))
    assert passes_check(network, compile_network(twin))
    twin.body.classifier.bias.data[2] = 200.0
    assert not passes_check(network, compile_network(twin))


def test_a_predictor_on_the_engine_gives_the_same_traces(tiny_checkpoint: Checkpoint) -> None:
    plain = Predictor(tiny_checkpoint)
    compiled = plain.compiled()
    assert compiled.execution != "grouped"
    images = [(IMAGES[i].permute(1, 2, 0).sigmoid() * 255).byte().numpy() for i in range(4)]
    for ours, theirs in zip(compiled.predict(images), plain.predict(images), strict=True):
        assert ours.decisions == theirs.decisions
        assert ours.cp == theirs.cp
        assert ours.class_probabilities == pytest.approx(theirs.class_probabilities, abs=0.02)


def test_where_the_engine_fails_for_whatever_reason_the_network_is_simulated(
    tiny_checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_convolution_pointwise'")

    monkeypatch.setattr("dfs_core.predictor.passes_check", missing)
    with pytest.warns(UserWarning, match="the engine cannot be used here, so networks are simulated: '_OpNamespace'"):
        assert Predictor(tiny_checkpoint).compiled().execution == "grouped"


def test_signed_values_of_few_bits_stay_within_their_levels() -> None:
    form = object.__new__(library.Integers)
    form.levels, form.zero = Levels(0.1, -8, 7), library.SHIFT
    found = form.enter(torch.tensor([[[[-5.0, -0.8, 0.0, 0.7, 5.0]]]]))
    assert (found.int() - library.SHIFT).flatten().tolist() == [-8, -8, 0, 7, 7]


class _Seeing(TablePolicy):
    """A policy of one's own, as docs/recipes.md has it: it sees averages, and the source knows nothing of it."""


def test_the_source_runs_only_policies_that_it_knows() -> None:
    built = SimpleNamespace(has_bf16=lambda: True)

    def supported(policy: str, own: type | None = None, **more: object) -> bool:
        model = settled_network(ModelConfig(depth=8, options="skip,8,full", policy=policy, **more))
        if own:
            model.policy.__class__ = own
        return NativeEngine.supports(CompiledNet.of(model), built)

    assert all(supported(policy) for policy in ("recurrent", "utility", "confidence", "one-shot", "table"))
    assert not supported("table", _Seeing)
    assert not supported("one-shot", ungated=8), "it would see values that are not rounded"


def test_the_time_before_the_blocks_is_noted_where_a_policy_looks_once() -> None:
    body, spans = object.__new__(NativeEngine), torch.zeros(3, dtype=torch.int64)
    body.enter, body.threads = lambda images: time.sleep(0.02) or images, lambda count: 2
    body._enter_timed(torch.zeros(1), spans)
    assert spans[0] >= 2 * 0.02e9
    assert spans[1:].sum() == 0
