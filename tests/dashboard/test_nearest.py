"""Of a checkpoint for every budget decisions are stored at some budgets: pages name the one that they show."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from every_budget import CONFIG, NAME, Load, every_budget_card, write_every_budget
from pages import control, opened, said, text_of, unlinked
from PIL import Image
from streamlit.testing.v1 import AppTest
from tiny import CIFAR10

from dashboard.answers import operating
from dashboard.ui import cached
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.traces import Traces


@pytest.fixture
def folder(tmp_path: Path, pretrained_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder, folder)
    write_every_budget(folder)
    for budget in (1.25, 5.0):
        point = OperatingPoint(every_budget_card(), budget)
        (folder / NAME / point.traces_file).write_bytes(_traces(budget).to_bytes())
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("dfs_core.predictor.Predictor", Load)
    cached.shared_predictor.clear()
    yield folder
    cached.shared_predictor.clear()


def _traces(budget: float, images: int = 40) -> Traces:
    random = np.random.default_rng(0)
    labels = random.integers(10, size=images)
    return Traces(
        checkpoint=NAME,
        weights_sha256="e" * 64,
        budget=budget,
        price=CONFIG.price_for(budget),
        dataset="cifar10",
        classes=CIFAR10.classes,
        options=CONFIG.option_set.names,
        labels=labels,
        predictions=np.where(random.random(images) < 0.8, labels, 0),
        confidence=random.random(images).astype(np.float32),
        decisions=random.integers(6, size=(images, CONFIG.gated_blocks)).astype(np.uint8),
    )


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    return file.getvalue()


def open_page(page: str, **query: str) -> AppTest:
    return opened(page, **{"checkpoint": NAME} | query)


def test_figures_are_named_by_the_budget_that_they_are_of(folder):
    app = open_page("testset", budget="1.2")
    assert "not for 1.2 %. Shown: 1.25 %." in app.info[0].value.replace("\\", "")
    assert "budget 1.25 %, price 0.32</h2>" in text_of(app)
    assert control(app.select_slider, "budget").value == pytest.approx(1.2, rel=0.01), "the wish stays as it is"


def test_a_budget_that_was_not_measured_says_so_where_its_figures_would_stand(folder):
    app = open_page("explore", budget="1.2")
    assert "test set: not measured here</th><td>-</td><td>-</td><td>-</td>" in text_of(app)
    measured = folder.parent / "results"
    measured.mkdir()
    columns = {"family": "every-budget", "checkpoint": NAME, "dataset": "cifar10", "label": "x", "split": "test"}
    columns |= {
        "n": 10000,
        "depth": 8,
        "seed": 0,
        "policies": 5,
        "low": 89.4,
        "high": 90.6,
        "all_in": 6.0,
        "made_by": "x",
    }
    rows = [columns | {"budget": at, "cp": at, "accuracy": 90 + at} for at in (0.5, 1.5)]
    with (measured / "points.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    told = text_of(open_page("explore", budget="1.2"))
    assert "test set, interpolated between budgets 0.5 and 1.5 %</th><td>10,000</td><td>about 91.20 %" in told
    steps = open_page("learn", budget="1.2", step="5")
    said = " ".join(element.value.replace("\N{NO-BREAK SPACE}", " ") for element in steps.markdown)
    said = unlinked(said)
    assert "This budget was not measured. Between 0.5 and 1.5 %, which were" in said


def test_the_usual_rival_is_a_budget_whose_decisions_are_stored(folder):
    app = open_page("compare", budget="1.25")
    assert "budget 5 %, price 0.08</span>" in text_of(app)
    assert not app.info


def test_a_thing_is_not_compared_with_itself_in_silence(folder):
    app = open_page("compare", budget="1.2", rb="1.3")
    assert any("A and B have the same stored decisions" in info.value for info in app.info)
    assert "of accuracy from A to B" not in text_of(app)


def test_b_stays_what_it_was_set_to_when_the_method_of_a_changes(folder):
    app = open_page("compare", budget="1.25")
    wished = operating.positions(*operating.budget_bounds(every_budget_card()), 5.0)[40]
    control(app.select_slider, "b_budget").set_value(wished).run()
    assert app.query_params["right"] == NAME
    control(app.selectbox, "method").set_value("DFS").run()
    assert not app.exception
    assert app.query_params["right"] == NAME
    assert float(app.query_params["rb"]) == pytest.approx(wished)


def test_what_is_said_of_b_stands_at_b(folder):
    app = open_page(
        "compare", checkpoint="tiny-dfs-20-alpha1e-6", budget="20", alpha="1e-6", right="tiny-dfs-20-alpha1e-6"
    )
    next(one for one in app.select_slider if one.key.startswith("b_budget")).set_value(30).run()
    a, b = ([said(warning) for warning in side.warning] for side in app.columns if side.get("html"))
    assert not a
    assert "1e-6 was trained at 20 % only" in b[0]


def test_a_single_picture_is_compared_with_one_of_the_gallery(folder):
    app = open_page("compare", what="images")
    app.file_uploader(key="uploads").set_value([("mine.png", png(), "image/png")]).run()
    first, second = control(app.selectbox, "image_A"), control(app.selectbox, "image_B")
    assert first.value.startswith("upload-")
    assert second.value == "airplane"
