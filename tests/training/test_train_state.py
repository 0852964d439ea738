"""The state of a run: what it goes on from, what it refuses to go on from, and what depends on the step alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from nets import settled_network
from PIL import Image
from tiny_runs import BACKBONE, log_of, start, stopped_after, train, weights
from torch import Tensor

from dfs_core.checkpoints.card_files import save_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.data.augment import augment
from dfs_core.data.splits import load_splits
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.training.begin import source
from dfs_core.training.config_files import load_config
from dfs_core.training.train import Trainer, _device, published
from dfs_core.training.train_state import STATE_FILE, RunLog, RunState, alone_in


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory, cifar10_dir: Path) -> Path:
    """A finished run of six steps; not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "backbone"
    return train(out, cifar10_dir, BACKBONE, iterations=6)


def test_the_average_moves_fast_at_first_and_then_by_its_decay() -> None:
    model, average = (settled_network(ModelConfig(depth=8, options="skip,full"), seed=seed) for seed in (1, 2))
    model.train()(torch.zeros(2, 3, 32, 32))  # so that its batches are counted further
    values, means = model.state_dict(), average.state_dict()
    for step, share in ((0, 0.9), (8, 0.5), (10_000, 0.01)):
        state = RunState(model, torch.optim.SGD(model.parameters()), average, "abc", "fp32", step=step)
        wanted = {key: mean + share * (values[key] - mean) for key, mean in means.items()}
        wanted |= {key: value.clone() for key, value in values.items() if key.endswith("num_batches_tracked")}
        state.update_average(0.99)
        torch.testing.assert_close(means, wanted)
    assert state.final is average
    assert RunState(model, state.optimiser, None, "abc", "fp32").final is model


def test_resuming_where_nothing_was_saved_starts(tmp_path: Path, cifar10_dir: Path) -> None:
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2)
    assert log_of(folder, "step") == [1, 2]


def test_a_folder_with_a_run_is_refused_unless_it_is_to_go_on(tmp_path: Path, cifar10_dir: Path) -> None:
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2)
    card = (folder / "card.json").read_text()
    with pytest.raises(UserError, match="has a finished run, which is not overwritten: give another --out"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2)
    assert (folder / "card.json").read_text() == card
    (folder / "card.json").rename(tmp_path / "card.json")
    with pytest.raises(UserError, match="add --resume to continue it, or give another --out"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2)
    (tmp_path / "card.json").rename(folder / "card.json")
    before = weights(folder)
    train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2, resume=True)
    assert all(torch.equal(value, before[key]) for key, value in weights(folder).items())
    assert log_of(folder, "step") == [1, 2], "a finished run that is resumed has nothing left to do"


@pytest.mark.parametrize(("resume", "steps"), [(False, 6), (True, 7)])
def test_a_published_checkpoint_is_never_trained_over(
    backbone: Path, tmp_path: Path, cifar10_dir: Path, resume: bool, steps: int
) -> None:
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder, ignore=shutil.ignore_patterns(STATE_FILE))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match="has a checkpoint, which is not overwritten: give another --out"):
        train(folder, cifar10_dir, BACKBONE, resume=resume, iterations=steps)
    assert train(folder, cifar10_dir, BACKBONE, resume=True, iterations=6) == folder, "of this very run nothing is left"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_published_checkpoint_of_the_same_name_elsewhere_is_not_this_run(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(backbone, tmp_path / "pretrained" / "backbone")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    config = load_config(backbone.with_suffix(".toml")).with_classes(10)
    assert published(tmp_path / "pretrained" / "backbone", config)
    assert not published(Path("backbone"), config), "no such folder is here"


def test_of_a_finished_run_nothing_is_left_though_what_it_started_from_is_gone(
    backbone: Path, tmp_path: Path, cifar10_dir: Path
) -> None:
    parent = tmp_path / "parent"
    shutil.copytree(backbone, parent)
    folder = train(tmp_path / "child", cifar10_dir, BACKBONE, iterations=1, start_from=str(parent))
    shutil.rmtree(parent)
    assert (folder / STATE_FILE).exists()
    assert train(tmp_path / "child", cifar10_dir, BACKBONE, True, iterations=1, start_from=str(parent)) == folder


def test_a_checkpoint_of_an_older_version_is_this_run_too(backbone: Path, tmp_path: Path, cifar10_dir: Path) -> None:
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder, ignore=shutil.ignore_patterns(STATE_FILE))
    card = load_checkpoint(folder).card
    older = {key: value for key, value in card.training.items() if key != "traced"} | {"mix_of": ""}
    save_card(folder, replace(card, training=older))
    assert train(folder, cifar10_dir, BACKBONE, resume=True, iterations=6) == folder


def test_an_unfinished_run_does_not_hide_the_published_checkpoint_of_its_name(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(backbone, tmp_path / "pretrained" / "backbone")
    (tmp_path / "runs" / "backbone").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    monkeypatch.delenv("DFS_RUNS_DIR")
    assert source("backbone").folder == tmp_path / "pretrained" / "backbone"
    shutil.copytree(backbone, tmp_path / "runs" / "backbone", dirs_exist_ok=True)
    assert source("backbone").folder == Path("runs/backbone")


def test_a_start_that_is_not_trained_yet_is_named_with_the_command_that_trains_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    monkeypatch.setenv("DFS_RUNS_DIR", str(tmp_path / "runs"))
    with pytest.raises(
        UserError, match=r"train it first with 'python -m dfs_core train supernet-lowbit-resnet38-cifar10'"
    ):
        source("supernet-lowbit-resnet38-cifar10")
    with pytest.raises(UserError, match="there is no checkpoint 'nonsense': "):
        source("nonsense")


def test_a_run_that_was_killed_before_its_card_was_written_is_published(
    backbone: Path, tmp_path: Path, cifar10_dir: Path
) -> None:
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    wanted = load_checkpoint(folder).card
    for spoilt in ({"training": {**wanted.training, "lr": 0.5}}, {"weights_sha256": "0" * 64}):
        save_card(folder, replace(wanted, **spoilt))
        train(folder, cifar10_dir, BACKBONE, resume=True, iterations=6)
        assert load_checkpoint(folder).card.metrics == wanted.metrics
        assert load_checkpoint(folder).card.training == wanted.training


def test_revision_and_precision_are_those_that_the_run_began_with(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfs_core.checkpoints.provenance.commit", lambda: "first")
    monkeypatch.setattr("dfs_core.training.begin.resolve", lambda precision, device: "fp32")
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2, precision="auto")
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    monkeypatch.setattr("dfs_core.checkpoints.provenance.commit", lambda: "second")
    monkeypatch.setattr("dfs_core.training.begin.resolve", lambda precision, device: "bf16")
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2, precision="auto")
    card = load_checkpoint(folder).card
    assert (card.commit, card.training["precision"], card.notes) == ("first", "fp32", "")


@pytest.mark.parametrize(("asked", "then"), [("auto", "fp32"), ("bf16", "bf16")])
def test_a_run_that_began_in_bf16_goes_on_in_fp32_where_bf16_would_be_emulated(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch, asked: str, then: str
) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2, precision=asked)
    trainer.state.step, trainer.state.precision = 1, "bf16"
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    monkeypatch.setattr("dfs_core.training.train_state.has_bf16", lambda device: False)
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2, precision=asked)
    card, said = load_checkpoint(folder).card, "In bf16 up to step 1, then on a machine without it in fp32."
    assert (card.training["precision"], card.notes) == (then, said if asked == "auto" else "")
    assert log_of(folder, "note") == [card.notes] * (asked == "auto")


def test_a_change_of_precision_is_noted_once_and_not_where_every_step_is_done(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dfs_core.model.precision.has_bf16", lambda device: True)
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2, precision="auto")
    monkeypatch.setattr("dfs_core.training.train_state.has_bf16", lambda device: False)
    trainer.state.step = 1
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    for _ in range(2):  # as if it were killed again before its next state is saved
        start(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2, precision="auto")
    assert len(log_of(tmp_path / "run", "note")) == 1
    trainer.state.step = 2
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2, precision="auto")
    card = load_checkpoint(folder).card
    assert (card.training["precision"], card.notes) == ("bf16", "")


def test_an_unfinished_run_that_is_shortened_ends_sooner_and_its_card_says_so(
    tmp_path: Path, cifar10_dir: Path
) -> None:
    whole = train(tmp_path / "whole" / "run", cifar10_dir, BACKBONE, iterations=8, schedule="cosine")
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=8, schedule="cosine")
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    settings = {"iterations": 8, "schedule": "cosine", "shortened": [4, 2]}
    card = load_checkpoint(train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, **settings)).card
    rates = log_of(whole, "lr")
    assert log_of(tmp_path / "run", "lr") == [*rates[:4], rates[4], rates[6]]
    assert "the 4 steps of its schedule after step 4 were done in 2" in card.notes
    with pytest.raises(UserError, match="different: shortened"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, **{**settings, "shortened": [5, 1]})


@pytest.mark.parametrize("changed", [{"lr": 0.05}, {"iterations": 3}, {"seed": 1}])
def test_a_run_does_not_go_on_under_other_settings(tmp_path: Path, cifar10_dir: Path, changed: dict[str, Any]) -> None:
    train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=2)
    with pytest.raises(UserError, match="belongs to other settings: give another --out, or delete"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, **{"iterations": 2, **changed})


def test_settings_that_change_no_weight_may_change_when_a_run_goes_on(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, iterations=4)
    trainer.state.save(trainer.folder, trainer.config.to_dict())
    other = {"log_every": 2, "save_every": 3, "validate_every": 1}
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=4, **other)
    assert log_of(folder, "lr") == log_of(folder, "lr")[:2], "lines at steps 2 and 4"
    assert log_of(folder, "validation_cp") == [100.0]
    monkeypatch.setattr("dfs_core.training.train.publish", None)  # a finished run is not measured again
    assert train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=4, log_every=3) == folder


def test_a_finished_run_with_a_constant_rate_is_made_longer_as_if_it_had_been_so_from_the_start(
    tmp_path: Path, cifar10_dir: Path
) -> None:
    settings = {"schedule": "constant", "lr": 0.02}
    train(tmp_path / "run", cifar10_dir, BACKBONE, iterations=3, **settings)
    longer = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, epochs=2, **settings)  # of three steps each
    at_once = train(tmp_path / "other" / "run", cifar10_dir, BACKBONE, epochs=2, **settings)
    assert log_of(longer, "step") == [1, 2, 3, 4, 5, 6]
    assert set(log_of(longer, "lr")) == {0.02}
    assert all(torch.equal(value, weights(at_once)[key]) for key, value in weights(longer).items())
    assert load_checkpoint(longer).card.training["epochs"] == 2
    assert load_checkpoint(longer).card.metrics == load_checkpoint(at_once).card.metrics


def test_a_log_is_written_as_tensorboard_events_too(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    log = RunLog(tmp_path, 0)
    for step in (1, 2, 3):
        log.write(step=step, epoch=step / 2, loss=1 / step)
    log.close()
    log = RunLog(tmp_path, 2)  # after a kill: step 3 is done again
    log.write(step=3, epoch=1.5, loss=0.125)
    log.close()
    found = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(1, 1.0), (2, 0.5), (3, 0.125)]


@pytest.mark.parametrize("kept", [0, 4, 1000, 100_000])
def test_a_damaged_state_is_refused_in_words(backbone: Path, tmp_path: Path, cifar10_dir: Path, kept: int) -> None:
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    shutil.copy(backbone.with_suffix(".toml"), tmp_path / "backbone.toml")
    (folder / STATE_FILE).write_bytes((backbone / STATE_FILE).read_bytes()[:kept])
    config = load_config(tmp_path / "backbone.toml")
    with pytest.raises(UserError, match=r"cannot be read .*: delete .* and train again"):
        Trainer(config, load_splits(config.dataset, config.validation, cifar10_dir), folder, resume=True)


def test_more_images_a_batch_than_there_are_is_refused_before_anything_is_made(
    tmp_path: Path, cifar10_dir: Path
) -> None:
    with pytest.raises(UserError, match="batch_size 91 is more than the 90 training images"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, batch_size=91)
    assert not (tmp_path / "run").exists()


def test_a_log_drops_lines_past_its_step_and_one_that_was_cut_short(tmp_path: Path) -> None:
    lines = [{"step": step, "epoch": step / 2, "loss": 1.5} for step in (1, 2, 3, 4)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 5, "lo')
    log = RunLog(tmp_path, 3)
    log.write(step=4, epoch=2.0, loss=1 / 3)
    found = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert found == [*lines[:3], {"step": 4, "epoch": 2.0, "loss": 0.333333}]


def test_a_log_that_was_being_trimmed_is_still_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "epoch": 0.5}\n{"step": 2, "epoch": 1}\n{"step": 3, "epoch": 1.5}\n')
    before = path.read_text()

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        RunLog(tmp_path, 2)
    assert path.read_text() == before


def test_every_image_is_seen_once_an_epoch_in_an_order_of_its_own(tmp_path: Path, cifar10_dir: Path) -> None:
    trainer = start(tmp_path / "run", cifar10_dir, BACKBONE, epochs=2)
    batches = [batch.tolist() for batch in trainer._batches(0)]
    first, second = (list(chain.from_iterable(part)) for part in (batches[:3], batches[3:]))
    assert sorted(first) == sorted(second) == list(range(90))
    assert first != second
    assert [batch.tolist() for batch in trainer._batches(4)] == batches[4:], "a later start sees the same batches"


def test_every_step_and_every_seed_augments_in_its_own_way(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def watched(images: Tensor, generator: torch.Generator, *rest: Any) -> Tensor:
        seeds.append(generator.initial_seed())
        return augment(images, generator, *rest)

    monkeypatch.setattr("dfs_core.training.train.augment", watched)
    for seed in (0, 1):
        train(tmp_path / str(seed), cifar10_dir, BACKBONE, iterations=4, seed=seed)
    assert len(seeds) == len(set(seeds)) == 8


@pytest.mark.parametrize("place", ["tensor", "progress"])
def test_a_state_with_a_flipped_bit_is_not_trained_on(
    backbone: Path, tmp_path: Path, cifar10_dir: Path, place: str
) -> None:
    folder = tmp_path / "backbone"
    shutil.copytree(backbone, folder)
    data = bytearray((folder / STATE_FILE).read_bytes())
    position = len(data) - 7 if place == "tensor" else data.index(b"seconds") + 11
    data[position] ^= 1
    (folder / STATE_FILE).write_bytes(data)
    config = load_config(backbone.with_suffix(".toml"))
    with pytest.raises(UserError, match=r"cannot be read \(its checksum is wrong\): delete .* and train again"):
        Trainer(config, load_splits(config.dataset, config.validation, cifar10_dir), folder, resume=True)


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path, cifar10_dir: Path) -> None:
    with alone_in(tmp_path / "run"), pytest.raises(UserError, match=r"another process trains in .*run: wait"):
        train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2)
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, resume=True, iterations=2)
    assert not (folder / ".lock").exists()
    assert not list(folder.glob("*.partial"))


def test_a_gpu_that_pytorch_cannot_use_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_kernel(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nCompile with ...")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", no_kernel)
    with pytest.raises(UserError, match=r"no kernel image .*set CUDA_VISIBLE_DEVICES to nothing") as refusal:
        _device()
    assert "\n" not in str(refusal.value)


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path, cifar10_dir: Path, monkeypatch) -> None:
    own = shutil.copytree(cifar10_dir, tmp_path / "data")
    with stopped_after(2, monkeypatch):
        train(tmp_path / "run", own, BACKBONE, iterations=4, save_every=1)
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(own / "cifar10" / "train" / "cat" / "new.png")
    with pytest.raises(UserError, match="was trained on other images than those that are here now"):
        train(tmp_path / "run", own, BACKBONE, iterations=4, save_every=1, resume=True)
    (own / "cifar10" / "train" / "cat" / "new.png").unlink()
    train(tmp_path / "run", own, BACKBONE, iterations=4, save_every=1, resume=True)
