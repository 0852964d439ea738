"""Talks: what they keep, that a file gives the same talk back, and that a file from anybody can do no harm."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
from exhibits import INSIDE, ROWS, bars, example_talk, exhibit

from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export import harmless
from dashboard.export.talk import MAX_SLIDES, Slide, Talk
from dashboard.present import talk_file
from dfs_core.errors import UserError


@pytest.fixture(scope="module")
def talk() -> Talk:
    return example_talk()


def titles(talk: Talk) -> list[str]:
    return [slide.title for slide in talk.slides]


def test_slides_are_moved_renamed_annotated_and_removed(talk: Talk):
    assert titles(talk) == ["View 1", "View 2", "View 3"]
    assert titles(talk.move(0, 1)) == ["View 2", "View 1", "View 3"]
    assert titles(talk.move(2, -9)) == ["View 3", "View 1", "View 2"]
    assert titles(talk.remove(1)) == ["View 1", "View 3"]
    changed = talk.edit(1, title="  Another\ntitle ").edit(1, notes="Say\nthat.")
    assert (changed.slides[1].title, changed.slides[1].notes) == ("Another title", "Say\nthat.")
    assert titles(talk.edit(0, title=" ")) == titles(talk)
    assert talk.rename("  ").title == talk.title
    assert titles(talk) == ["View 1", "View 2", "View 3"]


def test_a_slide_keeps_the_chart_as_it_was_in_both_themes():
    rows = copy.deepcopy(ROWS)
    slide = Slide.of(
        exhibit(lambda colours: Figure(bars(colours).spec, {"rows": [{**row, "uri": ""} for row in rows]}))
    )
    rows[0]["cp"] = 99.0
    assert slide.light.data["rows"][0]["cp"] == 12.5
    assert slide.figure("dark").spec != slide.figure("light").spec
    assert DARK.ink in json.dumps(slide.dark.spec)
    assert LIGHT.ink in json.dumps(slide.figure(None).spec)


def test_a_stamp_of_several_checkpoints_is_kept_in_the_file_and_files_from_before_have_none():
    both = replace(INSIDE, others=(("tiny-dfs-40", "89abcdef" * 8),))
    talk = Talk().add(exhibit(bars, stamp=both))
    written = talk_file.to_json(talk)
    assert talk_file.from_json(written.encode()).slides[0].stamp == both
    older = json.loads(written)
    del older["slides"][0]["stamp"]["others"]
    assert talk_file.from_json(json.dumps(older).encode()).slides[0].stamp == INSIDE


def test_a_talk_is_bounded(talk: Talk):
    full = replace(talk, slides=talk.slides[:1] * MAX_SLIDES)
    with pytest.raises(UserError, match="at most 60 slides"):
        full.add(exhibit())
    large = Figure(bars(LIGHT).spec, {"rows": [{"cp": 1.0, "name": "x" * 9_000_000}]})
    with pytest.raises(UserError, match="16 MB"):
        talk.add(exhibit(lambda _: large))


def test_a_file_gives_the_same_talk_back_and_people_can_read_it(talk: Talk):
    text = talk_file.to_json(talk)
    assert talk_file.from_json(text.encode()) == talk
    assert '"title": "View 1"' in text
    assert '"link": "/image?block=3&image=frog"' in text
    assert max(map(len, text.splitlines())) < 20_000


def test_tables_that_do_not_depend_on_the_theme_are_stored_once(talk: Talk):
    first = json.loads(talk_file.to_json(talk))["slides"][0]
    assert set(first["light"]["data"]) == {"rows"}
    assert not first["dark"]["data"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no talk",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"format": "dfs-explorer-talk 2", "title": "", "slides": []}',
        b'{"format": "dfs-explorer-talk 1"}',
        b'{"format": "dfs-explorer-talk 1", "title": 3, "slides": []}',
        b'{"format": "dfs-explorer-talk 1", "title": "", "slides": [7]}',
        b'{"format": "dfs-explorer-talk 1", "title": "", "slides": [{}]}',
        b"[" * 100_000,
        b'{"format": NaN}',
    ],
)
def test_a_file_that_is_no_talk_gets_one_line(data: bytes):
    with pytest.raises(talk_file.TalkError) as caught:
        talk_file.from_json(data)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_even_read():
    with pytest.raises(talk_file.TalkError, match="larger than 24 MB"):
        talk_file.from_json(b" " * (24 * 2**20 + 1))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("link",), "//elsewhere.org"),
        (("link",), "javascript:alert(1)"),
        (("stamp", "kind"), "invented"),
        (("stamp", "others"), [["a"]]),
        (("title",), "x" * 161),
        (("light", "legend"), [["a", 'red"><script>', "circle"]]),
        (("light", "legend"), [["a", "#123456", "circle"]] * 41),
        (("light", "data", "rows", "rows"), [[1]]),
        (("light", "data"), {}),
        (("light", "spec"), "bars"),
    ],
)
def test_a_talk_with_one_part_that_does_not_fit_is_refused(talk: Talk, path: tuple[str, ...], value: object):
    data = json.loads(talk_file.to_json(talk))
    place = data["slides"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(talk_file.TalkError, match=r"^slide 1: ") as caught:
        talk_file.from_json(json.dumps(data).encode())
    assert "\n" not in str(caught.value)


ROW = {"x": 1, "t": "a", "u": "http://elsewhere.org/a.png"}
PICTURE = "data:image/png;base64,aGFsbG8="
POINT = {"mark": "point", "encoding": {"x": {"field": "x", "type": "quantitative"}}}


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "http://elsewhere.org/a.csv"}},
        {"data": {"name": "others"}},
        {"data": {"name": "rows", "url": "a.csv"}},
        {"data": {"values": [{"x": "a.png"}]}},
        {"data": {"values": [{"x": {"y": "a.png"}}]}},
        {"datasets": {"others": []}},
        {"transform": [{"lookup": "x", "from": {"data": {"url": "a.csv"}, "key": "x"}}]},
        {"mark": {"type": "image", "url": "http://elsewhere.org/a.png"}},
        {"mark": {"type": "image", "url": "/api"}},
        {"mark": {"type": "image", "url": {"expr": "datum.t"}}},
        {"mark": "image", "encoding": {"url": {"field": "t"}}},
        {"mark": "image", "encoding": {"url": {"value": "//elsewhere.org"}}},
        {"mark": "image", "encoding": {"url": {"field": "none", "condition": {"test": "true", "value": "x"}}}},
        {"mark": "image", "encoding": {"url": {"field": "m"}}, "transform": [{"calculate": "datum.t", "as": "m"}]},
        {"mark": {"type": "point", "href": "x"}},
        {"encoding": {"href": {"field": "t"}}},
        {"usermeta": {"embedOptions": {"config": "x.json"}}},
        {"params": [{"name": "a", "bind": {"input": "text"}}]},
        {"params": [{"name": "a", "select": {"type": "point", "on": "window:[]{}"}}]},
        {"title": "https://elsewhere.org"},
        {"title": "\\\\elsewhere.org"},
        {"title": "/\t/elsewhere.org"},
        {"background": "url(#a)"},
        {"mark": {"type": "point", "tooltip": {"content": "data"}}},
        {"mark": {"type": "point", "tooltip": {"expr": "datum"}}},
        {"encoding": {"tooltip": {"field": "t", "title": "image"}}},
        {"encoding": {"tooltip": [{"field": "image"}]}},
        {"transform": [{"calculate": "datum.t", "as": "image"}]},
        {"transform": [{"calculate": "window.x", "as": "m"}]},
        {"transform": [{"calculate": "datum.t.constructor", "as": "m"}]},
        {"transform": [{"calculate": "datum['__proto__']", "as": "m"}]},
        {"transform": [{"calculate": "datum.t.at(0)", "as": "m"}]},
        {"transform": [{"calculate": "datum['at'](0)", "as": "m"}]},
        {"transform": [{"calculate": "warn(datum.t)", "as": "m"}]},
        {"transform": [{"filter": "alert(1)"}]},
        {"params": [{"name": "alert", "value": 1}], "transform": [{"filter": "alert(1)"}]},
        {"encoding": {"x": {"field": "x", "axis": {"labelExpr": "'http:' + '//elsewhere.org'"}}}},
        {"mark": {"type": "text", "text": {"expr": "data('rows')"}}},
    ],
)
def test_a_chart_that_could_fetch_or_execute_anything_is_refused(spec: dict[str, object]):
    figure = Figure({"data": {"name": "rows"}, **POINT, **spec}, {"rows": [{"x": 1, "t": "a"}]})
    with pytest.raises(UserError) as caught:
        harmless.check(figure)
    assert "\n" not in str(caught.value)


def test_an_address_in_the_data_is_refused_from_a_file_and_plain_text_when_a_view_is_added():
    spec = {"data": {"name": "rows"}, **POINT}
    with pytest.raises(UserError, match="another address"):
        harmless.check(Figure(spec, {"rows": [ROW]}))
    slide = Slide.of(exhibit(lambda _: Figure(spec, {"rows": [ROW]})))
    assert slide.light.data["rows"][0]["u"] == "elsewhere.org/a.png"


def test_charts_that_only_draw_pass():
    encoding = {
        "x": {"field": "x", "type": "quantitative", "axis": {"labelExpr": "split(datum.label, ' to ')[0] + ' %'"}},
        "url": {"field": "p"},
        "y": {"value": {"expr": "(datum.row + 0.5) * 42"}},
        "opacity": {"condition": {"param": "pick", "value": 1}, "value": 0.2},
        "tooltip": [{"field": "t", "title": "picture"}, {"field": "x", "format": ".2f"}],
    }
    params = [{"name": "pick", "select": {"type": "point", "fields": ["t"], "on": "click"}}]
    params.append({"name": "zoom", "select": "interval", "bind": "scales"})
    transform = [{"filter": "datum.x > 0 && !isValid(datum['a b'])"}, {"calculate": "pow(datum.x, 2)", "as": "m"}]
    spec = {"data": {"name": "rows"}, "mark": "image", "encoding": encoding, "params": params, "transform": transform}
    spec = {"layer": [spec, {"data": {"values": [{}, {"a": 1}]}, "mark": "rule"}]}
    harmless.check(Figure(spec, {"rows": [{"x": 1, "t": "1/16: a", "p": PICTURE}, {"x": 2, "t": "", "p": None}]}))
