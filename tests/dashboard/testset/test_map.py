"""The map of every image's decisions: the order of its rows, what stands beside them, colours, what hovering says."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from exhibits import STAMP
from made_up import ALL, CONFIG, COSTS, CP, traces
from PIL import Image

from dashboard.answers.costs import MEASURES, of_traces
from dashboard.drawing.live import mode_bar, packed
from dashboard.drawing.palette import DARK, LIGHT, Palette
from dashboard.export import formats
from dashboard.export.view import View
from dashboard.testset import map_rows as facts
from dashboard.testset.map_chart import decision_map
from dashboard.testset.map_picture import decision_picture
from dashboard.testset.map_rows import DecisionMap, Sorting
from dfs_core.data.known import KNOWN
from dfs_core.data.superclasses import CIFAR100


def arranged(by: Sorting = "policy", chosen: np.ndarray = ALL, cost: str = "cp") -> DecisionMap:
    ordered = facts.in_order(traces(), COSTS["cp"], chosen, by)
    return facts.arrange(traces(), COSTS, MEASURES[cost], ordered, by)


def unpacked(array: dict) -> np.ndarray:
    shape = [int(size) for size in array["shape"].split(", ")]
    return np.frombuffer(base64.b64decode(array["bdata"]), np.uint8).reshape(shape)


def heatmaps(by: Sorting = "policy", colours: Palette = LIGHT) -> tuple[dict, dict, dict]:
    """Strip, cells and layout."""
    figure = decision_map(arranged(by), CONFIG, colours)
    strip, cells = figure["data"]
    return strip, cells, figure["layout"]


@pytest.mark.parametrize(
    ("by", "wanted"),
    [
        ("policy", [0, 1, 2, 3, 4, 5]),
        ("cost", [0, 1, 2, 3, 4, 5]),
        ("class", [0, 1, 2, 3, 4, 5]),
        ("confidence", [5, 4, 1, 3, 2, 0]),
    ],
)
def test_rows_come_in_the_order_that_was_chosen(by: Sorting, wanted: list[int]) -> None:
    assert facts.in_order(traces(), COSTS["cp"], ALL, by).tolist() == wanted
    some = np.array([1, 3, 4])
    assert facts.in_order(traces(), COSTS["cp"], some, by).tolist() == [i for i in wanted if i in some]


def test_equal_rows_lie_together_and_the_commonest_first() -> None:
    mixed = replace(traces(), decisions=np.array([(2, 2), (0, 1), (1, 2), (0, 1), (1, 2), (0, 1)], np.uint8))
    assert facts.vector_ranks(mixed, ALL).tolist() == [2, 0, 1, 0, 1, 0]
    # Within a vector by class, and there the wrong one last: image 1 is the wrong one, but the only one of its class.
    assert facts.in_order(mixed, COSTS["cp"], ALL, "policy").tolist() == [1, 3, 5, 2, 4, 0]
    ordered = facts.in_order(mixed, COSTS["cp"], ALL, "policy")
    rows = facts.arrange(mixed, COSTS, MEASURES["cp"], ordered, "policy")
    assert [(mark["row"], mark["text"]) for mark in rows.marks] == [(1, "vector 1"), (3.5, "vector 2"), (5, "vector 3")]
    assert rows.edges == [2.5, 4.5]


def test_classes_and_values_stand_beside_their_rows() -> None:
    rows = arranged("class")
    assert [(mark["row"], mark["text"]) for mark in rows.marks] == [(0, "a"), (1.5, "b"), (4, "c")]
    assert rows.edges == [0.5, 2.5]
    rows = arranged("cost")
    assert [mark["text"] for mark in rows.marks] == ["3.12 %", "50.00 %", "53.12 %", "100.00 %"], "each once"
    assert [mark["row"] for mark in rows.marks] == [0, 2, 4, 5]
    assert rows.edges == []


def test_a_row_says_image_class_prediction_confidence_and_cost() -> None:
    rows = arranged("cost", cost="all-in")
    assert rows.about[0].startswith("image 0: a<br>predicted a ✓, 40.0 % sure<br>cp 3.12 %, all-in ")
    assert rows.about[1].startswith("image 1: b<br>predicted a ✗, 97.0 % sure<br>cp 3.12 %")
    assert arranged("cost").about[5] == "image 5: c<br>predicted c ✓, 100.0 % sure<br>cp 100.00 %"
    assert len(set(rows.about)) == 6


def test_of_many_rows_each_says_its_image_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "TOLD", 5)
    assert arranged("confidence").about == [f"image {index}" for index in (5, 4, 1, 3, 2, 0)]
    assert "predicted" in arranged("confidence", ALL[:5]).about[0]


def test_the_table_has_a_line_for_each_row_in_its_order() -> None:
    rows = facts.map_rows(traces(), COSTS, np.array([5, 1]))
    assert [row["image"] for row in rows] == [5, 1]
    assert (rows[0]["class"], rows[0]["prediction"], rows[0]["correct"], rows[0]["cp"]) == ("c", "c", True, 100)
    assert rows[0]["decisions"] == "full full"
    assert (rows[1]["correct"], rows[1]["cp"], rows[1]["decisions"]) == (False, CP[1], "skip 8")


def test_the_words_are_computed_from_the_decisions() -> None:
    said = facts.in_words(traces(), ALL)
    assert said.startswith("6 test images by 2 gated blocks: skip 33.3 %, 8 bits 25.0 %, full 41.7 % of all decisions.")
    assert "Images differ most in block 2: 33.3 % do not take its most frequent option, skip." in said
    assert "2 of 2 blocks have at least 5 % of such images." in said
    assert said.endswith("There are 4 different decision vectors; the most frequent one has 33.3 % of the images.")
    said = facts.in_words(traces(), ALL[:2])
    assert "at least 95 % of the images take the same option" in said
    assert said.endswith("All images have the same decision vector.")


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_cell_has_exactly_the_colour_of_its_option(colours: Palette) -> None:
    _, cells, layout = heatmaps("confidence", colours)
    assert unpacked(cells["z"]).tolist() == traces().decisions[[5, 4, 1, 3, 2, 0]].tolist()
    low, high = cells["zmin"], cells["zmax"]
    for index, name in enumerate(CONFIG.option_set.names):
        place = (index - low) / (high - low)
        below = [fill for edge, fill in cells["colorscale"] if edge <= place]
        above = [fill for edge, fill in cells["colorscale"] if edge >= place]
        assert below[-1] == above[0] == colours.option(name)
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == colours.background
    assert cells["colorbar"]["ticktext"] == ["skip", "8", "full"], "options are named, not only coloured"


def test_hovering_names_the_row_the_block_and_the_option() -> None:
    _, cells, layout = heatmaps()
    assert cells["hovertemplate"] == "%{y}<br>block %{x}: <b>%{customdata} bits</b><extra></extra>"
    bits = {"skip": "0", "full": "32"}
    assert [[str(value) for value in row] for row in unpacked(cells["customdata"])] == [
        [bits.get(name, name) for name in row["decisions"].split()] for row in facts.map_rows(traces(), COSTS, ALL)
    ]
    assert cells["x"] == layout["xaxis"]["tickvals"] == ["2", "3"]
    assert layout["yaxis"]["categoryarray"].tolist() == arranged().about
    assert layout["yaxis"]["range"] == [5.5, -0.5], "the first row is at the top"


def test_the_strip_tells_wrong_and_class_by_place() -> None:
    strip, _, _ = heatmaps()
    assert strip["x"] == ["wrong", "a", "b", "c"]
    assert unpacked(strip["z"]).tolist() == [[0, 1, 0, 0], [2, 0, 1, 0], [0, 0, 1, 0]] + 3 * [[0, 0, 0, 1]]


def test_stages_are_parted_and_named() -> None:
    _, _, layout = heatmaps("class")
    down = [line for line in layout["shapes"] if line["xref"] == "x"]
    assert [line["x0"] for line in down] == [0.5], "between blocks 2 and 3, of stages 2 and 3"
    assert [line["y0"] for line in layout["shapes"] if line["yref"] == "y"] == [0.5, 2.5]
    assert [note["text"].partition(" ·")[0] for note in layout["annotations"]] == ["stage 2", "stage 3"]


def test_what_stands_at_the_foot_is_in_the_figure() -> None:
    figure = decision_map(arranged(), CONFIG, LIGHT, "whence<br>it comes")
    assert figure["layout"]["annotations"][-1]["text"] == "whence<br>it comes"


def test_ten_thousand_images_stay_small() -> None:
    assert len(packed(np.zeros((10_000, 17), np.uint8))["bdata"]) < 230_000


def test_the_bar_has_no_way_to_another_host() -> None:
    for config in (mode_bar(), mode_bar("decisions")):
        assert config["plotlyServerURL"] == ""
        assert not config["displaylogo"]
        (buttons,) = config["modeBarButtons"]
        assert set(buttons) <= {"toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"}
    assert mode_bar("decisions")["toImageButtonOptions"]["filename"] == "decisions"


def map_of_six() -> View:
    rows = arranged()
    return View(
        key="map",
        title="Decisions of six images",
        draw=lambda colours: decision_picture(rows, CONFIG, colours),
        tables={"decisions": lambda: facts.map_rows(traces(), COSTS, rows.images)},
        alt="Map of <six> images",
        stamp=STAMP,
        notes=facts.in_words(traces(), rows.images),
        live=lambda colours, foot: decision_map(rows, CONFIG, colours, foot),
    )


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_picture_has_a_pixel_a_decision_in_the_options_colours(colours: Palette) -> None:
    figure = decision_picture(arranged(), CONFIG, colours)
    columns = [
        Image.open(io.BytesIO(base64.b64decode(part["cells"].partition(",")[2]))) for part in figure.data["parts"]
    ]
    assert [image.size for image in columns] == [(1, 6), (1, 6)]
    fills = [colours.option(name) for name in CONFIG.option_set.names]
    for block, image in enumerate(columns):
        seen = ["#{:02x}{:02x}{:02x}".format(*image.convert("RGB").getpixel((0, row))) for row in range(6)]
        assert seen == [fills[option] for option in traces().decisions[:, block]]
    assert [key.text for key in figure.legend][:3] == ["skip, 0", "8 bits, 1/16", "full, 1"]


def test_the_printed_picture_has_no_colour_between_two_options() -> None:
    image = Image.open(io.BytesIO(formats.export_figure(map_of_six(), "png"))).convert("RGB")
    width, height = image.size
    cells = image.crop((width // 5, height // 4, width - 150, height - 300))
    counts = {colour: count for count, colour in cells.getcolors(2**24)}
    wanted = [tuple(int(LIGHT.option(name)[i : i + 2], 16) for i in (1, 3, 5)) for name in CONFIG.option_set.names]
    assert sum(counts.get(colour, 0) for colour in wanted) > 0.98 * sum(counts.values())


def test_the_offline_page_has_plotly_and_nothing_else_and_its_stamp() -> None:
    html = formats.export_figure(map_of_six(), "html").decode()
    assert "plotly.js v" in html
    assert "vegaEmbed=" not in html
    assert "default-src 'none'" in html
    assert STAMP.line().replace("&", "&amp;") in html
    assert 'role="group" aria-label="Map of &lt;six&gt; images"' in html
    assert not re.search(
        r"<(?:script|link|img)[^>]+(?:src|href)=", html[: html.index('<script type="application/json"')]
    )


def test_of_a_data_set_with_superclasses_these_name_the_rows_and_columns() -> None:
    classes, labels = KNOWN["cifar100"].classes, np.repeat(np.arange(100), 2)
    one = traces()
    made = replace(
        one,
        classes=classes,
        labels=labels,
        predictions=labels,
        confidence=np.full(200, 0.5, np.float32),
        decisions=np.zeros((200, 2), np.uint8),
    )
    costs, everything = of_traces(made, CONFIG), np.arange(200)
    rows = facts.arrange(made, costs, MEASURES["cp"], facts.in_order(made, costs["cp"], everything, "class"), "class")
    assert [mark["text"] for mark in rows.marks] == list(CIFAR100)
    assert rows.edges == [10 * number - 0.5 for number in range(1, 20)]
    assert rows.title == "by superclass, cheapest first"
    assert rows.about[0].startswith("image 8: beaver<br>"), "a row still names its own class"
    figure = decision_map(rows, CONFIG, LIGHT)
    (strip, _), layout = figure["data"], figure["layout"]
    assert unpacked(strip["z"]).shape == (200, 21)
    assert layout["xaxis2"]["tickvals"] == ["wrong"], "the names stand at the rows"
    assert layout["margin"]["l"] > 6 * len("large omnivores and herbivores")
    assert decision_picture(rows, CONFIG, LIGHT).spec["padding"]["left"] > 6 * len("large omnivores and herbivores")


def test_a_thousand_classes_have_no_columns_of_their_own_in_the_map() -> None:
    labels = np.arange(1000)
    made = replace(
        traces(),
        classes=tuple(f"class {label}" for label in labels),
        labels=labels,
        predictions=labels % 999,
        confidence=np.full(1000, 0.5, np.float32),
        decisions=np.zeros((1000, 2), np.uint8),
    )
    rows = facts.arrange(made, of_traces(made, CONFIG), MEASURES["cp"], labels, "policy")
    strip = unpacked(decision_map(rows, CONFIG, LIGHT)["data"][0]["z"])
    assert strip.shape == (1000, 1)
    assert np.flatnonzero(strip).tolist() == [999], "only the wrong one has a mark"
