"""The C++ source is built on any machine that it is written for, and nothing is read that is not there."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import make_network

from dfs_core.engine import build, compile_network, native
from dfs_core.engine.gates import gates_of
from dfs_core.errors import UserError
from dfs_core.model import precision
from dfs_core.model.config import ModelConfig
from dfs_core.model.utilities import UtilityPolicy

GCC = shutil.which("g++") if platform.machine() == "x86_64" else None
needs_gcc = pytest.mark.skipif(GCC is None, reason="needs g++ on x86-64")


@needs_gcc
@pytest.mark.parametrize("processor", ["cascadelake", "cooperlake", "sapphirerapids"])
def test_the_source_is_right_for_every_processor_that_it_is_written_for(processor: str) -> None:
    flags = [flag for flag in build.FLAGS if flag not in ("-march=native", "-shared", "-O3", "-w")]
    for source in build.SOURCES:
        command = [str(GCC), f"-march={processor}", *flags, "-fsyntax-only", str(source)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr


@needs_gcc
def test_the_compiler_keeps_what_configures_the_tiles(tmp_path: Path) -> None:
    (source,) = (source for source in build.SOURCES if source.name == "native.cpp")
    flags = [flag for flag in build.FLAGS if flag not in ("-march=native", "-shared")]
    made = tmp_path / "native.s"
    command = [str(GCC), "-march=sapphirerapids", "-fno-inline", *flags, "-S", "-o", str(made), str(source)]
    subprocess.run(command, check=True, timeout=120)
    before = made.read_text().partition("ldtilecfg")[0].rpartition(".cfi_startproc")[2]
    assert "%edi" in before, "the number of pixels"
    assert "%esi" in before, "the number of lanes"


def test_what_others_could_have_put_into_the_cache_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "engine.so"
    target.write_bytes(b"")
    loaded: list[str] = []
    monkeypatch.setattr(build, "_target", lambda: target)
    monkeypatch.setattr(
        build.ctypes, "CDLL", lambda path: loaded.append(path) or SimpleNamespace(switch_amx=lambda on: None)
    )
    build._built.cache_clear()
    try:
        tmp_path.chmod(0o777)
        with pytest.warns(UserWarning, match=rf"PyTorch's kernels, .*: others may write in {tmp_path}"):
            assert build._built() is None
        assert not loaded
        build._built.cache_clear()
        tmp_path.chmod(0o755)
        assert build._built() is not None
        assert loaded == [str(target)]
    finally:
        build._built.cache_clear()


@needs_gcc
def test_what_the_compiler_says_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong.cpp"
    wrong.write_text("int answer() { return unknown; }\n")
    monkeypatch.setattr(build, "SOURCES", (wrong,))
    monkeypatch.setattr(build, "_target", lambda: tmp_path / "cache" / "engine.so")
    build._built.cache_clear()
    try:
        with pytest.warns(UserWarning, match=r"its C\+\+ cannot be used: .*wrong\.cpp:1.*error: .unknown."):
            assert build._built() is None
    finally:
        build._built.cache_clear()


def test_images_of_another_size_are_refused_before_the_source_reads_beyond_them() -> None:
    engine = SimpleNamespace(image=(32, 32, 3), first_shape=(32, 32, 16, 32, 32, 16))
    native.NativeEngine._check(engine, torch.zeros(4, 3, 32, 32), False)
    native.NativeEngine._check(engine, torch.zeros(4, 16, 32, 32), True)
    for shape, entered in (((4, 3, 16, 16), False), ((4, 1, 32, 32), False), ((4, 3, 32, 32), True)):
        with pytest.raises(UserError, match=r"the engine takes .* channels of 32 x 32 values on the CPU, not"):
            native.NativeEngine._check(engine, torch.zeros(shape), entered)


def test_a_network_that_is_not_on_the_cpu_is_refused() -> None:
    model = make_network(ModelConfig(depth=8, options="skip,8,full")).to("meta")
    with pytest.raises(UserError, match="the engine runs on the CPU, and this network is on meta: load it there"):
        compile_network(model)


def test_a_policy_of_ones_own_is_not_taken_for_the_one_that_it_is_made_from() -> None:
    class Mine(UtilityPolicy):
        """Decides otherwise."""

    config = ModelConfig(depth=8, options="skip,8,full", policy="utility")
    policy = make_network(config).policy
    assert gates_of(policy, config.gated_blocks) is not None
    policy.__class__ = Mine
    assert gates_of(policy, config.gated_blocks) is None


def test_no_thread_goes_on_writing_after_an_interruption() -> None:
    done: list[int] = []

    def work(part: int, parts: int) -> None:
        if part == 0:
            raise KeyboardInterrupt
        time.sleep(0.1)
        done.append(part)

    with pytest.raises(KeyboardInterrupt):
        native._in_threads(2, work)
    assert done == [1]


@pytest.mark.parametrize(
    ("flags", "found"), [("avx512f avx512_vnni", False), ("avx512f avx512_bf16", True), ("amx_bf16", True)]
)
def test_emulated_bf16_is_no_bf16(flags: str, found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "cpu_facts", lambda: {"flags": flags})
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert precision.has_bf16(torch.device("cpu")) is found


@pytest.mark.parametrize("has", [False, True])
def test_where_no_flags_are_told_pytorch_says_whether_bf16_is_emulated(
    has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_facts", dict)
    monkeypatch.setattr(precision.platform, "machine", lambda: "AMD64")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert precision.has_bf16(torch.device("cpu")) is has
