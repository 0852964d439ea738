"""The validator: what a file says is bounded, and whatever is wrong is one line with the file and the key."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import make_card

from dfs_core.checked import LONGEST_QUOTE, build, is_word, read_rows
from dfs_core.checkpoints.card import Card, CheckpointError
from dfs_core.checkpoints.card_files import scan
from dfs_core.cli import main
from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Inner:
    size: Annotated[int, Meta(ge=1, le=9, description="a whole number from 1 to 9")] = 1


@dataclass(frozen=True, slots=True)
class Outer:
    name: str
    share: Annotated[float, Meta(ge=0, le=1)] | None = None
    kind: Literal["a", "b"] = "a"
    inner: Inner = Inner()
    pairs: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if self.name == "nobody":
            raise UserError("nobody has no name")


CARD = make_card("one", "dfs", ModelConfig(depth=8, budget=20.0), alpha=5e-6)
SHARES = [{"skip": 0.0, "8": 50.0, "16": 25.0, "full": 25.0}] * 2
TEST = {"n": 4, "accuracy": 75.0, "accuracy_ci95": [30.0, 95.0], "cp": 17.0, "all_in": 30.0, "policies": 3}
HOSTILE = [
    ("alpha", "1" + "0" * 400, "alpha"),
    ("alpha", "1e400", "alpha"),
    ("alpha", "NaN", "alpha"),
    ("seed", "1e999", "seed"),
    ("seed", "1" + "0" * 400, "seed"),
    ("method", '"\\ud800"', "method"),
    ("method", '"' + "x" * 5_000 + '"', "method"),
    ("dataset", '"/etc"', "dataset"),
    ("dataset", '"**x"', "dataset"),
    ("dataset", '".."', "dataset"),
    ("dataset", '"' + "x" * 5_000 + '"', "dataset"),
    ("dataset", '"a\\u0000b"', "dataset"),
    ("classes", "[1, 2]", "classes[0]"),
    ("training", '{"lr": [1e400]}', "training.lr[0]"),
    ("training", '{"\\udfff": 1}', "training"),
    ("machine", "[" * 200 + "]" * 200, "machine"),
    ("machine", '{"a": ' * 200 + "1" + "}" * 200, "machine"),
    ("model", '{"depth": 6000002}', "model.depth"),
    ("model", '{"gate_width": 100000000000}', "model.gate_width"),
    ("model", '{"depth": "38"}', "model.depth"),
]
METRICS = [
    ("accuracy", "9350", "metrics.test.accuracy"),
    ("accuracy", '"high"', "metrics.test.accuracy"),
    ("accuracy", "null", "metrics.test.accuracy"),
    ("cp", "-5", "metrics.test.cp"),
    ("n", "0", "metrics.test.n"),
    ("n", "1e999", "metrics.test.n"),
    ("n", '"many"', "metrics.test.n"),
    ("n", "true", "metrics.test.n"),
    ("all_in", "1e300", "metrics.test.all_in"),
    ("accuracy_ci95", "[1]", "metrics.test.accuracy_ci95"),
    ("accuracy_ci95", '[1, "x"]', "metrics.test.accuracy_ci95[1]"),
    ("shares", '[{"skip": -1}]', "metrics.test.shares[0]"),
]


def text_with(key: str, value: str) -> str:
    """A card's JSON with a value as it is typed; keys of an evaluation are those of the test set's."""
    data = json.loads(CARD.to_json()) | {"metrics": {"test": TEST | {"shares": SHARES}}}
    place = data["metrics"]["test"] if key in data["metrics"]["test"] else data
    place[key] = "HERE"
    return json.dumps(data).replace('"HERE"', value)


def damaged(folder: Path, pretrained: Path, key: str, value: str) -> Path:
    """A folder of checkpoints, one of which has such a card."""
    shutil.copytree(pretrained, folder)
    (folder / "tiny-dfs-10" / "card.json").write_text(text_with(key, value))
    return folder


def test_good_data_become_the_dataclass_and_whole_numbers_do_for_numbers() -> None:
    data = {"name": "x", "share": 1, "kind": "b", "inner": {"size": 3}, "pairs": [[1, 2.5]]}
    assert build(Outer, data) == Outer("x", 1.0, "b", Inner(3), ((1.0, 2.5),))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"name": 5}, "name must be a text, not 5"),
        ({"share": "1"}, "share must be a number or null, not '1'"),
        ({"share": 1.5}, "share must be a number or null, not 1.5"),
        ({"share": math.nan}, "share must be a number, not nan"),
        ({"kind": "c"}, "kind 'c' is unknown: use a or b"),
        ({"kind": 1}, "kind must be a word, not 1"),
        ({"inner": {"size": 0}}, "inner.size must be a whole number from 1 to 9, not 0"),
        ({"inner": {"sise": 1}}, "unknown key inner.sise: did you mean size?"),
        ({"inner": 3}, "inner must be a table, not 3"),
        ({"pairs": [[1, 2], [3, "x"]]}, "pairs[1][1] must be a number, not 'x'"),
        ({"pairs": [[1]]}, "pairs[0] must be a list of 2, each item a number, not [1]"),
        ({"nome": "x", "pair": 1}, "unknown key nome, pair: did you mean name?"),
        ({"name": "nobody"}, "nobody has no name"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(change: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as refusal:
        build(Outer, {"name": "x"} | change)
    assert str(refusal.value) == line
    with pytest.raises(UserError) as refusal:
        build(Outer, {"name": "x"} | change, "part")
    assert "part" in str(refusal.value)


def test_a_missing_key_and_what_is_no_table_are_named() -> None:
    with pytest.raises(UserError, match=r"^missing key name$"):
        build(Outer, {})
    with pytest.raises(UserError, match=r"^it must be a table, not 3$"):
        build(Outer, 3)


def test_a_line_quotes_no_more_of_a_value_than_a_reader_can_take_in() -> None:
    with pytest.raises(UserError) as refusal:
        build(Outer, {"name": ["x" * 10**6]})
    assert LONGEST_QUOTE < len(str(refusal.value)) < LONGEST_QUOTE + 60


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "share", "inner"]), inner),
        max_leaves=8,
    )
)
def test_whatever_is_given_is_built_or_refused_in_one_line(data: Any) -> None:
    said = ""
    try:
        build(Outer, data)
    except UserError as error:
        said = str(error)
    assert "\n" not in said


@pytest.mark.parametrize(("key", "value", "named"), [*HOSTILE, *METRICS])
def test_a_card_that_claims_the_impossible_is_refused_with_its_key(key: str, value: str, named: str) -> None:
    with pytest.raises(CheckpointError) as refusal:
        Card.from_json(text_with(key, value))
    line = str(refusal.value)
    assert named in line
    assert "\n" not in line
    assert len(line) < 400
    line.encode()  # it can be printed


def test_the_card_that_those_are_made_of_is_a_good_one() -> None:
    assert Card.from_json(text_with("accuracy", "75")).evaluation().accuracy == 75


@pytest.mark.parametrize(("key", "value", "named"), [HOSTILE[0], HOSTILE[3], HOSTILE[5], HOSTILE[8], METRICS[0]])
def test_one_bad_card_is_named_and_the_others_are_listed(
    key: str, value: str, named: str, tmp_path: Path, pretrained_folder: Path, monkeypatch, capsys
) -> None:
    folder = damaged(tmp_path / "pretrained", pretrained_folder, key, value)
    cards, (problem,) = scan(folder)
    assert len(cards) == 5
    assert problem.startswith(f"{folder / 'tiny-dfs-10' / 'card.json'}: ")
    assert named in problem
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    assert main(["list"]) == 0
    printed = capsys.readouterr()
    assert "tiny-dfs-20" in printed.out
    assert printed.err.count("\n") == 1


def test_a_folder_whose_name_is_no_text_is_named_and_the_others_work(tmp_path: Path, pretrained_folder: Path) -> None:
    folder = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder, folder)
    (folder / "tiny-dfs-10").rename(folder / "tiny-\udcff")
    cards, (problem,) = scan(folder)
    assert len(cards) == 5
    assert "name must be a text, not 'tiny-\\udcff'" in problem
    assert problem.isascii(), "it can be printed and shown"


def test_a_bad_card_and_a_bad_table_are_lines_on_the_page(
    tmp_path: Path, pretrained_folder: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = damaged(tmp_path / "pretrained", pretrained_folder, "method", '"\\ud800"')
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "points.csv").write_text("family,accuracy\ndfs,high\n")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    assert not app.exception
    assert app.expander[0].label == "1 checkpoint cannot be used"
    (warning,) = app.warning
    assert "points.csv, row 1: accuracy must be a percentage from 0 to 100, not 'high'" in warning.value.replace(
        "\\", ""
    )


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    share: Annotated[float, Meta(ge=0, le=100)] | None = None


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"name,share\na,1\nb,high\n", "row 2: share must be a number or null, not 'high'"),
        (b"name,share\na,-1\n", "row 1: share must be a number or null, not '-1'"),
        (b"name,share\na,nan\n", "row 1: share must be a number or null, not 'nan'"),
        (b"share\n1\n", "row 1: missing key name"),
        (b"name,share\n\xff\xfe,1\n", "is not a text file in UTF-8"),
    ],
)
def test_a_cell_that_is_wrong_is_named_by_file_row_and_column(tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    with pytest.raises(UserError) as refusal:
        read_rows(path, Row)
    assert str(refusal.value).startswith(str(path))
    assert line in str(refusal.value)


def test_a_byte_order_mark_an_empty_cell_and_further_columns_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfname,share,more\n,,x\nb,2,y\n")
    assert read_rows(path, Row) == [Row(""), Row("b", 2.0)]
    assert read_rows(tmp_path / "none.csv", Row) == []


@pytest.mark.parametrize(
    ("text", "known"),
    [("caf\N{LATIN SMALL LETTER E WITH ACUTE}", True), ("caf\udce9", False), (" ", False), ("a\nb", False)],
)
def test_what_a_folder_is_called_can_name_a_class_if_a_card_can_be_read_with_it(text: str, known: bool) -> None:
    assert is_word(text) is known
    card = make_card("one", "dfs", ModelConfig(depth=8, classes=2), classes=("dog", "x")).to_json()
    changed = card.replace('"x"', json.dumps(text))
    if known:
        assert Card.from_json(changed).classes == ("dog", text)
    else:
        with pytest.raises(CheckpointError, match="classes"):
            Card.from_json(changed)
