"""Numbers that anybody may have written into a link."""

from __future__ import annotations

import pytest

from dashboard.answers.parameters import MOST, finite_number, whole_number


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("007", 7), ("12", 12), ("9" * 5_000, MOST)])
def test_a_whole_number_is_read_however_long_it_is(text, value):
    assert whole_number(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "+1", "1.0", " 1", "²", "\u0661", "x", "", None])
def test_what_is_no_whole_number_from_1_on_is_none(text):
    assert whole_number(text) is None


def test_bounds_of_numbers_are_inside_them():
    assert [whole_number(str(value), 2, 4) for value in (1, 2, 4, 5)] == [None, 2, 4, None]
    assert [finite_number(text, 1.0, 2.0) for text in ("0.99", "1", "2", "2.01")] == [None, 1.0, 2.0, None]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-0.1", "1e400", "x", "", None])
def test_what_is_no_finite_number_from_0_on_is_none(text):
    assert finite_number(text) is None
