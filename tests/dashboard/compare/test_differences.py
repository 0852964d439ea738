"""Comparisons: differences block by block against sums done by hand, and charts that draw exactly their tables."""

from __future__ import annotations

import json

import altair as alt
import numpy as np
import pytest
from made_up import ALL, CONFIG, COSTS, traces
from tiny import make_card, picture

from dashboard.answers import two_points
from dashboard.answers.catalogue import Catalogue
from dashboard.answers.classes import groups
from dashboard.answers.costs import MEASURES, models
from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Shown
from dashboard.compare import class_heatmap, lanes, rivals
from dashboard.compare.differences import (
    Side,
    are_two_images,
    change_rows,
    difference_rows,
    lane_rows,
    side_rows,
    why_not,
)
from dashboard.drawing.diverging import colour_of, sign_of, signed
from dashboard.drawing.palette import DARK, LIGHT, luminance
from dashboard.testset import cost_charts, shares_chart, statistics, vectors_chart
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace

CLASSES = ("cat", "dog")
DEEP = ModelConfig(depth=14, options="skip,8,full")
LOW = ModelConfig(depth=8, options="skip,2,4,full")
MINUS = "\N{MINUS SIGN}"


def side(
    config: ModelConfig, decisions: tuple[str, ...], label: str = "cat", sure: float = 0.8, key: str = "cat"
) -> Side:
    """A picture of a cat with what a network is made to say of it."""
    options = config.option_set
    chosen = np.array([[options.index(name) for name in decisions]])
    spent = {name: float(model.per_image(chosen)[0]) for name, model in models(config).items()}
    probabilities = tuple(tuple(float(other == name) for other in options.names) for name in decisions)
    said = (sure, 1 - sure) if label == "cat" else (1 - sure, sure)
    trace = DecisionTrace(
        checkpoint="made-up",
        budget=None,
        options=options.names,
        decisions=decisions,
        fractions=tuple(options[options.index(name)].cost for name in decisions),
        probabilities=probabilities,
        classes=CLASSES,
        class_probabilities=said,
        cp=spent["cp"],
        all_in=spent["all_in"],
    )
    return Side(Shown(make_picture(key, key, "drawing", picture(1), "cat"), trace), config)


def test_differences_are_b_less_a_in_every_block_and_measure() -> None:
    pair = side(CONFIG, ("skip", "full")), side(CONFIG, ("8", "8"))
    first, second = difference_rows([pair])
    assert (first["block"], first["a"], first["b"], first["more"]) == (2, "skip", "8", 0.0625)
    assert (second["block"], second["more"]) == (3, 0.0625 - 1)
    assert first["cp"] == pytest.approx(6.25 / 2)
    total = sum(row["all_in"] for row in (first, second))
    assert total == pytest.approx(pair[1].shown.trace.all_in - pair[0].shown.trace.all_in)


def test_other_option_sets_are_compared_by_cost_and_other_depths_are_refused_in_words() -> None:
    assert [row["more"] for row in difference_rows([(side(CONFIG, ("8", "full")), side(LOW, ("4", "full")))])] == [
        (4 / 32) ** 2 - (8 / 32) ** 2,
        0,
    ]
    assert why_not(CONFIG, LOW) == ""
    deep = side(DEEP, ("8",) * 5)
    assert difference_rows([(side(CONFIG, ("8", "8")), deep)]) == []
    assert "ResNet-8 has 2 gated blocks and ResNet-14 has 5" in why_not(CONFIG, DEEP)
    assert len(lane_rows([(side(CONFIG, ("8", "8")), deep)])) == 7


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("cat", "cat", "both right"),
        ("cat", "dog", "becomes wrong"),
        ("dog", "cat", "becomes right"),
        ("dog", "dog", "both wrong, alike"),
    ],
)
def test_changes_are_told_in_words(a: str, b: str, said: str) -> None:
    (row,) = change_rows([(side(CONFIG, ("skip", "full"), a, 0.8), side(CONFIG, ("8", "8"), b, 0.7))])
    assert (row["a"], row["b"], row["change"]) == (a, b, said)
    assert row["confidence"] == pytest.approx(-10)
    assert (row["a_cp"], row["b_cp"], row["cp"]) == (50, 6.25, -43.75)
    assert row["macs"] == pytest.approx(row["b_macs"] - row["a_macs"])


def test_two_images_have_a_row_each() -> None:
    pair = side(CONFIG, ("8", "8")), side(CONFIG, ("skip", "8"), "dog", 0.7, key="tiger")
    assert are_two_images(pair)
    assert not are_two_images((pair[0], pair[0]))
    a, b = side_rows(pair)
    keys = ("side", "image", "truth", "prediction", "verdict", "cp")
    assert [a[key] for key in keys] == ["A", "cat", "cat", "cat", "right", 6.25]
    assert [b[key] for key in keys] == ["B", "tiger", "cat", "dog", "wrong", 3.125]
    assert b["confidence"] == pytest.approx(70)
    assert b["macs"] < a["macs"]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_more_and_less_differ_in_sign_and_colour_and_grow_with_the_difference(colours) -> None:
    assert colour_of(0, colours) == colours.background
    for sign in (1, -1):
        shades = [
            abs(luminance(colour_of(sign * more, colours)) - luminance(colours.background)) for more in (0.004, 0.06, 1)
        ]
        assert shades == sorted(shades)
        assert shades[0] > 0
    assert (sign_of(0.1), sign_of(-0.1), sign_of(0)) == ("+", MINUS, "")
    assert (signed(-0.004), signed(-1.005, 1), signed(2)) == ("0.00", f"{MINUS}1.0", "+2.00")


def drawn(figure) -> alt.LayerChart:
    """The figure's specification, checked against Vega-Lite's schema."""
    return alt.Chart.from_dict(figure.spec, validate=True)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_lanes_draw_both_sides_and_a_third_lane_only_where_blocks_correspond(colours) -> None:
    pairs = [(side(CONFIG, ("skip", "full")), side(LOW, ("4", "full"), "dog"))]
    figure = lanes.lane_chart(pairs, MEASURES["cp"], colours)
    drawn(figure)
    assert [(cell["side"], cell["option"]) for cell in figure.data["cells"]] == [
        ("A", "skip"),
        ("A", "full"),
        ("B", "4"),
        ("B", "full"),
    ]
    assert [cell["sign"] for cell in figure.data["differences"]] == ["+", ""]
    assert [label["text"] for label in figure.data["pairs"]] == ["✓ cat 80 %", "✗ dog 80 %", f"B {MINUS} A"]
    assert figure.data["pairs"][2]["cost"] == "+0.78"
    other = lanes.lane_chart([(pairs[0][0], side(DEEP, ("8",) * 5))], MEASURES["cp"], colours)
    assert other.data["differences"] == []
    assert other.spec["height"] < figure.spec["height"]
    assert max(cell["end"] for cell in other.data["cells"]) <= 1
    turned = lanes.lane_chart([(side(DEEP, ("8",) * 5), pairs[0][0])], MEASURES["cp"], colours)
    assert other.spec["layer"] == turned.spec["layer"], "names fit the narrower columns of either side"


def test_the_charts_of_the_test_set_draw_their_tables_and_mark_what_is_filtered() -> None:
    everything, cp = traces(), COSTS["cp"]
    rows = statistics.share_rows(everything, CONFIG, ALL)
    figure = shares_chart.share_chart(rows, CONFIG, [(3, "full")], LIGHT, click_id=7)
    drawn(figure)
    segments = figure.data["segments"]
    assert len(segments) == sum(row["share"] > 0 for row in rows)
    assert [(cell["block"], cell["option"]) for cell in segments if cell["edge"] == LIGHT.accent] == [(3, "full")]
    assert {cell["click_id"] for cell in segments} == {7}

    figure = cost_charts.class_chart(statistics.class_rows(everything, cp, ALL, groups("abc")), "cp", ["b"], LIGHT)
    drawn(figure)
    assert [row["ink"] == LIGHT.accent for row in figure.data["classes"]] == [False, True, False]

    figure = cost_charts.confidence_chart(statistics.confidence_rows(everything, cp, ALL), "cp", LIGHT)
    drawn(figure)
    assert {row["shape"] for row in figure.data["confidence"] if row["verdict"] == "wrong"} == {"cross"}

    drawn(cost_charts.group_chart(statistics.cost_rows(everything, cp, ALL), "cp", LIGHT))

    found = statistics.vector_rows(everything, COSTS, ALL)
    figure = vectors_chart.vector_chart(found, "cp", CONFIG, "02", LIGHT)
    assert "right %" in json.dumps(figure.spec)
    ungraded = [{key: row[key] for key in row if key != "accuracy"} for row in found]
    assert "right %" not in json.dumps(vectors_chart.vector_chart(ungraded, "cp", CONFIG, "02", LIGHT).spec)
    drawn(figure)
    assert [row["strength"] > 0 for row in figure.data["vectors"]] == [False, True, False, False]
    assert [cell["option"] for cell in figure.data["cells"]] == [
        "skip",
        "8",
        "skip",
        "full",
        "8",
        "full",
        "full",
        "full",
    ]


def test_the_heatmap_signs_every_difference_that_it_colours() -> None:
    changed = traces(decisions=((1, 1), (0, 1), (0, 2), (0, 2), (1, 2), (2, 1)))
    rows = two_points.class_block_rows(traces(), changed, (CONFIG, CONFIG), groups("abc"))
    figure = class_heatmap.class_heatmap(rows, CONFIG, LIGHT)
    drawn(figure)
    texts = {(cell["class"], cell["block"]): cell["text"] for cell in figure.data["cells"]}
    assert texts == {("a", 2): "+6", ("a", 3): "", ("b", 2): "", ("b", 3): "", ("c", 2): "", ("c", 3): f"{MINUS}31"}
    assert all((cell["fill"] == LIGHT.background) == (not cell["text"]) for cell in figure.data["cells"])


def test_of_a_thousand_classes_the_heatmap_has_those_that_differ_most() -> None:
    rows = [
        {"class": f"class {number}", "block": 2, "stage": 1, "a": 0.0, "b": more, "more": more}
        for number, more in enumerate([1.0, -90.0] * 50 + [0.5] * 900)
    ]
    figure = class_heatmap.class_heatmap(rows, CONFIG, LIGHT)
    assert [row["class"] for row in figure.data["labels"]] == [f"class {number}" for number in range(100)]
    assert len(figure.data["cells"]) == 100


def card_of(name: str, budget: float, alpha: float = 5e-6):
    return make_card(name, "dfs", ModelConfig(depth=8, budget=budget), alpha=alpha)


def rival(own: dict[str, str], catalogue: Catalogue, card: Card, budget: float | None = None, *traced: float):
    return rivals.rival(own, catalogue, OperatingPoint(card, budget), lambda card: traced)


def test_the_rival_is_the_next_budget_unless_the_link_names_another() -> None:
    cards = tuple(card_of(f"b{budget}", float(budget)) for budget in (10, 20, 30))
    catalogue = Catalogue(cards)
    assert rival({}, catalogue, cards[0])[0].card.name == "b20"
    assert rival({}, catalogue, cards[2])[0].card.name == "b20"
    assert rival({"right": "b10"}, catalogue, cards[1]) == (OperatingPoint(cards[0]), "")
    found, note = rival({"right": "gone"}, catalogue, cards[1])
    assert (found.card.name, note) == ("b30", "There is no checkpoint 'gone' here.")
    assert rival({}, Catalogue(cards[:1]), cards[0])[0].card is cards[0]


def test_a_checkpoint_for_every_budget_is_compared_with_itself_at_twice_the_budget() -> None:
    config = ModelConfig(depth=8, options="skip,4,full", policy="utility", prices=((1.0, 10.0), (100.0, 0.1)))
    many = make_card("many", "every-budget", config)
    catalogue = Catalogue((many,))
    assert rival({}, catalogue, many, 2.0) == (OperatingPoint(many, 4.0), "")
    assert rival({}, catalogue, many, 8.0)[0].budget == 4
    assert rival({}, catalogue, many, 2.0, 1.0, 2.0, 3.9)[0].budget == 3.9, "stored, and not that of A"
    assert rival({"right": "many", "rb": "0.5"}, catalogue, many, 2.0)[0].budget == 0.5
    found, note = rival({"rb": "50"}, catalogue, many, 2.0)
    assert found.budget == pytest.approx(10)
    assert "not 50 %" in note
