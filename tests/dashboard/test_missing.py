"""No checkpoints, broken ones, and those that come and go while the page is open: each page says what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pages import control, rows_of, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.ui import cached


def test_an_empty_folder_says_what_to_do(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.header[0].value == "No checkpoints yet"
    assert "python -m dfs_core train" in text_of(app)


def test_a_missing_folder_is_named(tmp_path, no_data, monkeypatch):
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "nowhere"))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert "nowhere" in app.error[0].value


@pytest.fixture
def own_copy(tmp_path: Path, pretrained_folder: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Checkpoints that a test may damage."""
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder, folder)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    cached.shared_predictor.clear()  # it rightly answers for known weights from memory, wherever they lie
    return folder


def test_a_broken_card_is_named_and_the_others_work(own_copy):
    (own_copy / "tiny-dfs-10" / "card.json").write_text('{"format": 1, ')
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert app.expander[0].label == "1 checkpoint cannot be used"
    assert "tiny-dfs-10" in text_of(app).replace("\\", "")
    assert list(control(app.select_slider, "budget").options) == ["20 %", "30 %"]


def test_a_wrong_line_in_a_training_log_is_named_and_the_rest_works(own_copy):
    log = own_copy / "tiny-dfs-20" / "log.jsonl"
    lines = [f'{{"step": {step}, "epoch": {step / 10}, "cp": 50.0, "target": 20.0}}' for step in (1, 2, 3)]
    log.write_text("\n".join([lines[0], lines[1].replace("50.0", '"half"'), lines[2]]))
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    said = app.warning[0].value.replace("\\", "")
    assert "tiny-dfs-20/log.jsonl, line 2: cp must be a cost in percent, 0 or more, not 'half'" in said
    assert len(rows_of(app)) == 10
    assert "cp and its target in training" not in [expander.label for expander in app.expander]
    log.write_text("\n".join(lines))
    app.run()
    assert not app.warning
    assert "cp and its target in training" in [expander.label for expander in app.expander]


def test_truncated_weights_give_a_message_and_another_checkpoint_can_be_chosen(own_copy):
    weights = own_copy / "tiny-dfs-20" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    assert not app.exception
    assert "weights.safetensors" in app.error[0].value.replace("\\", "")
    control(app.select_slider, "budget").set_value(30.0).run()
    assert not app.error
    assert len(rows_of(app)) == 10


def test_a_checkpoint_that_appears_or_goes_while_the_page_is_open_is_noticed(own_copy):
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    control(app.select_slider, "budget").set_value(30.0).run()
    shutil.rmtree(own_copy / "tiny-dfs-30")
    app.run()
    assert "'tiny-dfs-30' no longer exists" in app.warning[0].value
    assert list(control(app.select_slider, "budget").options) == ["10 %", "20 %"]
