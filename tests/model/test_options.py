"""Options: names, costs against the paper's table, and sets that are read back as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.errors import UserError
from dfs_core.model.options import NAMED_SETS, Option, OptionSet

WIDTHS = [0, *range(2, 17), 32]
ordered_widths = st.sets(st.sampled_from(WIDTHS), min_size=1).map(sorted)

# The paper's table: the cost of a block in units of the full block, as fractions.
PAPER_COSTS = {
    "skip": 0,
    "2": 1 / 256,
    "3": 9 / 1024,
    "4": 1 / 64,
    "6": 9 / 256,
    "8": 1 / 16,
    "10": 25 / 256,
    "12": 9 / 64,
    "14": 49 / 256,
    "16": 1 / 4,
    "full": 1,
}


@pytest.mark.parametrize(("name", "cost"), PAPER_COSTS.items())
def test_cost_is_that_of_the_papers_table(name: str, cost: float) -> None:
    assert Option.parse(name).cost == cost


@pytest.mark.parametrize(
    ("text", "bits", "skips", "rounds"),
    [("skip", 0, True, False), ("2", 2, False, True), ("16", 16, False, True), ("full", 32, False, False)],
)
def test_an_option_knows_what_it_does(text: str, bits: int, skips: bool, rounds: bool) -> None:
    option = Option.parse(text)
    assert (option.bits, option.name, option.is_skip, option.is_quantised) == (bits, text, skips, rounds)


def test_words_are_read_whatever_their_case_and_spaces() -> None:
    assert OptionSet.parse(" Skip, 8 ,FULL ").names == ("skip", "8", "full")
    assert OptionSet.parse(" Paper-Small ") == OptionSet.parse("paper-small")


@pytest.mark.parametrize("text", ["", "one", "1", "17", "32", "0", "-8", "8.0", "08x", "²", "skip full"])
def test_what_is_no_option_is_refused_with_the_word_and_the_range(text: str) -> None:
    with pytest.raises(UserError, match="2 to 16") as refusal:
        Option.parse(text)
    assert f"'{text}'" in str(refusal.value)


@pytest.mark.parametrize("bits", [1, 17, 31, 33, -1])
def test_a_bit_width_that_does_not_exist_is_refused(bits: int) -> None:
    with pytest.raises(UserError, match=f"{bits} bits does not exist"):
        Option(bits)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("paper", ("skip", "8", "10", "12", "14", "16", "full")),
        ("paper-small", ("skip", "8", "16", "full")),
        ("lowbit", ("skip", "2", "3", "4", "8", "full")),
        ("skipnet", ("skip", "full")),
    ],
)
def test_named_sets_are_those_of_the_method(name: str, options: tuple[str, ...]) -> None:
    assert OptionSet.parse(name).names == options


def test_there_are_four_named_sets() -> None:
    assert set(NAMED_SETS) == {"paper", "paper-small", "lowbit", "skipnet"}


@given(ordered_widths)
def test_any_increasing_list_comes_back_as_it_was_written(widths: list[int]) -> None:
    options = OptionSet(tuple(Option(bits) for bits in widths))
    assert OptionSet.parse(str(options)) == options
    assert [option.bits for option in options] == widths
    assert [options.index(name) for name in options.names] == list(range(len(widths)))
    assert list(options.costs) == sorted(set(options.costs))


@given(st.permutations(WIDTHS).filter(lambda widths: widths != sorted(widths)))
def test_a_list_out_of_order_is_refused(widths: list[int]) -> None:
    with pytest.raises(UserError, match="in order of cost"):
        OptionSet(tuple(Option(bits) for bits in widths))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8,8", "in order of cost"),
        ("full,skip", "in order of cost"),
        ("skip,,full", "'' is not an option"),
        ("papers", "'papers' is not an option"),
        ("", "'' is not an option"),
    ],
)
def test_a_set_that_cannot_be_read_is_refused_with_its_text_and_the_named_sets(text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as refusal:
        OptionSet.parse(text)
    assert str(refusal.value).startswith(f"option set '{text}'")
    assert "paper-small" in str(refusal.value)


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(UserError, match="at least one option"):
        OptionSet(())


def test_an_option_that_a_set_has_not_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(UserError, match=r"'4' is not in this set: skip, 8, 16, full"):
        OptionSet.parse("paper-small").index("4")
