"""Points of the curve: where each comes from, what is told apart, and what is left out."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from every_budget import NAME, every_budget_card
from tiny import make_card

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.costs import COLUMNS, of_card
from dashboard.answers.networks import Network
from dashboard.answers.tables import ledger_rows
from dashboard.answers.tables import test_figures as figures_on_test
from dashboard.drawing.palette import LIGHT
from dashboard.views.curve import CurveState
from dashboard.views.curve_chart import accuracy_curve
from dashboard.views.points import point_rows, read_measured
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.config import ModelConfig, backbone_config

NETWORK = Network("cifar10", "ResNet-14", 14)
IN_RESULTS = (
    "family label checkpoint dataset depth network seed split n budget accuracy low high cp all_in policies"
    " shuffled made_by"
)


def measured(**fields: object) -> dict[str, object]:
    blank = dict.fromkeys(IN_RESULTS.split(), "")
    usual = {"label": "x", "dataset": "cifar10", "split": "test", "n": 10000, "depth": 14, "seed": 0, "policies": 5}
    usual |= {"network": f"ResNet-{fields.get('depth', 14)}"}
    figures = {"accuracy": 90.0, "low": 89.4, "high": 90.6, "cp": 2.0, "all_in": 6.0}
    return blank | usual | figures | fields


@pytest.fixture
def results(tmp_path: Path) -> list[dict]:
    rows = [measured(family="every-budget", checkpoint=NAME, budget=b, cp=b, accuracy=90 + b) for b in (0.5, 1.25)]
    rows.append(measured(family="every-budget", checkpoint=NAME, budget=50, cp=50))  # it does not serve that any more
    rows.append(measured(family="static", checkpoint="gone-static-4", shuffled=""))
    rows.append(measured(family="dfs", checkpoint="dfs-20", budget=20, cp=20, accuracy=91, shuffled=88.5))
    rows += [measured(family="dial", checkpoint="dfs-20", cp=cp, accuracy=80 + cp) for cp in (5, 9)]
    rows.append(measured(family="dfs", checkpoint="elsewhere", dataset="cifar100"))
    rows.append(measured(family="dfs", checkpoint="deeper", depth=74))
    rows.append(measured(family="dfs", checkpoint="wider", network="ResNet-14 x2"))
    rows.append(measured(family="dfs", checkpoint="dfs-20", split="validation"))
    path = tmp_path / "points.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, IN_RESULTS.split())
        writer.writeheader()
        writer.writerows(rows)
    return read_measured(path)


@pytest.fixture
def catalogue() -> Catalogue:
    test = {"n": 100, "accuracy": 91.0, "accuracy_ci95": [90.0, 92.0], "cp": 20.3, "all_in": 25.0, "policies": 3}
    shares = [{"skip": 10.0, "8": 40.0, "16": 50.0, "full": 0.0}] * 5
    card = make_card("dfs-20", "dfs", ModelConfig(depth=14, budget=20.0), alpha=5e-6)
    return Catalogue(
        (make_card("dfs-20", "dfs", card.config, metrics={"test": test | {"shares": shares}}), every_budget_card())
    )


def by_family(rows: list[dict]) -> dict[str, list[dict]]:
    return {key: [row for row in rows if row["family"] == key] for key in dict.fromkeys(row["family"] for row in rows)}


def test_each_point_stands_once_and_in_its_family(catalogue, results):
    found = by_family(point_rows(catalogue, NETWORK, [], "cp", results))
    assert list(found) == ["dfs-every-budget", "dfs", "static-uniform", "dial", "shuffled"]
    assert [row["budget"] for row in found["dfs-every-budget"]] == [0.5, 1.25]
    assert [row["alpha"] for row in found["dfs-every-budget"]] == [
        OperatingPoint(every_budget_card(), budget).alpha for budget in (0.5, 1.25)
    ]
    assert [row["cp"] for row in found["dfs"]] == [20.3]  # the card's own, not a second one from the results
    assert [row["accuracy"] for row in found["shuffled"]] == [88.5]
    assert len({row["line"] for row in found["dial"]}) == 1
    assert all(row["checkpoint"] == "dfs-20" for row in found["dial"])


def test_without_results_there_are_the_cards_alone(catalogue, tmp_path):
    assert read_measured(tmp_path / "points.csv") == []
    assert [row["checkpoint"] for row in point_rows(catalogue, NETWORK, [], "cp")] == ["dfs-20"]


def test_between_two_measured_budgets_the_test_sets_line_is_interpolated_and_says_so(results):
    card = every_budget_card()

    def line(budget: float) -> dict:
        return ledger_rows([], card, figures_on_test(OperatingPoint(card, budget), results))[0]

    exact, between, beyond = line(1.25), line(0.8), line(0.4)
    assert (exact["what"], exact["accuracy"], exact["low"]) == ("test set", 91.25, 89.4)
    assert between["what"] == "test set, interpolated between budgets 0.5 and 1.25 %"
    assert (between["accuracy"], between["cp"]) == (pytest.approx(90.8), pytest.approx(0.8))
    assert (between["low"], between["high"]) == (None, None)
    assert (beyond["what"], beyond["images"], beyond["accuracy"]) == ("test set: not measured here", 0, None)


def test_a_point_without_the_measure_of_the_axis_is_left_out(catalogue, results):
    assert set(by_family(point_rows(catalogue, NETWORK, [], "energy", results))) == {"dfs"}


def test_costs_of_a_card_follow_from_its_shares(catalogue):
    costs = of_card(catalogue.named("dfs-20"))
    assert tuple(costs) == COLUMNS
    assert costs["cp"] == 20.3
    assert 0 < costs["energy"] < costs["macs"] < 101


def test_a_family_that_is_switched_off_is_gone_and_the_others_keep_their_looks(catalogue, results):
    rows = point_rows(catalogue, NETWORK, [], "cp", results)

    def drawn(hidden: tuple[str, ...]) -> dict[str, tuple[str, str]]:
        data = accuracy_curve(CurveState(rows, [], "cp", "linear", hidden=hidden), LIGHT).data
        return {row["family"]: (row["ink"], row["shape"]) for name in data for row in data[name] if "family" in row}

    everything = drawn(())
    assert drawn(("static-uniform",)) == {key: look for key, look in everything.items() if key != "static-uniform"}
    assert drawn(("dial",)) == {key: look for key, look in everything.items() if key != "dial"}
    assert len(set(everything.values())) == len(everything)


def test_what_is_made_from_a_checkpoint_goes_with_its_family(catalogue, results):
    published = [{"method": "a", "network": "b", "dataset": "cifar10", "accuracy": 90.0, "cp": 9.0, "source": "c"}]
    rows = point_rows(catalogue, NETWORK, published, "cp", results)
    left = by_family(CurveState(rows, [], "cp", "log", hidden=("dfs",)).visible)
    assert list(left) == ["dfs-every-budget", "static-uniform", "published"], "neither dial nor shuffled decisions"
    figure = accuracy_curve(CurveState(rows, [], "cp", "log", hidden=("dfs",)), LIGHT)
    assert figure.data["dial"] == figure.data["shuffled"] == []
    assert not {key.text for key in figure.legend} & {"dial, not trained", "decisions shuffled between images"}
    orphans = [row for row in rows if row["family"] in ("dial", "shuffled")]
    alone = CurveState(orphans, [], "cp", "log", hidden=("dfs",))
    assert alone.visible == orphans, "of a checkpoint that has no point of its own"


def test_a_dial_is_dashed_and_says_that_nobody_trained_it(catalogue, results):
    figure = accuracy_curve(CurveState(point_rows(catalogue, NETWORK, [], "cp", results), [], "cp", "log"), LIGHT)
    dashed = {
        layer["data"]["name"]: layer["mark"]["strokeDash"]
        for layer in figure.spec["layer"]
        if layer["mark"].get("strokeDash") and layer["mark"]["type"] == "line"
    }
    assert dashed["dial"] == [5, 4]
    assert dashed["beside"] != dashed["dial"]
    assert "dial, not trained" in {key.text for key in figure.legend}


def test_a_line_joins_the_points_of_one_family_and_one_seed(tmp_path):
    test = {"n": 100, "accuracy": 91.0, "accuracy_ci95": [90.0, 92.0], "cp": 20.3, "all_in": 25.0, "policies": 3}
    metrics = {"test": test | {"shares": [{"skip": 10.0, "8": 40.0, "16": 50.0, "full": 0.0}] * 5}}
    cards = [
        make_card(f"dfs-{budget}-{seed}", "dfs", ModelConfig(depth=14, budget=budget), seed=seed, metrics=metrics)
        for budget in (10.0, 20.0)
        for seed in (0, 1)
    ]
    path = tmp_path / "points.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, IN_RESULTS.split())
        writer.writeheader()
        for seed in (0, 1):
            for bits in (2, 4):
                writer.writerow(measured(family="static", checkpoint=f"static{bits}-seed{seed}", seed=seed, cp=bits))
    rows = point_rows(Catalogue(tuple(cards)), NETWORK, [], "cp", read_measured(path))
    figure = accuracy_curve(CurveState(rows, [], "cp", "log"), LIGHT)
    (line,) = (
        layer
        for layer in figure.spec["layer"]
        if layer["mark"]["type"] == "line" and layer["data"]["name"] == "measured"
    )
    details = [detail["field"] for detail in line["encoding"]["detail"]]
    joined: dict[tuple, set] = {}
    for point in figure.data["measured"]:
        key = tuple(point[detail] for detail in details)
        joined.setdefault(key, set()).add((point["family"], point["seed"], point["checkpoint"]))
    assert sorted({(family, seed) for family, seed, _ in points} for points in joined.values()) == [
        {(family, seed)} for family in ("dfs", "static-uniform") for seed in (0, 1)
    ]
    assert all(len(points) == 2 for points in joined.values()), "both points of a family and a seed are on its line"


def test_the_point_in_use_is_that_of_the_budget_and_between_points_the_budget_is_marked(catalogue, results):
    rows = point_rows(catalogue, NETWORK, [], "cp", results)

    def figure(budget: float) -> dict:
        return accuracy_curve(CurveState(rows, [], "cp", "log", NAME, budget=budget), LIGHT).data

    assert [row["budget"] for row in figure(1.25)["measured"] if row["in_use"]] == [1.25]
    assert not [row for row in figure(0.8)["measured"] if row["in_use"]]
    assert figure(0.8)["asked"] == [{"x": 0.8}]


def test_close_up_the_axis_spans_the_points_and_not_everything(catalogue, results):
    rows = [row for row in point_rows(catalogue, NETWORK, [], "cp", results) if row["family"] == "dfs-every-budget"]
    for scale in ("linear", "log"):
        layers = accuracy_curve(CurveState(rows, [], "cp", scale, close=True), LIGHT).spec["layer"]
        axes = [layer["encoding"]["x"] for layer in layers if "scale" in layer["encoding"].get("x", {})]
        ((low, high),) = {tuple(axis["scale"]["domain"]) for axis in axes}
        assert 0 <= low <= 0.5 < 1.25 <= high < 2


def test_close_up_the_axes_span_what_costs_about_as_much_as_the_point_in_use(catalogue, results):
    rows = point_rows(catalogue, NETWORK, [], "cp", results)

    def domains(selected: str, budget: float | None) -> list[list[float]]:
        spec = accuracy_curve(CurveState(rows, [], "cp", "log", selected, budget=budget, close=True), LIGHT).spec
        encoding = spec["layer"][0]["encoding"]
        return [encoding[axis]["scale"]["domain"] for axis in ("x", "y")]

    (low, high), (worst, best) = domains(NAME, 1.25)
    assert low < 0.5
    assert 2 <= high < 10, "the point at 20 % is far"
    assert worst < 89.4 < best
    assert domains(NAME, 1.2) == domains(NAME, 1.25), "a small step of the slider leaves the axes in place"
    assert domains("dfs-20", None)[0][0] > 3
    drawn = accuracy_curve(CurveState(rows, [], "cp", "log", "dfs-20", close=True), LIGHT).data["measured"]
    assert [point["x"] for point in drawn] == [point["cp"] for point in drawn], "no point stands at another's cost"


def test_points_of_cards_and_of_results_can_be_drawn_together(catalogue, results):
    rows = point_rows(catalogue, NETWORK, [], "cp", results)
    table = accuracy_curve(CurveState(rows, [], "cp", "log", "dfs-20"), LIGHT).for_streamlit()["datasets"]["measured"]
    assert table["seed"].type == "int64"


def test_a_point_tells_its_backbone_and_how_far_it_is_below_that(catalogue):
    card = replace(catalogue.named("dfs-20"), parents=("gates", "plain"))
    test = card.metrics["test"] | {"accuracy": 91.5, "shares": [{"full": 100.0}] * 5}
    plain = make_card("plain", "backbone", backbone_config(14), metrics={"test": test})
    rows = point_rows(Catalogue((card, plain)), NETWORK, [], "cp")
    told = {row["checkpoint"]: (row["backbone"], row["loss"]) for row in rows}
    assert told == {"dfs-20": ("plain", 0.5), "plain": ("plain", None)}
    alone = point_rows(Catalogue((card,)), NETWORK, [], "cp")
    assert [(row["backbone"], row["loss"]) for row in alone] == [(None, None)]


def test_a_checkpoint_whose_results_are_all_older_than_itself_is_shown_by_its_card(catalogue, results):
    many = catalogue.named(NAME)
    test = catalogue.named("dfs-20").metrics["test"]
    shares = [dict.fromkeys(many.config.option_set.names, 100 / len(many.config.option_set))] * 5
    again = replace(many, metrics={"test": test | {"shares": shares}})
    stale = [row | {"budget": 50.0} for row in results if row["checkpoint"] == NAME]
    for rows in (stale, []):
        found = point_rows(Catalogue((again,)), NETWORK, [], "cp", rows)
        assert [row["checkpoint"] for row in found] == [NAME]
