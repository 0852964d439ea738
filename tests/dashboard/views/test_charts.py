"""Charts show exactly what traces and cards say; tables and charts come from the same rows."""

from __future__ import annotations

import base64
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from places import APP, REPOSITORY
from tiny import make_card, make_network, pictures

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.networks import Network
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown, decision_rows, image_rows, ledger_rows, stage_rows
from dashboard.answers.tables import test_figures as figures_on_test
from dashboard.drawing import legends, marks
from dashboard.drawing.figure import Key
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export import sheet
from dashboard.views import curve_chart
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve, point_legend
from dashboard.views.points import point_rows, read_published
from dashboard.views.strip_chart import decision_strip
from dashboard.views.training_chart import training_curve
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.run_log import read_log
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models
from dfs_core.model.options import OptionSet
from dfs_core.predictor import Predictor

PUBLISHED = REPOSITORY / "dashboard" / "views" / "published.csv"
NETWORK = Network("cifar10", "ResNet-14", 14)
CONFIG = ModelConfig(depth=14, budget=20.0)


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    card = make_card("tiny", "dfs", CONFIG, alpha=5e-6)
    predictor = Predictor(Checkpoint(card, make_network(CONFIG, seed=2), Path()))
    made = [make_picture(f"k{i}", f"p{i}", "upload", p) for i, p in enumerate(pictures(4))]
    traces = predictor.predict([one.seen for one in made])
    made[1] = replace(made[1], truth=traces[1].label)
    made[2] = replace(made[2], truth="horse" if traces[2].label != "horse" else "ship")
    return [Shown(one, trace) for one, trace in zip(made, traces, strict=True)]


@pytest.fixture
def catalogue(tiny_pretrained: Path) -> Catalogue:
    from dfs_core.checkpoints.card_files import scan

    return Catalogue(*(tuple(part) for part in scan()))


def test_every_decision_is_a_cell_with_its_option_and_colour(shown):
    cells = decision_strip(shown, CONFIG, None, LIGHT).data["cells"]
    assert [cell["option"] for cell in cells] == [name for item in shown for name in item.trace.decisions]
    assert {(cell["option"], cell["fill"]) for cell in cells} <= {
        (name, LIGHT.option(name)) for name in CONFIG.option_set.names
    }
    assert [cell["fraction"] for cell in cells] == [share for item in shown for share in item.trace.fractions]


def test_cells_of_a_row_follow_each_other_with_gaps_between_stages(shown):
    cells = [c for c in decision_strip(shown, CONFIG, None, LIGHT).data["cells"] if c["row"] == 0]
    gaps = [round(b["start"] - a["end"], 6) for a, b in itertools.pairwise(cells)]
    assert [cell["stage"] for cell in cells] == [1, 2, 2, 3, 3]
    assert gaps == [0.56, 0.06, 0.56, 0.06]


def test_the_ledger_of_the_cells_sums_to_the_cost_of_each_image(shown):
    fixed = cost_models(CONFIG)["bitops"].fixed
    rows = decision_rows(shown, CONFIG)
    for index, item in enumerate(shown):
        mine = [row for row in rows if row["row"] == index]
        assert sum(row["cp"] for row in mine) == pytest.approx(item.trace.cp)
        assert fixed + sum(row["all_in"] for row in mine) == pytest.approx(item.trace.all_in)


def test_probability_and_margin_are_those_of_the_choice(shown):
    rows = decision_rows(shown, CONFIG)
    for row, chances in zip(rows, (p for item in shown for p in item.trace.probabilities), strict=True):
        best, second = sorted(chances, reverse=True)[:2]
        assert row["probability"] == pytest.approx(100 * best)
        assert row["margin"] == pytest.approx(100 * (best - second))


def test_only_the_image_in_focus_is_marked(shown):
    images = decision_strip(shown, CONFIG, "k2", LIGHT).data["images"]
    assert [image["strength"] > 0 for image in images] == [False, False, True, False]


def test_right_and_wrong_have_a_glyph_and_the_truth_and_unknown_has_the_name(shown):
    details = [image["detail"] for image in decision_strip(shown, CONFIG, None, LIGHT).data["images"]]
    assert details[0].endswith(" % · p0")
    assert details[1].startswith("✓ ")
    assert details[2].startswith("✗ ")
    assert details[2].endswith(f"is {shown[2].picture.truth}")


def test_another_answer_for_the_same_images_changes_data_and_not_the_specification(shown):
    other = [Shown(item.picture, shown[-1].trace) for item in shown]
    one, two = decision_strip(shown, CONFIG, "k0", LIGHT), decision_strip(other, CONFIG, "k1", LIGHT)
    assert one.spec == two.spec
    assert one.data["cells"] != two.data["cells"]
    assert one.spec != decision_strip(shown, CONFIG, "k0", DARK).spec


def test_test_images_are_shown_once_and_others_as_given_and_as_seen(shown):
    tests = [replace(item, picture=replace(item.picture, origin="test")) for item in shown]
    urls = [
        json.dumps(decision_strip(items, CONFIG, None, LIGHT).spec).count('"type": "image"') for items in (shown, tests)
    ]
    assert urls[0] == urls[1] + 1


def test_what_streamlit_is_given_has_all_rows_as_arrow_tables(shown):
    figure = decision_strip(shown, CONFIG, None, LIGHT)
    datasets = figure.for_streamlit()["datasets"]
    assert {name: table.num_rows for name, table in datasets.items()} == {
        "cells": 4 * 5,
        "images": 4,
        "pictures": 4,
        "stages": 3,
        "heads": 1,
        "blocks": 5,
    }
    assert "datasets" not in figure.spec


def test_stages_begin_and_end_where_the_network_says():
    stages = [(row["first"], row["last"]) for row in stage_rows(ModelConfig(depth=38))]
    assert stages == [(2, 6), (7, 12), (13, 18)]
    assert [row["stage"] for row in stage_rows(ModelConfig(depth=8))] == [2, 3]
    other = ModelConfig(architecture="imagenet-resnet", depth=18, image_size=64)
    assert [(row["first"], row["last"]) for row in stage_rows(other)] == [(2, 2), (3, 4), (5, 6), (7, 8)]


def test_the_curve_has_every_measured_point_with_its_interval_and_published_ones_apart(catalogue, shown):
    points = point_rows(catalogue, NETWORK, read_published(PUBLISHED), "cp")
    figure = accuracy_curve(
        CurveState(points, image_rows(shown, CONFIG), "cp", "linear", "tiny-dfs-20", focus="k1"), LIGHT
    )
    measured, published = figure.data["measured"], figure.data["published"]
    assert {point["checkpoint"] for point in measured} == {card.name for card in catalogue.cards}
    assert all(point["low"] <= point["accuracy"] <= point["high"] for point in measured)
    assert [point["checkpoint"] for point in measured if point["in_use"]] == ["tiny-dfs-20"]
    assert len(published) == 13
    assert all(point["source"] and not point["in_use"] and point["low"] is None for point in published)


def test_each_image_stands_at_its_own_cost_and_the_one_in_focus_is_long(shown):
    for cost, key in (("cp", "cp"), ("all-in", "all_in")):
        ticks = accuracy_curve(CurveState([], image_rows(shown, CONFIG), cost, "linear", focus="k1"), LIGHT).data[
            "images"
        ]
        assert [tick["x"] for tick in ticks] == [getattr(item.trace, key) for item in shown]
        assert [tick["long"] for tick in ticks] == [False, True, False, False]


def test_on_a_logarithmic_axis_nothing_is_lost_to_a_cost_of_zero(shown):
    free = [replace(shown[0], trace=replace(shown[0].trace, cp=0.0))]
    tick = accuracy_curve(CurveState([], image_rows(free, CONFIG), "cp", "log"), LIGHT).data["images"][0]
    assert tick["x"] > 0
    assert tick["cp"] == 0


def test_a_backbone_alone_is_not_cut_off_at_the_left_end_of_the_axis(catalogue):
    backbones = [point for point in point_rows(catalogue, NETWORK, [], "cp") if point["family"] == "backbone"]
    low, high = CurveState(backbones, [], "cp", "log").costs
    assert low < backbones[0]["cp"] / 1.2
    assert backbones[0]["cp"] < high


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_close_up_an_image_stands_at_its_own_cost_or_is_counted_as_outside(catalogue, shown, scale):
    points = point_rows(catalogue, NETWORK, [], "cp")
    costs = [0.0, min(point["cp"] for point in points), 55.5, max(point["cp"] for point in points) * 1.5]
    items = [replace(i, trace=replace(i.trace, cp=cp)) for i, cp in zip(shown, costs, strict=True)]
    images = image_rows(items, CONFIG)
    close = CurveState(points, images, "cp", scale, close=True)
    near = accuracy_curve(close, LIGHT).data["images"]
    assert [tick["x"] for tick in near] == [tick["cp"] for tick in near] == costs[1:3]
    assert close.outside == 2
    assert CurveState(points, images[:3], "cp", scale).outside == 0


def test_published_points_have_no_all_in_cost_and_are_not_given_one(catalogue):
    points = point_rows(catalogue, NETWORK, read_published(PUBLISHED), "all-in")
    assert {point["group"] for point in points} == {"DFS", "SkipNet", "Backbone"}


def test_points_of_another_data_set_are_left_out(catalogue):
    points = point_rows(catalogue, replace(NETWORK, dataset="cifar100"), read_published(PUBLISHED), "cp")
    assert {point["group"] for point in points} == {"published"}
    assert len(points) == 6


def test_families_differ_in_colour_and_in_shape(catalogue):
    looks = point_legend(point_rows(catalogue, NETWORK, read_published(PUBLISHED), "cp"), LIGHT)
    assert [name for name, _, _ in looks] == ["DFS", "SkipNet", "Backbone", "published"]
    assert len({ink for _, ink, _ in looks}) == len({shape for _, _, shape in looks}) == 4


def test_the_ledger_has_the_test_figures_of_the_card_above_the_means_of_the_images(catalogue, shown):
    card = catalogue.named("tiny-dfs-20")
    test, here = ledger_rows(shown, card, figures_on_test(OperatingPoint(card), []))
    assert (test["accuracy"], test["cp"], test["all_in"]) == tuple(
        card.metrics["test"][key] for key in ("accuracy", "cp", "all_in")
    )
    assert here["cp"] == pytest.approx(sum(item.trace.cp for item in shown) / 4)
    assert (here["right"], here["known"], here["images"]) == (1, 2, 4)


def test_published_points_are_percentages_with_a_source():
    rows = read_published(PUBLISHED)
    assert len(rows) == 19
    assert all(60 < row["accuracy"] < 100 and 0 < row["cp"] <= 100 and row["source"] for row in rows)


def test_the_training_curve_has_cp_target_and_validation_and_survives_a_line_cut_short(tmp_path):
    lines = [{"step": s + 1, "epoch": s / 10, "cp": 90.0 - s, "target": 20.0} for s in range(5)]
    lines.append({"step": 5, "epoch": 0.5, "validation_cp": 80.0, "validation_accuracy": 50.0})
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 6, "ep')
    figure = training_curve(read_log(path), LIGHT)
    assert [row["cp"] for row in figure.data["steps"]] == [90, 89, 88, 87, 86]
    assert figure.data["checks"] == [{"epoch": 0.5, "validation_cp": 80.0, "validation_accuracy": 50.0}]


def test_a_log_without_cp_gives_no_curve(tmp_path):
    assert training_curve([{"step": 1, "epoch": 0.1, "loss": 2.0}] * 3, LIGHT) is None
    assert read_log(tmp_path / "none.jsonl") == []


def test_the_legend_names_each_option_with_its_share_of_the_full_block():
    html = legends.options(OptionSet.parse("skip,8,16,full"), LIGHT)
    for text in ("skip, 0", "8 bits, 1/16", "16 bits, 1/4", "full, 1"):
        assert text in html


def test_the_legend_shows_a_name_as_it_is_and_not_as_html():
    assert "&lt;b&gt;x" in legends.legend((Key("<b>x", LIGHT.ink, "circle"),), LIGHT)


@pytest.mark.parametrize("shape", [*marks.SHAPES, *marks.CELLS])
def test_every_shape_of_a_legend_looks_the_same_on_a_page_as_in_an_export(shape):
    key = Key("text", "#123456", shape)
    image = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', legends.legend((key,), LIGHT))
    assert image, "an image: Streamlit removes inline SVG"
    page, paper = base64.b64decode(image[1]).decode(), sheet._legend([key], 0, 900, LIGHT)[0][0]
    drawings = [re.findall(r' d="([^"]*)"|<(rect)', text) for text in (page, paper)]
    assert drawings[0] == drawings[1]
    assert drawings[0]
    assert "#123456" in page


def test_the_curves_shapes_are_shapes_of_legends():
    assert {*curve_chart._SHAPES} <= {*marks.SHAPES}
    assert len({shape.character for shape in marks.SHAPES.values()}) == len(marks.SHAPES)


def test_the_style_has_nothing_that_could_be_a_tag_because_streamlit_then_leaves_all_of_it_out():
    assert not re.search(r"<[\w/!]", (APP.parent / "assets" / "style.css").read_text())
