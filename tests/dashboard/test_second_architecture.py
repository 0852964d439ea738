"""Every page with an ImageNet ResNet on 64-pixel images: alone, and beside CIFAR ResNets."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from pages import control, opened, rows_of, text_of
from places import APP, made_once
from shapes import CLASSES, SIZE, shape, write_runs, write_shapes

from dashboard.export import formats
from dashboard.ui import cached, toolbar
from dfs_core.data import stored

PAGES = sorted(path.parent.name for path in APP.parent.glob("*/page.py") if path.parent.name != "ui")
CHECKPOINTS = ["shapes-backbone", "shapes-dfs", "shapes-lowbit", "shapes-skipnet"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    return made_once(tmp_path_factory, "shapes/pretrained", lambda folder: write_runs(folder, data_dir))


@pytest.fixture
def in_force(runs: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(runs))
    monkeypatch.setenv("DFS_DATA_DIR", str(data_dir))
    return runs


def png(label: int) -> bytes:
    buffer = io.BytesIO()
    shape(label, 77, (150, 120)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_every_page_opens_with_every_checkpoint(page: str, checkpoint: str) -> None:
    app = opened(page, checkpoint=checkpoint)
    assert not app.error


@pytest.mark.usefixtures("in_force")
def test_explore_shows_test_images_and_uploads_at_the_networks_size() -> None:
    app = opened(checkpoint="shapes-dfs")
    text = text_of(app)
    assert "DFS ImageNet ResNet-18 x0.125, 64 px" in text
    assert "shapes test images, page 1 of 2" in text
    assert len(rows_of(app)) == 10
    assert len(app.get("vega_lite_chart")) == 2
    app.file_uploader[0].upload("mine.png", png(1), "image/png").run()
    assert not app.exception
    assert not app.error
    assert [row.split(". ")[1] for row in rows_of(app)] == ["mine.png"]
    assert f"mine.png, {SIZE} by {SIZE}" in text_of(app)
    assert any(name in text_of(app) for name in CLASSES)


@pytest.mark.usefixtures("in_force")
def test_a_checkpoint_for_every_budget_is_asked_for_one() -> None:
    app = opened(checkpoint="shapes-lowbit", budget="20")
    assert not app.error
    assert not app.warning
    assert "DFS every budget ImageNet ResNet-18 x0.125, 64 px, budget 20 %" in text_of(app)
    assert len(control(app.select_slider, "budget").options) > 10


@pytest.mark.usefixtures("in_force")
def test_the_lesson_names_the_size_of_its_image() -> None:
    app = opened("learn", checkpoint="shapes-dfs")
    assert app.markdown[0].value == "## 1. A picture becomes 64 by 64"
    assert "64 by 64 pixels of three colours: 12,288 numbers" in text_of(app)
    for _ in range(4):
        app.button(key="go_Next").click().run()
        assert not app.exception


@pytest.mark.usefixtures("in_force")
@pytest.mark.parametrize("page", ["explore", "image", "compare", "testset"])
def test_every_chart_is_made_as_a_picture_and_a_page(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    views: dict[str, object] = {}
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: views.setdefault(view.key, view))
    opened(page, checkpoint="shapes-dfs")
    assert views
    for view in views.values():
        for kind in ("svg", "html"):
            assert formats.export_figure(view, kind)


@pytest.mark.usefixtures("in_force")
def test_images_that_stay_on_disk_are_shown_and_a_bad_one_is_counted(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data_dir, tmp_path / "data")
    (tmp_path / "data" / "shapes" / "test" / "circle" / "3.png").write_bytes(b"no picture")
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(stored, "IN_MEMORY", 0)
    cached._test_picture.clear()  # of the whole set, which other tests have shown
    pages = [opened(checkpoint="shapes-dfs", gallery=str(number)) for number in (1, 2)]
    assert sum(len(rows_of(app)) for app in pages) == 17
    assert sum("1 of them cannot be read" in text_of(app) for app in pages) == 1


@pytest.fixture
def beside_cifar(in_force: Path, pretrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both architectures on one machine; of CIFAR-10 there are no images."""
    shutil.copytree(in_force, tmp_path / "pretrained")
    for name in ("tiny-backbone", "tiny-dfs-20"):
        shutil.copytree(pretrained_folder / name, tmp_path / "pretrained" / name)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path / "pretrained"))


@pytest.mark.usefixtures("beside_cifar")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_networks_of_two_sizes(page: str) -> None:
    for checkpoint in ("tiny-dfs-20", "shapes-dfs"):
        assert not opened(page, checkpoint=checkpoint).error


@pytest.mark.usefixtures("beside_cifar")
def test_an_upload_goes_to_each_network_at_its_own_size() -> None:
    app = opened("explore", checkpoint="tiny-dfs-20")
    app.file_uploader[0].upload("mine.png", png(1), "image/png").run()
    assert "mine.png, 32 by 32" in text_of(app)
    network = control(app.selectbox, "network")
    network.set_value(next(name for name in network.options if name.endswith("on shapes"))).run()
    assert not app.exception
    assert "mine.png, 64 by 64" in text_of(app)


@pytest.mark.usefixtures("beside_cifar")
def test_networks_of_two_sizes_are_compared_each_seeing_its_own() -> None:
    app = opened("compare", checkpoint="shapes-dfs", right="tiny-dfs-20")
    assert not app.error
    text = text_of(app)
    assert "A takes images of 64 pixels, B of 32" in text
    assert "ImageNet ResNet-18 x0.125, 64 px has 7 gated blocks and ResNet-14 has 5" in app.info[0].value
