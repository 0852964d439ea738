"""A cascade beside the best other networks at exactly equal cost, by cp and by all-in."""

from __future__ import annotations

import pytest
from results.test_seeds import point

from dfs_core.results.equal_cost import COSTS, at_equal_cost
from dfs_core.results.tables import equal_cost_table


def test_it_is_compared_with_the_best_of_each_kind_at_every_cost_that_it_reaches() -> None:
    points = [point("cascade", 0.4, 90.0, budget=0.4), point("cascade", 1.0, 93.0, budget=1.0)]
    points += [point("static", 0.4, 88.0, run="static2"), point("static", 1.0, 92.0, run="static3")]
    points += [point("every-budget", 0.7, 99.0, budget=0.7), point("dfs", 0.6, 99.9)]
    found = at_equal_cost(points)
    assert [row.cost for row in found if row.measure == "cp"] == [cost for cost in COSTS["cp"] if cost <= 1.0]
    assert not [row for row in found if row.measure == "all_in"], "all of these cost more than 6 % all-in"
    row = next(row for row in found if row.cost == 0.55)
    assert row.accuracy == pytest.approx(90 + 3 * 0.15 / 0.6)
    assert row.static_accuracy == pytest.approx(88 + 4 * 0.15 / 0.6)
    assert row.dynamic_accuracy is None, "a single point at another cost reaches no mixture"
    assert "| cascade | cp of 0.55 % | 90.75 % | 6.55 % | 89.00 % | +1.75 |  |  |" in equal_cost_table(found)


def test_beside_it_stands_the_mean_of_its_seeds_with_students_interval() -> None:
    points = [point("static", cp, 90.0) for cp in (0.4, 1.0)]
    for seed, gain in enumerate((1.0, 1.3, 1.6)):
        points += [point("cascade", cp, 90 + gain, seed, budget=cp) for cp in (0.4, 1.0)]
    found = at_equal_cost([one for one in points if not one.seed], [one for one in points if one.seed])
    assert {row.accuracy for row in found} == {91.0}
    assert all(row.seeds == pytest.approx((91.3, 91.6)) for row in found)
    assert "| 90.00 % | +1.00 | +1.30 (+0.55 to +2.05) |  |" in equal_cost_table(found)
