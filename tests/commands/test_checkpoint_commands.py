"""The commands list, predict and evaluate: the words and keys that scripts rely on."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from console import run_json, run_wrong
from PIL import Image
from tiny import CIFAR10, picture

from dfs_core.checkpoints.card_files import read_card
from dfs_core.cli import main

NOT_ALL_OF_IT = (("--limit", "7"), ("--split", "validation"), ("--budget", "20"))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(picture(3, size=80)).save(path)
    return path


def test_list_prints_the_keys_and_test_figures_of_every_card(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path
) -> None:
    lines = run_json(capsys, "list")
    keys = "name dataset network depth options budget budget_range alpha accuracy cp all_in"
    assert [list(line) for line in lines] == [keys.split()] * 6
    by_name = {line["name"]: line for line in lines}
    test = read_card("tiny-dfs-10").metrics["test"]
    assert by_name["tiny-dfs-10"] == {
        "name": "tiny-dfs-10",
        "dataset": "cifar10",
        "network": "ResNet-14",
        "depth": 14,
        "options": "paper-small",
        "budget": 10,
        "budget_range": None,
        "alpha": 5e-6,
        "accuracy": test["accuracy"],
        "cp": test["cp"],
        "all_in": test["all_in"],
    }
    assert by_name["tiny-backbone"]["budget"] is by_name["tiny-backbone"]["alpha"] is None


def test_list_for_people_is_an_aligned_table(capsys: pytest.CaptureFixture[str], tiny_pretrained: Path) -> None:
    assert main(["list"]) == 0
    head, backbone, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "dataset", "network", "options", "budget", "alpha", "accuracy", "cp", "all-in"]
    assert backbone.split()[:6] == ["tiny-backbone", "cifar10", "ResNet-14", "full", "-", "-"]
    assert first.split()[4:7] == ["10", "%", "5e-6"]
    assert backbone.index("cifar10") == first.index("cifar10") == head.index("dataset")


def test_list_names_a_broken_checkpoint_and_prints_the_others(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_pretrained / "tiny-backbone", tmp_path / "good")
    (tmp_path / "bad").mkdir()
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    assert main(["list", "--json"]) == 0
    captured = capsys.readouterr()
    assert [line["name"] for line in json.loads(captured.out)] == ["good"]
    assert "bad has no card.json" in captured.err


def test_list_without_checkpoints_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    assert run_json(capsys, "list") == []
    assert main(["list"]) == 0
    assert "no checkpoints in" in capsys.readouterr().out
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "nowhere"))
    assert main(["list"]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_predict_prints_one_object_a_picture(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, image: Path
) -> None:
    found = run_json(capsys, "predict", image, image, "--checkpoint", "tiny-dfs-20", "--budget", "20%")
    assert len(found) == 2
    keys = "image label confidence budget cp all_in decisions fractions blocks"
    assert list(found[0]) == keys.split()
    assert found[0]["image"] == str(image)
    assert found[0]["label"] in CIFAR10.classes
    assert 0 < found[0]["confidence"] <= 1
    assert found[0]["budget"] == 20
    assert found[0]["blocks"] == [2, 3, 4, 5, 6], "as pages number them"
    assert set(found[0]["decisions"]) <= {"skip", "8", "16", "full"}
    assert found[0]["cp"] == pytest.approx(100 * sum(found[0]["fractions"]) / 5)


def test_predict_reports_bad_files_and_still_prints_the_others(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, image: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    words = ["predict", str(text), str(image), str(tmp_path / "absent.png"), "--checkpoint", "tiny-dfs-20"]
    assert main([*words, "--json"]) == 2
    captured = capsys.readouterr()
    assert [line["image"] for line in json.loads(captured.out)] == [str(image)]
    assert len(captured.err.splitlines()) == 2
    assert f"error: {text} is not a JPEG, PNG" in captured.err
    assert "absent.png cannot be read: No such file" in captured.err
    assert main(words) == 2
    head, line = capsys.readouterr().out.splitlines()
    assert head.endswith("decisions in blocks 2 to 6")
    assert line.startswith(str(image))


def test_predict_takes_folders_and_patterns(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, image: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "holiday"
    for name in ("b.png", "a.png", "more/c.PNG", "odd[1].png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image.read_bytes())

    def found(given: Path) -> list[str]:
        lines = run_json(capsys, "predict", given, "--checkpoint", "tiny-dfs-20")
        return [str(Path(line["image"]).relative_to(folder)) for line in lines]

    assert found(folder) == ["a.png", "b.png", "more/c.PNG", "odd[1].png"]
    assert found(folder / "?.png") == ["a.png", "b.png"]
    assert found(folder / "odd[1].png") == ["odd[1].png"]
    (folder / "notes.txt").write_text("not a picture")
    assert main(["predict", str(folder), "--checkpoint", "tiny-dfs-20"]) == 0
    assert "passed over 1 .txt" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    for nothing, why in (("empty", "has no pictures"), ("*.jpg", "cannot be read")):
        assert main(["predict", str(tmp_path / nothing), "--checkpoint", "tiny-dfs-20"]) == 2
        assert why in capsys.readouterr().err


def test_evaluate_prints_the_cards_own_figures(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path
) -> None:
    for split in ("test", "validation"):
        found = run_json(capsys, "evaluate", "--checkpoint", "tiny-dfs-20", "--data-dir", cifar10_dir, "--split", split)
        keys = "checkpoint dataset split budget n accuracy accuracy_ci95 cp all_in policies blocks shares"
        assert list(found) == keys.split()
        head = {"checkpoint": "tiny-dfs-20", "dataset": "cifar10", "split": split, "budget": 20}
        assert found.pop("blocks") == [2, 3, 4, 5, 6], "as pages number them"
        assert found == head | read_card("tiny-dfs-20").metrics[split]


def test_evaluate_dense_and_grouped_agree_and_limit_takes_the_first(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path
) -> None:
    words = ("evaluate", "--checkpoint", "tiny-skipnet-50", "--data-dir", cifar10_dir, "--limit", 7, "--execution")
    grouped, dense = run_json(capsys, *words, "grouped"), run_json(capsys, *words, "dense")
    assert grouped == dense
    assert grouped["n"] == 7


def test_evaluate_writes_what_the_engine_gives_into_the_card(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", folder)
    words = ("evaluate", "--checkpoint", folder, "--data-dir", cifar10_dir)
    assert read_card(folder).engine is None
    found = run_json(capsys, *words, "--execution", "engine", "--store")
    kept = read_card(folder).engine
    assert kept is not None
    for key in ("kernels", "accuracy", "cp", "same_decisions", "same_answers"):
        assert getattr(kept, key) == found[key], key
    assert kept.same_answers > 90
    for rest in ((), ("--execution", "grouped"), *(("--execution", "engine", *one) for one in NOT_ALL_OF_IT)):
        assert "--store is for the engine" in run_wrong(capsys, *map(str, words), "--store", *rest)


def test_evaluate_for_people_names_every_gated_block_by_its_number_in_the_network(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DFS_DATA_DIR", str(cifar10_dir))
    assert main(["evaluate", "--checkpoint", "tiny-dfs-20", "--split", "train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines[:2]] == ["checkpoint tiny-dfs-20", "images 90 of cifar10, train"]
    assert any(line.startswith("decision vectors  ") for line in lines)
    assert lines[-6].split() == ["block", "skip", "8", "16", "full"]
    assert [line.split()[0] for line in lines[-5:]] == ["2", "3", "4", "5", "6"], "as pages number them"


def test_evaluate_refuses_a_validation_split_of_other_training_images(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, cifar10_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(cifar10_dir / "cifar10" / "train", tmp_path / "cifar10" / "train")
    for path in sorted((tmp_path / "cifar10" / "train").glob("*/000[0-4].png")):
        path.unlink()
    words = ("evaluate", "--checkpoint", "tiny-dfs-20", "--data-dir", tmp_path)
    assert "are not the training set that it was trained on" in run_wrong(capsys, *words, "--split", "validation")
    assert "test" in run_wrong(capsys, *words)


def test_predict_goes_on_past_what_names_no_picture(
    capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, image: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    for odd, why in ((tmp_path / "empty", "has no pictures"), ("a" * 300, "File name too long")):
        assert main(["predict", str(odd), str(image), "--checkpoint", "tiny-dfs-20", "--json"]) == 2
        captured = capsys.readouterr()
        assert [line["image"] for line in json.loads(captured.out)] == [str(image)]
        assert why in captured.err


def test_a_name_of_two_dots_is_a_path(capsys: pytest.CaptureFixture[str], tiny_pretrained: Path, tmp_path: Path):
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", tmp_path / "outer")
    (tmp_path / "outer" / "inner").mkdir()
    with chdir(tmp_path / "outer" / "inner"):
        assert read_card("..").name == "outer"
