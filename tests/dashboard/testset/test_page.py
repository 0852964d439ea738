"""The pages of the test set and of comparisons, without a browser: what they show, what a filter does, what is said."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import streamlit as st
from pages import control, go_to, opened, said, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import UNTRACED, make_card, make_network

from dashboard.answers.classes import groups
from dashboard.export.view import View
from dashboard.testset import confusions
from dashboard.ui import toolbar
from dashboard.ui.toolbar import RowAction
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import save_checkpoint, weights_hash
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.known import KNOWN
from dfs_core.model.config import ModelConfig

TESTSET, COMPARE = "testset", "compare"


def data_of(app: AppTest, name: str) -> list[dict]:
    """The rows of a chart's data."""
    for chart in app.get("vega_lite_chart"):
        for dataset in chart.proto.datasets:
            if dataset.name == name:
                return pa.ipc.open_stream(dataset.data.data).read_all().to_pylist()
    raise AssertionError(f"no chart has data named {name}")


@pytest.fixture
def without_data(tiny_pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "none"))
    return tiny_pretrained


def test_the_test_sets_figures_are_the_cards(with_data):
    app = opened(TESTSET)
    test = read_card("tiny-dfs-20").metrics["test"]
    assert f"{test['accuracy']:.2f} %" in text_of(app)
    assert f"{test['cp']:.2f} %" in text_of(app)
    segments = {(row["block"], row["option"]): row["share"] for row in data_of(app, "segments")}
    for block, shares in enumerate(test["shares"], start=2):
        for option, share in shares.items():
            assert segments.get((block, option), 0.0) == pytest.approx(share, abs=1e-3)
    assert "of 40" in text_of(app)
    assert len(app.get("page_link")) == 16


def test_filters_combine_count_and_stand_in_the_link(with_data):
    app = opened(TESTSET)
    control(app.segmented_control, "verdict").set_value("wrong").run()
    traces = read_traces(with_data / "tiny-dfs-20", OperatingPoint(read_card("tiny-dfs-20")))
    wrong = int((~traces.correct).sum())
    assert f"of {wrong}" in text_of(app)
    assert dict(app.query_params) == {"verdict": "wrong"}
    (line,) = re.findall(r"<th scope='row'>filtered</th>(.*?)</tr>", text_of(app))
    assert line.startswith(f"<td>{wrong}</td><td>-</td>"), "all of them are wrong, which is no accuracy"
    label = traces.classes[traces.labels[(~traces.correct).nonzero()[0][0]]]
    control(app.multiselect, "class").set_value([label]).run()
    both = int((~traces.correct & (traces.labels == traces.classes.index(label))).sum())
    assert f"of {both}" in text_of(app)
    assert dict(app.query_params) == {"verdict": "wrong", "class": label}
    app.button(key="clear_filters").click().run()
    assert dict(app.query_params) == {}
    assert "of 40" in text_of(app)


def test_a_link_opens_its_filter_and_its_order(without_data):
    traces = read_traces(without_data / "tiny-dfs-10", OperatingPoint(read_card("tiny-dfs-10")))
    option = traces.options[traces.decisions[0, 0]]
    app = opened(TESTSET, checkpoint="tiny-dfs-10", budget="10", taken=f"2-{option}", order="cheapest")
    count = int((traces.decisions[:, 0] == traces.decisions[0, 0]).sum())
    assert f"of {count}" in text_of(app)
    assert control(app.segmented_control, "order").value == "cheapest"
    assert app.button(key=f"drop_block 2: {option}").label.replace("\\", "") == f"block 2: {option}"
    app.button(key=f"drop_block 2: {option}").click().run()
    assert dict(app.query_params) == {"checkpoint": "tiny-dfs-10", "budget": "10", "order": "cheapest"}


def test_a_class_of_a_link_that_the_data_set_does_not_have_is_named(without_data):
    app = opened(TESTSET, **{"class": "unicorn.cat.st~1 bernard"})
    assert said(app.warning[0]) == "CIFAR-10 has no class 'unicorn' and 'st. bernard', so the filter leaves it out."
    assert control(app.multiselect, "class").value == ["cat"]
    control(app.multiselect, "class").set_value([]).run()
    assert not app.warning


def test_without_the_data_set_there_are_numbers_no_links_and_a_word_why(without_data):
    app = opened(TESTSET)
    assert "only their numbers" in app.info[0].value
    assert not app.get("page_link")
    assert len([caption for caption in app.caption if re.fullmatch(r"Image \d+", caption.value)]) == 16
    assert "<img" not in text_of(app).replace('<img alt="" src=', "")  # marks of legends aside


def test_images_of_another_set_are_not_shown_for_those_that_were_traced(with_data, cifar10_dir, tmp_path, monkeypatch):
    shutil.copytree(cifar10_dir / "cifar10", tmp_path / "cifar10")
    (tmp_path / "cifar10" / "test" / "cat" / "0000.png").unlink()
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path))
    app = opened(TESTSET)
    assert "the 39 test images on this machine are not the 40 images of the traces" in app.info[0].value
    assert not app.get("page_link"), "a number would lead to another image"


def test_nothing_like_that_is_said_and_can_be_undone(without_data):
    app = opened(TESTSET, low="99")
    assert any("No test image passes these filters" in info.value for info in app.info)
    app.button(key="clear_filters").click().run()
    assert "of 40" in text_of(app)


def plotly_figure(app: AppTest) -> dict:
    """The map, as the browser gets it."""
    (chart,) = app.get("plotly_chart")
    return json.loads(chart.proto.spec)


def test_the_map_has_a_row_for_every_image_that_passes_the_filter(without_data):
    traces = read_traces(without_data / "tiny-dfs-20", OperatingPoint(read_card("tiny-dfs-20")))
    app = opened(TESTSET)
    assert len(plotly_figure(app)["layout"]["yaxis"]["categoryarray"]) == 40
    assert "40 test images, most frequent decision vector first" in text_of(app)
    assert "40 test images by 5 gated blocks: " in text_of(app)
    control(app.segmented_control, "verdict").set_value("wrong").run()
    rows = plotly_figure(app)["layout"]["yaxis"]["categoryarray"]
    assert len(rows) == int((~traces.correct).sum())
    assert all("✗" in row for row in rows)


def test_the_maps_order_stands_in_the_link_and_a_link_opens_it(without_data):
    app = opened(TESTSET)
    control(app.segmented_control, "map_sort").set_value("cost").run()
    assert dict(app.query_params) == {"sort": "cost"}
    assert "40 test images, cheapest first" in text_of(app)
    app = opened(TESTSET, sort="class", rows="11-20")
    assert control(app.segmented_control, "map_sort").value == "class"
    assert "10 of 40 test images, by class" in text_of(app)
    assert len(plotly_figure(app)["layout"]["yaxis"]["categoryarray"]) == 10
    for nonsense in ("0-3", "7", "9-2", "90-95", "a-b"):
        app = opened(TESTSET, rows=nonsense, sort="size")
        assert "40 test images, most frequent decision vector first" in text_of(app)


def test_a_static_network_has_one_decision_vector_and_nothing_to_set_against_its_cost(without_data):
    app = opened(TESTSET, checkpoint="tiny-backbone")
    said = text_of(app)
    assert "1 of 1 different decision vector, with 100.0 % of the images" in said
    assert "so cost is not shown by confidence" in said
    assert "All these images cost the same: 100.00 % (cp)." in said
    assert len(app.get("vega_lite_chart")) == 4, "shares, accuracy by class, decision vectors and confusions"
    assert not [slider for slider in app.slider if "Cost of the image" in slider.label]
    traces = read_traces(without_data / "tiny-backbone", OperatingPoint(read_card("tiny-backbone")))
    wanted = {name: 100 * traces.correct[traces.labels == label].mean() for label, name in enumerate(traces.classes)}
    rows = data_of(app, "classes")
    assert {row["class"]: row["accuracy"] for row in rows} == pytest.approx(wanted)
    assert [row["accuracy"] for row in rows] == sorted(wanted.values()), "the hardest class first"
    app = opened(TESTSET, checkpoint="tiny-backbone", verdict="wrong")
    assert len(app.get("vega_lite_chart")) == 3, "all of them are wrong, which is no accuracy"


def test_where_all_images_cost_the_same_the_superclasses_of_cifar100_open_all_the_same(tmp_path, no_data, monkeypatch):
    known, config = (
        KNOWN["cifar100"],
        ModelConfig(depth=8, classes=100, options="4", policy="constant", constant=("4",)),
    )
    model = make_network(config)
    card = make_card("static", "static", config, dataset="cifar100", classes=known.classes)
    point = OperatingPoint(replace(card, weights_sha256=weights_hash(model)))
    labels = np.arange(200) % 100
    made = Traces(
        checkpoint=card.name,
        weights_sha256=point.card.weights_sha256,
        budget=None,
        price=0.0,
        dataset="cifar100",
        classes=known.classes,
        options=config.option_set.names,
        labels=labels,
        predictions=np.where(np.arange(200) < 100, labels, 99 - labels),  # of each class, one of two images is wrong
        confidence=np.full(200, 0.5, np.float32),
        decisions=np.zeros((200, config.gated_blocks), np.uint8),
    )
    save_checkpoint(tmp_path / "static", model, card, {point.traces_file: made.to_bytes()})
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    app = opened(TESTSET)
    assert {row["accuracy"] for row in data_of(app, "classes")} == {50.0}
    assert len(data_of(app, "classes")) == 20
    assert "### Accuracy per superclass" in [one.value for one in app.markdown]
    assert "apple" not in {row["truth"] for row in data_of(app, "confusions")}
    control(app.segmented_control, "classes").set_value(True).run()
    assert not app.exception
    assert "### Accuracy per class" in [one.value for one in app.markdown]
    assert dict(app.query_params) == {"classes": "all"}
    assert {row["class"] for row in data_of(app, "classes")} == {name.replace("_", " ") for name in known.classes}
    assert "apple" in {row["truth"] for row in data_of(app, "confusions")}
    app = opened(TESTSET, verdict="wrong")
    assert control(app.segmented_control, "classes").value is False, "the confusions follow it"


def test_decision_vectors_are_called_that_in_their_table_and_have_no_accuracy_where_all_are_wrong(without_data):
    for query, accuracy in (({}, True), ({"verdict": "wrong"}, False)):
        app = AppTest.from_file(str(APP), default_timeout=300)
        app.query_params.update(query)
        app.session_state["decision vectors_table"] = True
        go_to(app, TESTSET).run()
        assert not app.exception
        columns = set(app.dataframe[0].value.columns)
        assert "decision vector" in columns
        assert ("accuracy" in columns) is accuracy


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def test_a_row_of_a_table_sets_the_filter_that_a_click_in_its_chart_sets(without_data, monkeypatch):
    def as_buttons(view: View, on_row: RowAction | None = None) -> None:
        """Tables as AppTest can use them: a button for each row."""
        for name, rows in view.tables.items():
            for place, row in enumerate(rows() if on_row else ()):
                st.button("row", key=f"{name} {place}", on_click=on_row, args=(row,))

    monkeypatch.setattr(toolbar, "toolbar", as_buttons)
    traces = read_traces(without_data / "tiny-dfs-20", OperatingPoint(read_card("tiny-dfs-20")))
    first = f"2-{traces.options[0]}"
    app = press(opened(TESTSET), "shares 0")
    assert dict(app.query_params) == {"taken": first}
    assert dict(press(app, "shares 0").query_params) == {}, "a second time removes it"
    rows = confusions.confusion_rows(traces, np.arange(len(traces)), groups(traces.classes))
    press(app, "confusions 0")
    assert dict(app.query_params) == {"class": rows[0]["truth"], "answer": rows[0]["answer"], "verdict": "wrong"}
    assert dict(press(app, "confusions 0").query_params) == {}
    press(app, "decision vectors 1")
    assert len(str(app.query_params["policy"])) == traces.decisions.shape[1]
    assert "of 40" not in text_of(app)
    assert dict(press(app, "decision vectors 0").query_params) == {}


def test_without_traces_the_page_says_which_command_makes_them(without_data, monkeypatch):
    app = opened(TESTSET, checkpoint=UNTRACED)
    assert "they are not stored yet" in app.info[0].value
    assert f"python -m dfs_core traces --checkpoint {UNTRACED} --data-dir" in app.code[0].value
    with monkeypatch.context() as patch:
        patch.setenv("DFS_DATA_DIR", "/some DIR/my data")
        code = opened(TESTSET, checkpoint=UNTRACED).code[0].value
    assert shlex.split(code)[-1] == "/some DIR/my data"
    assert not app.get("vega_lite_chart")


def test_traces_of_other_weights_are_refused_on_the_page(tmp_path, without_data, monkeypatch):
    folder = tmp_path / "pretrained"
    shutil.copytree(without_data, folder)
    shutil.copy(folder / "tiny-dfs-10" / "traces.parquet", folder / "tiny-dfs-20" / "traces.parquet")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    app = opened(TESTSET)
    assert "belongs to other weights" in app.error[0].value.replace("\\", "")
    assert "--checkpoint tiny-dfs-20" in app.code[0].value


def test_two_operating_points_are_compared_on_the_same_images_and_on_the_test_set(without_data):
    app = opened(COMPARE)
    text = text_of(app)
    assert "tiny-dfs-20" in text
    assert "tiny-dfs-30" in text
    assert len(data_of(app, "cells")) >= 2 * 10 * 5
    assert len(data_of(app, "differences")) == 10 * 5
    names = "tiny-dfs-20", "tiny-dfs-30"
    a, b = (read_traces(without_data / name, OperatingPoint(read_card(name))) for name in names)
    only = int((a.correct & ~b.correct).sum())
    assert f"<td>{only}<small>" in text
    control(app.select_slider, "b_budget").set_value(10.0).run()
    assert dict(app.query_params) == {"right": "tiny-dfs-10"}
    assert control(app.select_slider, "budget").value == 20


def test_a_link_opens_both_sides_and_other_options_are_compared_by_cost(without_data):
    app = opened(COMPARE, checkpoint="tiny-dfs-10", budget="10", right="tiny-skipnet-50")
    assert {row["option"] for row in data_of(app, "cells") if "option" in row} >= {"full"}
    assert data_of(app, "differences")
    assert "SkipNet ResNet-14" in text_of(app)


def test_the_only_picture_on_a_page_is_compared_with_itself(tiny_pretrained, cifar10_dir, tmp_path, monkeypatch):
    shutil.copytree(cifar10_dir, tmp_path / "data")
    for spare in sorted((tmp_path / "data" / "cifar10" / "test").glob("*/*.png"))[11:]:
        spare.unlink()
    monkeypatch.setenv("DFS_DATA_DIR", str(tmp_path / "data"))
    app = opened(COMPARE, what="images", gallery="2")
    assert not app.exception
    first, second = control(app.selectbox, "image_A"), control(app.selectbox, "image_B")
    assert first.options == second.options
    assert len(first.options) == 1


def test_two_images_are_compared_under_one_operating_point(without_data):
    app = opened(COMPARE, what="images", image="frog", other="airplane")
    assert control(app.selectbox, "image_A").value == "frog"
    (rows,) = re.findall(r'<div class="dfs-changes">.*?<tbody>(.*?)</tbody>', text_of(app))
    assert [re.findall(r"<td>(.*?)</td>", row)[:2] for row in rows.split("</tr>")[:2]] == [
        ["A", "frog"],
        ["B", "airplane"],
    ]
    assert "What changes from A to B" not in text_of(app)
    assert len(data_of(app, "differences")) == 5
    assert "test set" not in text_of(app)
