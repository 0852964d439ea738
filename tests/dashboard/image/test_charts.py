"""The charts of one image: what is drawn is what was decided, and nothing is told by colour alone."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from tiny import picture

from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import NEAR_TIE
from dashboard.drawing.blocks import STAGE_GAP
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export.drawing import vegalite_to_svg
from dashboard.export.sheet import sized
from dashboard.image import film_chart, gates_chart, path_chart, stability_chart, tables
from dashboard.image.film import StaysRight, shoot, stays_right
from dashboard.image.layout import Line
from dashboard.image.probes import WhatIf, force, stability
from dashboard.image.tables import Subject
from dfs_core.checkpoints.checkpoint import Checkpoint
from dfs_core.checkpoints.words import option_label
from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import cost_models
from dfs_core.predictor import Predictor

PICTURE = make_picture("blob", "a blob", "test", picture(5), "cat")


@pytest.fixture
def predictor(tiny_checkpoint: Checkpoint) -> Predictor:
    return Predictor(tiny_checkpoint)


@pytest.fixture
def config(predictor):
    return predictor.card.config


@pytest.fixture
def forced(predictor) -> WhatIf:
    """Block 3 skipped and block 5 in full, so that both are there whatever the gates like."""
    (free,) = predictor.predict([PICTURE.seen])
    return force(predictor, PICTURE.seen, free, {1: "skip", 3: "full"}, hold=True)


@pytest.mark.parametrize("cost", ["cp", "all-in", "macs", "energy"])
def test_the_cost_that_adds_up_along_the_path_ends_at_the_images_cost(forced, config, cost):
    rows = tables.path_rows(forced, config, cost)
    assert [row["block"] for row in rows] == [1, 2, 3, 4, 5, 6]
    key = {"all-in": "bitops"}.get(cost, cost)
    model, names = cost_models(config)[key], config.option_set.names
    chosen = np.array([[names.index(name) for name in forced.forced.decisions]])
    assert rows[-1]["so_far"] == pytest.approx(float(model.per_image(chosen)[0]))
    assert rows[0]["so_far"] == pytest.approx(model.fixed)
    assert sum(row["adds"] for row in rows) == pytest.approx(rows[-1]["so_far"] - model.fixed)


def test_the_path_fills_each_block_by_its_cost_and_passes_skipped_ones(forced, config):
    figure = path_chart.network_path(forced, Subject(PICTURE, config, "cp", 3), 5, LIGHT)
    blocks = {row["block"]: row for row in figure.data["blocks"]}
    assert (blocks[3]["share"], blocks[5]["share"]) == (0, 1)
    assert [block for block, row in blocks.items() if row["forced"]] == [3, 5]
    assert [block for block, row in blocks.items() if row["chosen"]] == [5]
    assert {row["click_id"] for row in blocks.values()} == {3}
    heights = {}
    for block in blocks.values():
        within = [row["y"] for row in figure.data["way"] if block["start"] < row["x"] < block["end"]]
        heights[block["block"]] = min(within, default=62)
    assert heights[3] < 20, "the way goes over a skipped block"
    assert heights[5] == 62, "and straight through one that runs"
    assert all(bool(row["was"]) == (row["free"] != row["option"]) for row in blocks.values())
    assert any(row["was"] for row in blocks.values())


def test_with_free_gates_nothing_is_compared(predictor, config):
    (free,) = predictor.predict([PICTURE.seen])
    figure = path_chart.network_path(WhatIf(free, free, {}, False), Subject(PICTURE, config, "cp"), None, DARK)
    assert figure.data["unforced"] == []
    assert not any(row["was"] for row in figure.data["blocks"])
    assert figure.data["answer"][0]["label"] == free.label
    assert ("✓" in figure.data["answer"][0]["detail"]) == (free.label == "cat")


def test_the_board_shows_every_option_of_every_gate_and_marks_near_ties_by_a_sign(forced, config):
    figure = gates_chart.gate_board(forced, config, None, LIGHT)
    cells = figure.data["cells"]
    assert len(cells) == config.gated_blocks * len(config.option_set)
    for block in range(2, 7):
        own = [cell for cell in cells if cell["block"] == block]
        assert sum(cell["probability"] for cell in own) == pytest.approx(100, abs=0.01)
        (taken,) = (cell["option"] for cell in own if cell["taken"])
        assert taken == forced.forced.decisions[block - 2]
    assert {(cell["block"], cell["option"]) for cell in cells if cell["forced"]} == {(3, "skip"), (5, "full")}
    for cell in cells:
        assert cell["decision"].startswith("forced" if cell["forced"] else "taken" if cell["taken"] else "not taken")
        assert ("the gate's own choice" in cell["decision"]) == cell["preferred"]
        assert cell["click"] == ("lets the gate decide" if cell["forced"] else "forces this option")
    for row, probabilities in zip(figure.data["margins"], forced.forced.probabilities, strict=True):
        first, second = sorted(probabilities, reverse=True)[:2]
        assert row["margin"] == pytest.approx(100 * (first - second))
        assert ("≈" in row["text"]) == (100 * (first - second) < NEAR_TIE)
        assert ("≈" in row["text"]) == (int(row["text"].removeprefix("≈ ")) < NEAR_TIE), "as it reads, too"


def test_the_film_covers_every_gate_and_frame_once_and_joins_equal_predictions(predictor, config):
    film = shoot(predictor, PICTURE.seen, config)
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, stays_right(film.labels, "cat"), LIGHT)
    covered = dict.fromkeys((row["y"] for row in figure.data["cells"]), 0)
    assert len(covered) == config.gated_blocks
    for cell in figure.data["cells"]:
        assert cell["start"] == covered[cell["y"]], "no gap and no overlap"
        covered[cell["y"]] = cell["end"]
        gate = sorted(covered).index(cell["y"])
        assert {film.traces[frame].decisions[gate] for frame in range(cell["start"], cell["end"])} == {cell["option"]}
    assert set(covered.values()) == {len(film.positions)}
    bands = figure.data["bands"]
    assert bands[0]["start"] == 0
    assert bands[-1]["end"] == len(film.positions)
    assert all(a["label"] != b["label"] for a, b in pairwise(bands))
    assert all(band["label"][0] == ("✓" if "cat" in band["label"] else "✗") for band in bands)
    (here,) = figure.data["here"]
    trained = film.positions.index(0.0)
    assert (here["start"], here["centre"], here["end"]) == (trained, trained + 0.5, trained + 1)
    assert "as trained" in {tick["text"] for tick in figure.data["ticks"]}


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.3, 60.0, ["0.5 %", "1 %", "2 %", "5 %", "10 %", "20 %", "50 %"]),
        (27.0, 70.0, ["30 %", "40 %", "50 %", "60 %", "70 %"]),
    ],
)
def test_the_films_axis_has_round_budgets_at_their_places(predictor, config, low, high, labels):
    shot = shoot(predictor, PICTURE.seen, config)
    frames = len(shot.positions)
    positions = [low * (high / low) ** (frame / (frames - 1)) for frame in range(frames)]
    film = replace(shot, positions=(*positions[:-1], high), dial=False)
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), low, StaysRight("cat", True, None, 0), LIGHT)
    ticks = figure.data["ticks"]
    assert [tick["text"] for tick in ticks] == labels
    for tick in ticks:
        place = (tick["centre"] - 0.5) / (frames - 1)
        assert low * (high / low) ** place == pytest.approx(float(tick["text"][:-2]))


def test_the_films_flag_stands_where_the_prediction_settles(predictor, config):
    film = shoot(predictor, PICTURE.seen, config)
    flagged = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, StaysRight("cat", True, 7, 0), LIGHT)
    assert [row["centre"] for row in flagged.data["flag"]] == [7.5], "in the middle of its frame, as the axis has it"
    never = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, StaysRight("cat", True, None, 2), LIGHT)
    assert never.data["flag"] == []


@pytest.mark.parametrize(("frame", "anchor"), [(0, "start"), (7, "start"), (36, "end"), (39, "end")])
def test_the_flags_text_stays_within_the_film(predictor, config, frame, anchor):
    film = shoot(predictor, PICTURE.seen, config)
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, StaysRight("cat", True, frame, 0), LIGHT)
    svg = vegalite_to_svg(sized(figure.spec, 560) | {"datasets": figure.data})
    texts = [tag for tag in re.findall(r"<text[^>]*>[^<]*", svg) if "stays right from here" in tag]
    assert len(texts) == 2, "and a border of it in the colour of the page"
    assert all(f'text-anchor="{anchor}"' in tag for tag in texts)


@pytest.mark.parametrize(("width", "labels"), [(260, 3), (700, 7)])
def test_a_dials_labels_have_room_on_a_phone_too(predictor, config, width, labels):
    film = shoot(predictor, PICTURE.seen, config)
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, StaysRight("cat", True, None, 0), LIGHT)
    svg = vegalite_to_svg(sized(figure.spec, width) | {"datasets": figure.data})
    names = {tick["text"] for tick in figure.data["ticks"]}
    shown = [text for text in re.findall(r"<text[^>]*>([^<]+)", svg) if text in names]
    assert len(shown) == labels
    assert "as trained" in shown


def test_wrong_predictions_are_dashed_in_a_way_that_rectangles_know(predictor, config):
    film = shoot(predictor, PICTURE.seen, config)
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), 0.0, StaysRight("cat", True, None, 0), LIGHT)
    assert any(band["dash"] for band in figure.data["bands"])
    assert not any("strokeDash" in layer["encoding"] for layer in figure.spec["layer"])
    svg = vegalite_to_svg(sized(figure.spec, 560) | {"datasets": figure.data})
    assert 'stroke-dasharray="4,3"' in svg


def test_the_film_frames_the_one_column_that_is_nearest(predictor, config):
    film = shoot(predictor, PICTURE.seen, config)
    between = (film.positions[3] + 2 * film.positions[4]) / 3
    figure = film_chart.gate_film(film, Subject(PICTURE, config, "cp"), between, StaysRight("cat", True, 7, 0), LIGHT)
    (here,) = figure.data["here"]
    assert here["start"] == film.nearest(between) == 4
    assert here["end"] == 5


@pytest.mark.parametrize("where", [0, 7, 19, 20, 39])
def test_no_line_of_the_film_crosses_the_room_of_a_name(predictor, config, where):
    film = shoot(predictor, PICTURE.seen, config)
    figure = film_chart.gate_film(
        film, Subject(PICTURE, config, "cp"), film.positions[where], StaysRight("cat", True, 7, 0), LIGHT
    )
    cells = {(cell["y"] + film_chart.ROW / 2, (cell["start"] + cell["end"]) / 2): cell for cell in figure.data["cells"]}
    assert figure.data["options"]
    named = [(name, cells[name["y"], name["centre"]], (where, where + 1, 7.5)) for name in figure.data["options"]]
    for name, run, lines in [*named, *((band, band, (where, where + 1)) for band in figure.data["bands"])]:
        assert run["start"] <= name["low"] < name["high"] <= run["end"]
        assert not any(name["low"] < line < name["high"] for line in lines)
        assert name["option" if name is not run else "label"] == run["option" if name is not run else "label"]


def test_flipped_gates_are_framed_and_say_what_they_were(predictor, config):
    (free,) = predictor.predict([PICTURE.seen])
    variants = stability(predictor, PICTURE.seen)
    other = force(predictor, PICTURE.seen, free, {2: "full" if free.decisions[2] != "full" else "8"}, hold=True)
    variants = (variants[0].__class__("changed", PICTURE.seen, other.forced), *variants)
    figure = stability_chart.stability_diff(free, variants, PICTURE, config, LIGHT)
    flipped = [cell for cell in figure.data["cells"] if cell["row"] == 1 and cell["flipped"]]
    assert [(cell["block"], cell["was"]) for cell in flipped] == [(4, free.decisions[2])]
    assert [note["text"] for note in figure.data["note"]] == ["below a frame: as given"]
    assert [head["flips"] for head in figure.data["heads"]][:2] == ["", "1 gate flips"]
    assert len(figure.data["cells"]) == (1 + len(variants)) * config.gated_blocks


def test_only_numbers_change_when_a_gate_is_forced_so_that_a_page_need_not_draw_anew(predictor, config, forced):
    (free,) = predictor.predict([PICTURE.seen])
    more = force(predictor, PICTURE.seen, free, {1: "8"}, hold=False)
    assert (
        path_chart.network_path(forced, Subject(PICTURE, config, "cp"), 3, LIGHT).spec
        == path_chart.network_path(more, Subject(PICTURE, config, "all-in"), None, LIGHT).spec
    )
    assert gates_chart.gate_board(forced, config, 3, LIGHT).spec == gates_chart.gate_board(more, config, 4, LIGHT).spec


def test_blocks_stand_in_order_with_a_gap_between_stages():
    line = Line.of(ModelConfig(depth=14))
    starts = [line.start(block) for block in range(1, 7)]
    steps = np.diff(starts)
    assert steps.tolist() == pytest.approx([1, 1 + STAGE_GAP, 1, 1 + STAGE_GAP, 1])
    assert line.length > line.end(6)


def test_the_name_of_a_stage_ends_before_the_next_one_and_a_short_stage_is_numbered_in_the_film():
    config = ModelConfig(architecture="imagenet-resnet", depth=34, image_size=64)
    *stages, last = Line.of(config).stages(config)
    assert last["start"] + last["room"] == pytest.approx(last["end"])
    for stage, following in pairwise([*stages, last]):
        assert stage["start"] + stage["room"] == pytest.approx(following["start"])
    assert [row["stage"] for row in film_chart._stages(config)] == ["1", "stage 2", "stage 3", "stage 4"]
    small = ModelConfig(depth=14)
    assert [row["stage"] for row in film_chart._stages(small)] == ["1", "2", "3"]


def test_a_stage_has_as_many_blocks_as_its_layout_says():
    config = ModelConfig(architecture="imagenet-resnet", depth=34, image_size=64)
    line = Line.of(config)
    gaps = [block for block in range(1, 16) if line.start(block + 1) - line.start(block) > 1.1]
    assert gaps == [3, 7, 13], "stages of 3, 4, 6 and 3 blocks"
    assert [row["title"] for row in line.stages(config)] == [
        f"stage {number} · {channels} ch · {size}²"
        for number, channels, size in ((1, 64, 16), (2, 128, 8), (3, 256, 4), (4, 512, 2))
    ]


def test_the_names_that_stay_in_view_are_those_of_the_boards_rows(forced, config):
    figure = gates_chart.gate_board(forced, config, None, LIGHT)
    *options, margin = gates_chart.row_names(config)
    assert [name for name, _ in options] == [row["name"] for row in figure.data["names"]]
    for name, y in options:
        own = [cell for cell in figure.data["cells"] if option_label(cell["option"]) == name]
        assert {(cell["y"] + cell["y2"]) / 2 + gates_chart.TOP for cell in own} == {y}
    assert margin[1] > options[-1][1]
