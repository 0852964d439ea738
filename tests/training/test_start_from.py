"""Starting from another network's weights: a backbone into a gated one, one option set into another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nets import inputs, settled_network
from tiny import CIFAR10, make_card, make_network
from tiny_runs import BACKBONE, log_of, start, train, weights

from dfs_core.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from dfs_core.data.known import KNOWN
from dfs_core.data.sets import ImageSet
from dfs_core.data.splits import Splits
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig, backbone_config
from dfs_core.model.network import DFSNet, calibrate
from dfs_core.model.start_from import start_from
from dfs_core.training import begin
from dfs_core.training.train_config import TrainConfig

IMAGES = inputs(6, seed=2)


@pytest.fixture(scope="module")
def backbone() -> DFSNet:
    return settled_network(backbone_config(14))


@pytest.mark.parametrize("quantiser", ["lsq", "minmax"])
@pytest.mark.parametrize("batch_norm", ["per-option", "shared"])
def test_a_gated_network_run_in_full_gives_its_backbones_logits(
    backbone: DFSNet, quantiser: str, batch_norm: str
) -> None:
    model = DFSNet(ModelConfig(depth=14, options="paper-small", quantiser=quantiser, batch_norm=batch_norm)).eval()
    new = start_from(model, backbone)
    with torch.no_grad():
        full = model(IMAGES, forced=torch.full((6, 5), 3)).logits
        torch.testing.assert_close(full, backbone(IMAGES).logits, rtol=0, atol=1e-5)
    assert {key.split(".")[0] for key in new if "quantisers" not in key} == {"policy"}
    assert {key for key in model.state_dict() if "quantisers" in key or key.startswith("policy")} == set(new)


def test_every_options_batch_norm_starts_from_the_backbones(backbone: DFSNet) -> None:
    model = DFSNet(ModelConfig(depth=14, options="skip,4,8,full"))
    start_from(model, backbone)
    given, found = backbone.state_dict(), model.state_dict()
    for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        for option in ("4", "8", "full"):
            for norm in ("blocks.1.bn1", "blocks.4.bn2"):
                assert torch.equal(found[f"body.{norm}.{option}.{part}"], given[f"body.{norm}.full.{part}"])
        for option in ("skip", "4", "8", "full"):
            key = "body.blocks.2.shortcut_bn."
            assert torch.equal(found[f"{key}{option}.{part}"], given[f"{key}full.{part}"])
    assert not torch.equal(given["body.blocks.1.bn1.full.running_mean"], torch.zeros(16)), "it has seen images"


def test_the_first_block_keeps_its_norm_where_it_is_to_compute_at_8_bits() -> None:
    source = settled_network(ModelConfig(depth=8, options="2,4"), seed=1)
    model = DFSNet(ModelConfig(depth=8, options="2,4,8", ungated=8))
    new = start_from(model, source)
    given, found = source.state_dict(), model.state_dict()
    assert torch.equal(found["body.blocks.0.bn1.8.running_var"], given["body.blocks.0.bn1.full.running_var"])
    assert not [key for key in new if ".bn" in key]


def test_a_first_block_with_a_shortcut_keeps_its_norm_too() -> None:
    shape = {"architecture": "imagenet-resnet", "depth": 50, "width": 1 / 16, "image_size": 64}
    source = settled_network(ModelConfig(**shape, options="2,full"))
    model = DFSNet(ModelConfig(**shape, options="2,8", ungated=8))
    assert not [key for key in start_from(model, source) if "_bn" in key]
    key = "body.blocks.0.shortcut_bn.{}.running_var"
    assert torch.equal(model.state_dict()[key.format("8")], source.state_dict()[key.format("full")])


def test_options_that_both_have_are_copied_and_others_start_from_the_costliest() -> None:
    source = settled_network(ModelConfig(depth=8, options="skip,4,16"), seed=1)
    model = DFSNet(ModelConfig(depth=8, options="skip,4,8,full"))
    new = start_from(model, source)
    given, found = source.state_dict(), model.state_dict()
    for ours, theirs in (("4", "4"), ("8", "16"), ("full", "16")):
        key = "body.blocks.1.bn1.{}.running_var"
        assert torch.equal(found[key.format(ours)], given[key.format(theirs)])
    assert torch.equal(found["body.blocks.1.shortcut_bn.skip.bias"], given["body.blocks.1.shortcut_bn.skip.bias"])
    steps = "body.blocks.1.conv1.quantisers.{}.activation_step"
    assert torch.equal(found[steps.format("4")], given[steps.format("4")])
    assert steps.format("8") in new
    assert torch.equal(found["policy.lstm.weight_hh"], given["policy.lstm.weight_hh"])
    assert {"policy.to_options.weight", "policy.to_options.bias"} <= set(new), "another number of options"


@pytest.mark.parametrize(("ours", "theirs"), [("shared", "per-option"), ("per-option", "shared")])
def test_shared_batch_norm_and_batch_norm_per_option_start_from_each_other(ours: str, theirs: str) -> None:
    source = settled_network(ModelConfig(depth=8, batch_norm=theirs), seed=2)
    model = DFSNet(ModelConfig(depth=8, batch_norm=ours)).eval()
    assert start_from(model, source) == []
    forced = torch.full((6, 2), 3)
    with torch.no_grad():
        found, wanted = model(IMAGES, forced=forced), source.eval()(IMAGES, forced=forced)
    torch.testing.assert_close(found.logits, wanted.logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (backbone_config(8), "ResNet-8"),
        (replace(backbone_config(14), image_size=48), "ResNet-14, 48 px"),
        (replace(backbone_config(14), width=2.0), "ResNet-14 x2"),
    ],
)
def test_a_network_with_other_blocks_is_refused(backbone: DFSNet, config: ModelConfig, named: str) -> None:
    with pytest.raises(UserError, match=f"cannot start from ResNet-14: its blocks do not fit {named}"):
        start_from(DFSNet(config), backbone)


def test_other_classes_keep_the_body_and_get_a_new_classifier(backbone: DFSNet) -> None:
    model = DFSNet(backbone_config(14, classes=100))
    assert start_from(model, backbone) == ["body.classifier.weight", "body.classifier.bias"]
    given, found = backbone.state_dict(), model.state_dict()
    assert all(torch.equal(found[key], given[key]) for key in given if not key.startswith("body.classifier."))


def test_a_deeper_network_takes_each_block_of_a_shallower_one_in_turn(backbone: DFSNet) -> None:
    model = DFSNet(ModelConfig(depth=26, options="skip,4,full"))
    new = start_from(model, backbone)
    given, found = backbone.state_dict(), model.state_dict()
    # Two blocks a stage become four: the first, which may stride, and three times the second.
    for ours, theirs in enumerate((0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5)):
        for part in ("conv1.weight", "conv2.weight", "bn1.full.running_mean", "bn1.full.bias", "bn2.full.running_var"):
            assert torch.equal(found[f"body.blocks.{ours}.{part}"], given[f"body.blocks.{theirs}.{part}"])
        for part in ("bn2.full.weight", "bn2.full.bias"):  # three in place of one each add a third of what it added
            wanted = given[f"body.blocks.{theirs}.{part}"] / (3 if theirs % 2 else 1)
            torch.testing.assert_close(found[f"body.blocks.{ours}.{part}"], wanted)
    assert torch.equal(found["body.blocks.4.shortcut_conv.weight"], given["body.blocks.2.shortcut_conv.weight"])
    assert torch.equal(found["body.stem.0.weight"], given["body.stem.0.weight"])
    assert {key.split(".")[0] for key in new if "quantisers" not in key} == {"policy"}


def test_a_deeper_network_begins_near_what_the_shallower_one_computes(backbone: DFSNet) -> None:
    model = DFSNet(backbone_config(26)).eval()
    start_from(model, backbone)
    with torch.no_grad():
        wanted, found = backbone(IMAGES).logits, model(IMAGES).logits
        for block in model.body.blocks:  # as if each added as much as its source
            block.bn2["full"].weight.mul_(3)
        far = model(IMAGES).logits
    assert (found - wanted).norm() < 0.5 * (far - wanted).norm()


def test_every_batch_norm_of_a_bottleneck_starts_from_the_backbones() -> None:
    shape = {"architecture": "imagenet-resnet", "depth": 50, "width": 1 / 16, "image_size": 64}
    backbone = DFSNet(replace(backbone_config(), **shape))
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_mean"):
            buffer += 1
    model = DFSNet(ModelConfig(**shape, options="skip,4,full"))
    new = start_from(model, backbone)
    assert all("quantisers" in key or key.startswith("policy.") for key in new)
    assert all((mean == 1).all() for name, mean in model.named_buffers() if name.endswith("running_mean"))


def test_only_new_quantisers_are_calibrated() -> None:
    source = settled_network(ModelConfig(depth=8, options="2,4,full"), seed=1)
    step = source.body.blocks[1].conv1.quantisers["4"].activation_step
    with torch.no_grad():
        step.fill_(0.123)
    model = DFSNet(ModelConfig(depth=8, options="2,4,8,full"))
    new = {key.rpartition(".")[0] for key in start_from(model, source) if ".quantisers." in key}
    before = model.body.blocks[1].conv1.quantisers["8"].activation_step.clone()
    calibrate(model, IMAGES, new)
    quantisers = model.body.blocks[1].conv1.quantisers
    assert torch.equal(quantisers["4"].activation_step, step)
    assert not torch.equal(quantisers["8"].activation_step, before)


def test_a_teacher_is_looked_for_among_the_runs_first_and_sees_the_same_images(
    tmp_path: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DFS_RUNS_DIR")
    train(Path("runs/first"), cifar10_dir, BACKBONE, iterations=1)
    taught = {"start_from": "first", "teacher": "first", "distillation": 0.5, "iterations": 1}
    assert train(Path("runs/second"), cifar10_dir, BACKBONE, **taught).is_dir()
    config = backbone_config(8, 3)
    card = replace(make_card("other", "backbone", backbone_config(8)), classes=tuple("abc"), model=config.to_dict())
    save_checkpoint("runs/other", DFSNet(config), card)
    with pytest.raises(UserError, match="teacher 'other' has 3 classes, not 10"):
        train(Path("runs/third"), cifar10_dir, BACKBONE, **taught | {"teacher": "other"})
    larger = replace(backbone_config(8), image_size=48)
    save_checkpoint("runs/larger", DFSNet(larger), make_card("larger", "backbone", larger))
    with pytest.raises(UserError, match="teacher 'larger' takes images of 48 pixels, not of 32"):
        train(Path("runs/fourth"), cifar10_dir, BACKBONE, **taught | {"teacher": "larger"})


@pytest.mark.parametrize("classes", [10, 4], ids=["as many", "fewer"])
def test_from_other_classes_the_body_is_kept_and_the_classifier_is_new_and_log_and_card_say_so(
    tmp_path: Path, cifar10_dir: Path, classes: int
) -> None:
    config = ModelConfig.from_dict({**BACKBONE, "classes": classes})
    names = tuple(f"kind {number}" for number in range(classes))
    source = DFSNet(config)
    save_checkpoint(tmp_path / "source", source, make_card("source", "backbone", config, classes=names))
    settings = {"start_from": str(tmp_path / "source"), "iterations": 1, "lr": 1e-12, "momentum": 0.0}
    folder = train(tmp_path / "run", cifar10_dir, BACKBONE, **settings)
    given, found = source.state_dict(), weights(folder)
    torch.testing.assert_close(found["body.stem.0.weight"], given["body.stem.0.weight"].half().float())
    assert found["body.classifier.weight"].shape[0] == 10
    if classes == 10:
        assert not torch.allclose(found["body.classifier.weight"], given["body.classifier.weight"], atol=1e-3)
    assert load_checkpoint(folder).card.notes == log_of(folder, "note")[0]
    assert log_of(folder, "note") == [
        "It starts from source, which has other classes: its body is kept, the classifier is new."
    ]


def test_the_new_classifier_of_other_classes_has_a_calibrated_step(tmp_path: Path, cifar10_dir: Path) -> None:
    config = ModelConfig.from_dict({**BACKBONE, "ungated": 16})
    names = tuple(f"kind {number}" for number in range(10))
    save_checkpoint(tmp_path / "source", DFSNet(config), make_card("source", "backbone", config, classes=names))
    run = start(tmp_path / "run", cifar10_dir, {**BACKBONE, "ungated": 16}, start_from=str(tmp_path / "source"))
    usual, key = DFSNet(config).state_dict(), "body.classifier.quantisers.16.weight_step"
    assert run.state.model.state_dict()[key] != usual[key]


def test_a_run_is_not_taught_by_a_network_that_knows_other_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = settled_network(backbone_config(8))
    card = make_card("teacher", "backbone", backbone_config(8))
    monkeypatch.setattr(begin, "source", lambda name: Checkpoint(card, model, Path("teacher")))
    config = TrainConfig(name="run", dataset="svhn", teacher="teacher", distillation=0.5, model=backbone_config(8))
    assert begin.teacher_of(config, card.classes, torch.device("cpu")) is model
    with pytest.raises(UserError, match="knows other classes than those of svhn"):
        begin.teacher_of(config, KNOWN["svhn"].classes, torch.device("cpu"))
    with pytest.raises(UserError, match="has 10 classes, not 3"):
        begin.teacher_of(config, ("a", "b", "c"), torch.device("cpu"))


def test_a_parent_that_is_named_by_a_file_is_called_by_its_name(
    tmp_path: Path, cifar10_dir: Path, tiny_pretrained: Path
) -> None:
    card = tiny_pretrained / "tiny-backbone" / "card.json"
    depth = load_checkpoint("tiny-backbone").card.config.depth
    out = train(tmp_path / "run", cifar10_dir, BACKBONE | {"depth": depth}, start_from=str(card), iterations=1)
    assert load_checkpoint(out).card.parents[0] == "tiny-backbone"


def test_for_other_classes_what_learns_them_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig(depth=8, options="skip,4,full", policy="confidence")
    given, model = settled_network(config, seed=1), settled_network(config, seed=2)
    card = make_card("digits", "every-budget", config, classes=KNOWN["svhn"].classes)
    monkeypatch.setattr(begin, "source", lambda name: Checkpoint(card, given, tmp_path))
    wanted = {key: value.clone() for key, value in model.state_dict().items()}
    images = ImageSet("cifar10", "train", torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.zeros(4), CIFAR10.classes)
    begin._start_from(
        model, TrainConfig("x", start_from="digits"), Splits(images, images, images, CIFAR10.mean, CIFAR10.std)
    )
    found = model.state_dict()
    kept = [key for key in found if key.startswith(("policy.answers", "body.classifier")) and found[key].ndim == 2]
    assert len(kept) == 1 + model.config.gated_blocks
    assert all(torch.equal(found[key], wanted[key]) for key in kept)
    assert torch.equal(found["body.stem.0.weight"], given.state_dict()["body.stem.0.weight"])


def test_a_parent_or_teacher_that_saw_images_which_are_to_be_set_aside_is_refused(tmp_path, monkeypatch) -> None:
    card = replace(make_card("few", "backbone", backbone_config(8)), split={"asked": 1000, "validation": 1000})
    monkeypatch.setattr(begin, "source", lambda name: Checkpoint(card, make_network(card.config), tmp_path))
    config = TrainConfig("x", start_from="few", teacher="few", distillation=0.5, validation=5000)
    with pytest.raises(UserError, match=r"'few' was trained on images .* set validation = 1000"):
        begin.teacher_of(config, card.classes, torch.device("cpu"))
    with pytest.raises(UserError, match="set validation = 1000"):
        begin._start_from(make_network(card.config), config, None)
    assert begin.teacher_of(replace(config, validation=1000), card.classes, torch.device("cpu")) is not None


@pytest.mark.parametrize(("ours", "theirs"), [(32, "shared"), (8, "shared"), ("shared", 8), (32, 8)])
def test_the_norm_of_the_first_block_is_found_whatever_it_is_called(ours, theirs) -> None:
    def network(ungated) -> DFSNet:
        more = {"batch_norm": "shared"} if ungated == "shared" else {"ungated": ungated}
        options = "skip,8,full" if ungated == "shared" else "skip,2,4,8"
        return make_network(ModelConfig(depth=8, options=options, **more))

    new = start_from(network(ours), network(theirs))
    assert not [key for key in new if "bn" in key]
