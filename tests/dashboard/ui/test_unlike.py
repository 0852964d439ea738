"""Pictures of no class that the network knows: what is said at an upload, and which pictures are marked."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from pages import go_to, said, text_of
from PIL import Image
from places import APP, REPOSITORY
from streamlit.testing.v1 import AppTest

from dashboard.ui.unlike import MARK
from dfs_core.data.familiar import file_of
from dfs_core.data.strangers import strangers

ONLY = "The network knows only 10 classes: airplane, automobile, bird"


@pytest.fixture
def results(tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of measured figures, with what CIFAR-10 looks like."""
    shutil.copytree(tiny_pretrained, tmp_path / "pretrained")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "none"))
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(file_of(REPOSITORY / "results", "cifar10", 32), folder)
    return folder


def captions(app: AppTest) -> str:
    return " ".join(said(one) for one in app.caption)


def with_upload(page: str, kind: str, **query: str) -> AppTest:
    buffer = io.BytesIO()
    Image.fromarray(strangers(kind, 1, 32)[0]).save(buffer, "PNG")
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params.update(query)
    go_to(app, page).run()
    assert ONLY not in captions(app)
    app.file_uploader(key="uploads").set_value([("mine.png", buffer.getvalue(), "image/png")]).run()
    assert not app.exception
    return app


@pytest.mark.parametrize("page", ["explore", "image"])
@pytest.mark.parametrize("kind", ["noise", "text"])
def test_an_upload_is_told_the_classes_and_what_is_far_from_them_is_marked(results: Path, page: str, kind: str):
    app = with_upload(page, kind)
    told = captions(app)
    assert ONLY in told
    assert "Unlike the training images**: mine.png." in told
    assert "100 % of drawn noise" in told, "what the mark is worth is measured"
    html = "".join(element.proto.body for element in app.get("html"))
    assert MARK in html


def test_a_picture_like_the_training_images_has_no_mark(results: Path):
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params["image"] = "dog"
    app.run()
    (focus,) = (element.proto.body for element in app.get("html") if '<div class="dfs-focus">' in element.proto.body)
    assert MARK not in focus


def test_the_lesson_says_that_only_ten_classes_are_known(results: Path):
    told = text_of(with_upload("learn", "noise", image="frog")).replace("\\", "")
    assert "It knows only 10 classes: airplane" in told
    assert "also for one as unlike the training images as this" in told


def test_nothing_is_marked_where_nothing_was_measured_and_a_broken_file_is_named(results: Path):
    (file,) = results.iterdir()
    file.write_text("{")
    app = with_upload("explore", "noise")
    assert any("familiar-cifar10-32" in said(warning) for warning in app.warning)
    file.unlink()
    app = with_upload("explore", "noise")
    assert MARK not in text_of(app).lower()
    assert not app.warning
