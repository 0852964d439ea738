"""Checkpoints of the public DFS code: the same decisions and logits as there, and nothing else is taken for one."""

from __future__ import annotations

import collections
from pathlib import Path

import numpy as np
import pytest
import reference_forward
import torch
from reference_forward import RECORDING, network_input, random_state
from torch import Tensor

from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.reference import convert, import_reference
from dfs_core.data.known import KNOWN
from dfs_core.errors import UserError
from dfs_core.model.execute import Execution
from dfs_core.model.network import DFSNet

State = dict[str, Tensor]


def read(path: Path) -> tuple[State, dict[str, np.ndarray]]:
    """State (keys without ``module.``) and other arrays of a recording."""
    with np.load(path) as arrays:
        entries = {name: arrays[name] for name in arrays}
    prefix = "state/module."
    state = {name.removeprefix(prefix): torch.from_numpy(value) for name, value in entries.items() if "/" in name}
    return state, {name: value for name, value in entries.items() if "/" not in name}


@pytest.fixture(params=["recorded by ourselves", "recorded from the public code"])
def recording(request: pytest.FixtureRequest) -> tuple[Path, Tensor, Tensor, Tensor]:
    """A file, and the images, logits and decisions that go with it."""
    if request.param == "recorded by ourselves":
        path = RECORDING
        images = network_input(read(path)[1]["levels"])
    else:
        path = request.getfixturevalue("shared_dir") / "reference" / "dfs_resnet14.npz"
        if not path.exists():
            pytest.skip(f"needs {path}")
        images = torch.from_numpy(read(path)[1]["images"])
    arrays = read(path)[1]
    return path, images, torch.from_numpy(arrays["logits"]), torch.from_numpy(arrays["decisions"]).long()


def assert_recorded(found: Tensor, logits: Tensor) -> None:
    """Within 1e-4 where convolutions sum in the recording's order, that of AVX-512 kernels.

    Another order moves last digits, and a value that lies on a tie between two levels then takes the other one. With
    convolutions in float64, which no recording in float32 can follow, the largest difference is 1.1e-3; the public code
    itself, with its rounding at random, differs by up to 3e-3 from one run to the next.
    """
    recorded_order = torch.backends.cpu.get_cpu_capability() == "AVX512"
    torch.testing.assert_close(found, logits, rtol=0, atol=1e-4 if recorded_order else 2e-3)
    assert ((found - logits).abs() <= 1e-4).float().mean() >= 0.85


@pytest.mark.parametrize("execution", ["grouped", "dense"])
@pytest.mark.parametrize("together", [True, False], ids=["whole batch", "one image at a time"])
@torch.no_grad()
def test_decisions_and_logits_are_the_recorded_ones(
    recording: tuple[Path, Tensor, Tensor, Tensor], tmp_path: Path, together: bool, execution: Execution
) -> None:
    path, images, logits, decisions = recording
    model = load_checkpoint(import_reference(path, tmp_path / "imported")).model
    parts = [model(part, execution=execution) for part in images.split(len(images) if together else 1)]
    assert torch.equal(torch.cat([part.decisions for part in parts]), decisions)
    assert_recorded(torch.cat([part.logits for part in parts]), logits)


def test_what_was_recorded_is_worth_comparing(recording: tuple[Path, Tensor, Tensor, Tensor]) -> None:
    _, _, logits, decisions = recording
    assert len(decisions.unique()) >= 4
    assert len(decisions.unique(dim=0)) >= 6
    assert len(logits.unique(dim=0)) == len(logits)


def test_the_second_writing_of_the_forward_pass_gives_the_recorded_figures(
    recording: tuple[Path, Tensor, Tensor, Tensor],
) -> None:
    path, images, logits, decisions = recording
    state = {key: value.float() for key, value in read(path)[0].items()}
    found, chosen = reference_forward.forward(state, images)
    assert torch.equal(chosen, decisions)
    assert_recorded(found, logits)


@pytest.mark.parametrize(
    ("blocks", "classes", "options", "depth", "named"),
    [(1, 10, 4, 8, "paper-small"), (2, 100, 7, 14, "paper"), (3, 5, 2, 20, "skipnet"), (6, 10, 7, 38, "paper")],
)
@torch.no_grad()
def test_any_depth_number_of_classes_and_known_option_set(
    blocks: int, classes: int, options: int, depth: int, named: str
) -> None:
    state = random_state(blocks, classes, options, seed=depth)
    model = convert(state)
    config = model.config
    assert (config.depth, config.classes, config.options) == (depth, classes, named)
    assert (config.quantiser, config.batch_norm, config.budget) == ("minmax", "shared", None)
    images = network_input(np.random.default_rng(depth).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8))
    logits, decisions = reference_forward.forward(state, images)
    found = model(images)
    assert torch.equal(found.decisions, decisions)
    torch.testing.assert_close(found.logits, logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "module.module._orig_mod."])
@pytest.mark.parametrize("wrapped", ["", "state_dict", "model", "net"])
def test_files_of_torch_save_are_read_with_and_without_wrapping(tmp_path: Path, prefix: str, wrapped: str) -> None:
    state = random_state(1, 10, 4)
    entries = collections.OrderedDict((prefix + key, value) for key, value in state.items())
    path = tmp_path / "model_best.pth.tar"
    torch.save({"iter": 5, "arch": "resnet8", wrapped: entries} if wrapped else entries, path)
    folder = import_reference(path, tmp_path / "imported")
    assert_same(load_checkpoint(folder).model, convert(state))


def test_weights_of_a_gpu_in_half_precision_and_without_counters_are_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = random_state(1, 10, 4)
    half = {key: value.half() for key, value in state.items() if not key.endswith("num_batches_tracked")}
    assert len(half) < len(state)
    with monkeypatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda storage: "cuda:3")
        torch.save({"net": half}, tmp_path / "half.pth")
    if torch.cuda.device_count() <= 3:
        with pytest.raises(RuntimeError, match=r"CUDA|cuda"):
            torch.load(tmp_path / "half.pth", weights_only=True)
    found = load_checkpoint(import_reference(tmp_path / "half.pth", tmp_path / "new")).model.state_dict()
    for key, value in convert(state).state_dict().items():
        assert found[key].dtype == value.dtype
        if not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-6)


def test_any_option_set_is_imported_by_its_name_and_refused_where_it_does_not_fit(tmp_path: Path) -> None:
    torch.save(random_state(1, 10, 5), tmp_path / "five.pth")
    with pytest.raises(UserError, match=r"chooses from 5 options.*name yours with --options"):
        import_reference(tmp_path / "five.pth", tmp_path / "new")
    with pytest.raises(UserError, match="chooses from 5 options, but 'skip,full' has 2"):
        import_reference(tmp_path / "five.pth", tmp_path / "new", options="skip,full")
    model = load_checkpoint(import_reference(tmp_path / "five.pth", tmp_path / "new", options="skip,2,4,8,full")).model
    assert model.config.option_set.names == ("skip", "2", "4", "8", "full")


def test_files_of_the_old_format_are_read_too(tmp_path: Path) -> None:
    state = random_state(1, 10, 4)
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert_same(load_checkpoint(import_reference(tmp_path / "old.pth", tmp_path / "new")).model, convert(state))


def assert_same(found: DFSNet, wanted: DFSNet) -> None:
    assert found.config == wanted.config
    for key, value in wanted.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


@pytest.mark.parametrize(
    ("classes", "dataset", "names"),
    [(10, "cifar10", KNOWN["cifar10"].classes), (3, "unknown", ("class 0", "class 1", "class 2"))],
)
def test_the_card_says_what_is_known_and_lies_where_checkpoints_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classes: int, dataset: str, names: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    torch.save(random_state(1, classes, 4), tmp_path / "theirs.pth")
    import_reference(tmp_path / "theirs.pth")
    card = load_checkpoint("theirs").card
    assert (card.name, card.method, card.dataset, card.classes) == ("theirs", "dfs", dataset, names)
    assert card.metrics == {}, "nothing was measured"
    assert card.title == "Imported from theirs.pth"
    assert "inferred from the number of classes" in card.notes


def test_a_checkpoint_that_is_there_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    torch.save(random_state(1, 10, 4), tmp_path / "model_best.pth.tar")
    assert import_reference(tmp_path / "model_best.pth.tar", dataset="svhn").name == "model_best"
    card = load_checkpoint("model_best").card
    assert card.classes == KNOWN["svhn"].classes
    assert "Data set and normalisation are as asked for" in card.notes
    with pytest.raises(UserError, match="model_best exists already"):
        import_reference(tmp_path / "model_best.pth.tar")
    with pytest.raises(UserError, match="has 10 classes, but cifar100 has 100"):
        import_reference(tmp_path / "model_best.pth.tar", tmp_path / "new", "cifar100")
