"""Where deciding for each image pays: the words follow the points."""

from __future__ import annotations

from places import REPOSITORY
from results.test_seeds import point

from dashboard.answers.networks import Network
from dashboard.views.pays import _again, pays_words
from dfs_core.results.equal_cost import at_equal_cost
from dfs_core.results.measurement import read_measurements
from dfs_core.results.seeds import Interval

NETWORK = Network("cifar10", "ResNet-38", 38)


def points(again: float, before: float, dear: float = 80.0):
    """Three seeds, the published first; static networks at 80 %, the others by so many points above them."""
    found = []
    for seed, off in enumerate((-0.1, 0.0, 0.1)):
        found += [point("static", cp, 80.0, seed) for cp in (0.3, 6.0)]
        found += [point("cascade", 0.4, 80 + again + off, seed, 0.4), point("cascade", 6.0, dear + off, seed, 6.0)]
        found += [point("every-budget", cp, 80 + before + off, seed, cp) for cp in (0.4, 6.0)]
    return [one for one in found if not one.seed], [one for one in found if one.seed]


def test_a_gain_is_said_with_its_interval_and_where_it_ends() -> None:
    said = pays_words(*points(2.0, -0.5), NETWORK)
    assert "gains most at 0.45 %: 1.98 points over the best static network (mean of 3" in said
    assert "from 5 % on it gains nothing beyond chance" not in said
    assert "from 5 % on" in pays_words(*points(2.0, -0.5, dear=79.0), NETWORK)
    assert "before there is an answer gain nothing over the best static network beyond chance, from 0.4" in said


def test_no_gain_is_said_too_and_other_networks_are_left_out() -> None:
    said = pays_words(*points(0.0, 1.0), NETWORK)
    assert "Looking again gains nothing" in said
    assert "before there is an answer gain 1.00 points over the best static network at" in said
    assert pays_words(*points(2.0, 0.0), Network("cifar100", "ResNet-38", 38)) == ""
    assert pays_words(points(2.0, 0.0)[0], [], NETWORK) == ""


def test_a_sure_gain_is_said_although_a_larger_one_may_be_chance() -> None:
    said = _again({0.5: Interval(1.2, -0.1, 2.5), 0.6: Interval(0.9, 0.5, 1.3), 0.8: Interval(0.1, -0.2, 0.4)}, 3)
    assert said.startswith("Looking again gains most at 0.6 %: 0.90 points")
    assert said.endswith("; from 0.8 % on it gains nothing beyond chance.")


def test_what_is_said_of_the_published_network_is_in_its_table() -> None:
    published, others = (read_measurements(REPOSITORY / "results" / name) for name in ("points.csv", "seeds.csv"))
    rows = [row for row in at_equal_cost(published, others) if row.measure == "cp" and row.gain]
    best = max((row for row in rows if row.dataset == NETWORK.dataset), key=lambda row: row.gain.mean)
    said = pays_words(published, others, NETWORK)
    assert f"gains most at {best.cost:g} %: {best.gain.mean:.2f} points" in said
    assert f"interval {best.gain.low:.2f} to {best.gain.high:.2f}" in said
