"""Pictures that are unlike the training images: what is marked, how often, and what is read from the file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from console import run_wrong
from fake_data import write_tree
from places import REPOSITORY

from dfs_core.cli import main
from dfs_core.data.familiar import KEPT, features, file_of, fit, read_familiar
from dfs_core.data.known import KNOWN
from dfs_core.data.strangers import STRANGERS, strangers
from dfs_core.errors import UserError

COUNT = 200


def scenes(count: int, seed: int, size: int = 32) -> np.ndarray:
    """Pictures with the power spectrum of photographs: amplitude falls as 1 / frequency."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]) + 0.5 / size
    waves = np.fft.rfft2(random.normal(size=(count, 3, size, size)) * 0.4 + random.normal(size=(count, 1, size, size)))
    made = np.fft.irfft2(waves / frequency, (size, size))
    scale = 40 * random.lognormal(0, 0.4, (count, 1, 1, 1)) / made.std(axis=(1, 2, 3), keepdims=True)
    return (128 + scale * made).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


@pytest.fixture(scope="module")
def familiar():
    others = {kind: strangers(kind, 50, 32) for kind in STRANGERS}
    return fit("scenes", scenes(1000, 0), scenes(COUNT, 1), others | {"more scenes": scenes(COUNT, 2)})


def test_what_looks_like_the_training_images_is_kept_and_noise_text_and_numbers_are_marked(familiar):
    assert familiar.share(scenes(COUNT, 1)) == pytest.approx(100 * (1 - KEPT), abs=0.5)
    assert familiar.marked["more scenes"] < 12
    for kind in STRANGERS:
        assert familiar.marked[kind] > 80, kind
        assert familiar.share(strangers(kind, 1, 32)) == 100


def test_images_of_any_size_can_be_fitted():
    large = fit("scenes", scenes(200, 0, 64), scenes(50, 1, 64), {})
    assert np.isfinite(features(scenes(2, 3, 64))).all()
    assert large.share(strangers("noise", 5, 64)) == 100


def test_its_file_gives_the_same_back_and_a_broken_one_is_a_line(familiar, tmp_path: Path):
    path = file_of(tmp_path, "scenes", 32)
    assert read_familiar(path) is None
    path.write_text(familiar.to_json())
    assert read_familiar(path) == familiar
    for spoilt, reason in (("{", "not readable as JSON"), (json.dumps({"size": 32}), "missing key")):
        path.write_text(spoilt)
        with pytest.raises(UserError, match=reason) as caught:
            read_familiar(path)
        assert path.name in str(caught.value)


def test_too_few_images_are_refused():
    with pytest.raises(UserError, match="20 training images are too few"):
        fit("scenes", scenes(20, 0), scenes(20, 1), {})


def test_the_shipped_file_marks_what_it_says():
    shipped = read_familiar(file_of(REPOSITORY / "results", "cifar10", 32))
    for kind in STRANGERS:
        assert shipped.share(strangers(kind, COUNT, 32)) == pytest.approx(shipped.marked[f"drawn {kind}"], abs=6)
        assert shipped.marked[f"drawn {kind}"] > 90
    assert shipped.marked["test images"] == pytest.approx(5, abs=1)
    assert "cifar100, test" in shipped.marked


def test_the_command_writes_the_file_and_compares_with_the_energy_of_a_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("dfs_core.commands.unlike.PICTURES", 8)
    for split, count in (("train", 20), ("test", 1)):
        write_tree(tmp_path / "cifar10", split, dict.fromkeys(KNOWN["cifar10"].classes, count))
    command = ["unlike", "cifar10", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*command, "--checkpoint", "tiny-backbone", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["picture"]) == set(told["energy"]) == {"test images", *(f"drawn {kind}" for kind in STRANGERS)}
    assert read_familiar(file_of(tmp_path / "out", "cifar10", 32)).marked == told["picture"]
    assert main(command) == 0
    assert "drawn house numbers" in capsys.readouterr().out
    assert "takes images of 32 pixels, not of 64: give --size 32" in run_wrong(
        capsys, *command, "--checkpoint", "tiny-backbone", "--size", "64"
    )
    assert "--size must be 32 or more, not 16" in run_wrong(capsys, *command, "--size", "16")
