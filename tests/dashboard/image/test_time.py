"""Time here, on the Image page: measured by a button, shown beside what is counted, never mixed with it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from pages import control, go_to, said, text_of
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.answers.costs import models
from dashboard.image.probes import WhatIf
from dashboard.image.time_chart import time_rows
from dashboard.ui import cached
from dfs_core.checkpoints.card import OnEngine
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.timing import clock, kept
from dfs_core.timing.calibration import Calibration, Machine, NetworkShape
from dfs_core.trace import DecisionTrace, PassTrace

MACHINE = Machine("Test processor", 2, "Linux", "2.0", "1.0")


def calibration(config: ModelConfig, machine: Machine = MACHINE) -> Calibration:
    """Whole milliseconds: option k of a block takes k + 1 for each image, with 1 more for each batch."""
    sizes, blocks, date = (1, 4), config.gated_blocks, "2026-01-01T00:00:00"
    shape = NetworkShape.of(config)
    own = tuple(tuple(1.0 + (kind + 1) * size for size in sizes) for kind in range(len(shape.kinds)))
    policy = ((0.5, 2.0),) * blocks
    return Calibration(
        shape, machine, 1, "library", date, sizes, (8.0, 32.0), (2.0, 8.0), policy, policy, (own,) * blocks
    )


def trace(config: ModelConfig, decisions: tuple[str, ...], passes: tuple[PassTrace, ...] = ()) -> DecisionTrace:
    names = config.option_set.names
    even, costs = ((1 / len(names),) * len(names),) * len(decisions), (0.0,) * len(decisions)
    return DecisionTrace("t", None, names, decisions, costs, even, ("a", "b"), (0.9, 0.1), 1.0, 1.0, passes=passes)


def test_parts_sum_to_the_image_and_counted_costs_stand_in_a_column_of_their_own() -> None:
    config = ModelConfig(depth=8, options="skip,8,full")
    free = trace(config, ("full", "skip"))
    rows = time_rows(WhatIf(free, free, {}, False), config, "macs", calibration(config), 4)
    assert [row["part"] for row in rows] == ["stem and first block", "block 2", "block 3", "answer"]
    assert [row["block_ms"] for row in rows] == [8.0, 3.25, 1.25, 2.0]
    assert [row["policy_ms"] for row in rows] == [0.0, 0.5, 0.5, 0.0]
    table = models(config)["macs"].table
    assert [row["counted"] for row in rows] == [None, table[0][2], table[1][0], None]


def test_a_cascades_time_has_every_pass() -> None:
    config = ModelConfig(
        depth=8, options="2,8", policy="cascade", passes=("2", "8"), prices=((0.1, 4.0),), limits=((2.0,),)
    )
    looks = tuple(PassTrace((name,) * 2, "a", 0.9, 1.0, None) for name in ("2", "8"))
    again = trace(config, ("8", "8"), looks)
    rows = time_rows(WhatIf(again, again, {}, False), config, "cp", calibration(config), 1)
    assert [row["block_ms"] for row in rows] == [8.0, 5.0, 5.0, 4.0]


def test_the_words_of_a_machine_are_all_that_its_figures_depend_on() -> None:
    words = calibration(ModelConfig(depth=8, options="skip,8,full")).in_words
    assert words == "Test processor, 2 cores (1 thread), Linux; library kernels, PyTorch 2.0, DFS Explorer 1.0"


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(clock, "ROUNDS", 1)
    monkeypatch.setattr("dfs_core.engine.engine.library", lambda wait: None)  # no compiler in tests
    app = AppTest.from_file(str(APP), default_timeout=120)
    go_to(app, "image").run()
    assert not app.exception
    return app


def test_the_button_measures_this_machine_and_the_page_names_it(app: AppTest, tmp_path: Path) -> None:
    assert "images a second" not in text_of(app)
    charts = len(app.get("vega_lite_chart"))
    button = app.button(key="measure_machine")
    assert button.label == "Measure this machine"
    button.click().run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == charts + 1
    assert "images a second" in text_of(app)
    assert f"Measured on {kept.this_machine().processor}" in text_of(app).replace("\\", "")
    assert app.button(key="measure_machine").label == "Measure again"
    assert len(list((tmp_path / "dfs-explorer").glob("time-*.json"))) == 1
    control(app.segmented_control, "time_batch").set_value(16).run()
    assert not app.exception
    assert "16" in str(app.query_params["batch"])
    assert control(app.segmented_control, "time_batch").value == 16


def test_what_a_card_says_of_the_engine_is_shown(
    app: AppTest, pretrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "of the decisions" not in text_of(app), "this card says nothing"
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder / "tiny-dfs-20", folder / "tiny-dfs-20")
    path = folder / "tiny-dfs-20" / "card.json"
    engine = OnEngine("native", 93.4, 20.1, 99.97, 99.9, "Test processor")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"engine": asdict(engine)}))
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    app.run()
    assert not app.exception
    assert (
        "99.97 % of the engine's decisions and 99.90 % of its answers are those of the float simulation. Its accuracy"
        " is 93.40 % (measured on Test processor)." in text_of(app).replace("\\", "")
    )


def test_a_network_that_the_engine_cannot_run_says_so(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(card, report):
        raise UserError("this network does not run on the engine here")

    monkeypatch.setattr(cached, "measure", refuse)
    app.button(key="measure_machine").click().run()
    assert "does not run on the engine" in said(app.error[0])
    assert app.button(key="measure_machine").label == "Measure this machine"


def test_another_machines_calibration_is_not_shown(app: AppTest) -> None:
    config = next(card.config for card in cached.catalogue().cards if card.name == "tiny-dfs-20")
    kept.keep(calibration(config))
    assert cached.calibration(config) is None
    here = replace(calibration(config, kept.this_machine()), date="2999-01-01T00:00:00")
    kept.keep(here)
    assert cached.calibration(config) == here
    app.run()
    assert "2999" in text_of(app)


def test_film_and_compare_show_measured_times_where_the_network_was_measured(app: AppTest) -> None:
    config = next(card.config for card in cached.catalogue().cards if card.name == "tiny-dfs-20")
    assert "Measured here, alone" not in text_of(app)
    kept.keep(calibration(config, kept.this_machine()))
    app.run()
    assert "Measured here, alone:" in text_of(app)
    go_to(app, "compare").run()
    app.query_params.update({"checkpoint": "tiny-dfs-20", "b": "tiny-dfs-30"})
    app.run()
    assert not app.exception
    assert "Measured: milliseconds of one image alone" in text_of(app).replace("\\", "")
    assert "<th>measured here</th>" in text_of(app)
