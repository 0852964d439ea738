"""What leaves the app is opened again: pictures are whole and stamped, pages ask for nothing, tables read back."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pypdf
import pytest
from exhibits import FIGURES, ROWS, STAMP, bars, exhibit
from PIL import Image

from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import LIGHT
from dashboard.export import formats, sheet
from dashboard.export.stamp import Stamp
from dfs_core.errors import UserError

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an export asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def texts(svg: bytes) -> str:
    return " ".join("".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", FIGURES)
def test_an_svg_parses_has_title_stamp_and_words_for_it_and_refers_to_nothing(name: str):
    svg = formats.export_figure(exhibit(FIGURES[name]), "svg")
    root = ElementTree.fromstring(svg)
    assert "What it decides <&>" in texts(svg)
    assert STAMP.line() in texts(svg)
    assert root.findtext(f"{SVG}desc") == "Two bars & a picture"
    references = [value for tag in root.iter() for key, value in tag.attrib.items() if key.endswith("href")]
    assert all(value.startswith("data:image/png;base64,") for value in references)
    assert bool(references) == (name == "bars")


@pytest.mark.parametrize("name", FIGURES)
def test_the_whole_chart_lies_on_the_sheet(name: str):
    """With a margin of the page's own colour all round, nothing is cut off."""
    image = Image.open(io.BytesIO(formats.export_figure(exhibit(FIGURES[name]), "png"))).convert("RGB")
    paper = tuple(int(LIGHT.background[i : i + 2], 16) for i in (1, 3, 5))
    width, height = image.size
    margin = 40
    sides = ((0, 0, width, margin), (0, height - margin, width, height), (0, 0, margin, height))
    for box in (*sides, (width - margin, 0, width, height)):
        side = image.crop(box)
        assert side.getcolors() == [(side.width * side.height, paper)], box
    assert len(image.getcolors(2**24)) > 20


def test_a_chart_that_fills_its_page_is_ten_inches_wide_on_paper():
    svg = sheet.picture(bars(LIGHT), "", STAMP, "")
    (inner,) = (tag for tag in ElementTree.fromstring(svg).iter(f"{SVG}svg") if tag.get("x"))
    assert float(inner.get("width")) >= 960


def test_a_png_has_300_pixels_an_inch_and_the_size_of_the_sheet():
    view = exhibit(bars)
    root = ElementTree.fromstring(formats.export_figure(view, "svg"))
    image = Image.open(io.BytesIO(formats.export_figure(view, "png")))
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    for pixels, side in zip(image.size, ("width", "height"), strict=True):
        assert pixels == pytest.approx(float(root.get(side)) / 96 * 300, abs=2)


def test_a_pdf_has_one_page_of_that_size_whose_text_can_be_copied():
    view = exhibit(bars)
    root = ElementTree.fromstring(formats.export_figure(view, "svg"))
    (page,) = pypdf.PdfReader(io.BytesIO(formats.export_figure(view, "pdf"))).pages
    assert float(page.mediabox.width) == pytest.approx(float(root.get("width")) * 0.75, abs=1)
    text = " ".join(page.extract_text().split())
    assert "What it decides <&>" in text
    assert "checkpoint tiny-dfs-20 · weights 0123456789ab · cost cp · the images shown" in text
    assert "published <us>" in text
    assert len(page.images) >= 1


def test_html_asks_for_nothing_and_holds_chart_tables_notes_and_stamp():
    html = formats.export_figure(exhibit(bars), "html").decode()
    charts = json.loads(re.search(r'id="charts">(.*?)</script>', html)[1])
    head, foot = html.split("<script", 1)[0], html.rsplit("</script>", 1)[1]
    assert "default-src 'none'" in head
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?:https?:)?//""", head + foot + json.dumps(charts))
    assert charts[0]["datasets"]["rows"][0]["name"] == ROWS[0]["name"]
    assert charts[0]["datasets"]["rows"][0]["uri"].startswith("data:image/png;base64,")
    assert "What it decides &lt;&amp;&gt;" in head
    assert "published &lt;us&gt;" in head
    assert "Say this.\nThen that." in head
    assert "Table: images" in head
    assert f"<footer>{STAMP.line()}</footer>" in head
    assert not re.search(r"""<(?:script|link|img)[^>]+(?:src|href)=""", html.replace(charts_of(html), ""))


def charts_of(html: str) -> str:
    """The bundled library and the data, which hold markup only as text."""
    return html[html.index('<script type="application/json"') :]


def test_a_script_in_the_data_stays_data():
    rows = [row | {"name": "</script><script>alert(1)</script>"} for row in ROWS]
    figure = Figure(bars(LIGHT).spec, {"rows": rows})
    html = formats.export_figure(exhibit(lambda _: figure, tables={"<i>": lambda: rows}), "html").decode()
    assert "<script>alert" not in html


def test_csv_is_the_table_alone_and_reads_back_without_being_told_how():
    back = pd.read_csv(io.BytesIO(formats.export_table(ROWS, "csv", STAMP, "images")))
    assert back["name"].tolist() == [row["name"] for row in ROWS]
    assert back["cp"].tolist() == [row["cp"] for row in ROWS]
    assert back["truth"].fillna("").tolist() == [row["truth"] or "" for row in ROWS]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
def test_no_name_is_a_formula_in_a_spreadsheet_and_numbers_stay_numbers(begin: str):
    rows = [{"image": f"{begin}1+1.png", "change": -1.5, "word": f"a{begin}b"}]
    for kind in ("csv", "excel"):
        text = formats.export_table(rows, kind, STAMP).decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert row == {"image": f"'{begin}1+1.png", "change": "-1.5", "word": f"a{begin}b"}
    assert json.loads(formats.export_table(rows, "json", STAMP))["rows"] == rows


def test_a_spreadsheet_is_told_that_the_table_is_in_utf8():
    rows = [{"image": "Zürich 猫.png"}]
    plain, marked = (formats.export_table(rows, kind, STAMP) for kind in ("csv", "excel"))
    assert marked == b"\xef\xbb\xbf" + plain
    assert plain.decode() == "image\r\nZürich 猫.png\r\n"


def test_json_reads_back_with_the_stamp_beside_the_rows():
    data = json.loads(formats.export_table(ROWS, "json", STAMP, "images"))
    assert data["rows"] == ROWS
    assert data["title"] == "images"
    assert data["stamp"]["checkpoint"] == "tiny-dfs-20"
    assert data["stamp"]["figures"] == "the images shown"


def test_numbers_that_json_cannot_say_are_null():
    rows = [{"a": float("nan"), "b": float("inf"), "c": (1, float("nan"))}]
    assert json.loads(formats.export_table(rows, "json", STAMP))["rows"] == [{"a": None, "b": None, "c": [1, None]}]


def test_an_empty_table_has_no_rows():
    assert json.loads(formats.export_table([], "json", STAMP))["rows"] == []
    assert formats.export_table([], "csv", STAMP) == b"\r\n"


def test_what_cannot_be_drawn_is_one_line():
    broken = Figure({"mark": "bar", "encoding": {"x": {"field": "a", "type": "nonsense"}}, "data": 7}, {})
    for kind in formats.FIGURE_KINDS[:3]:
        with pytest.raises(UserError, match="could not be drawn") as caught:
            formats.export_figure(exhibit(lambda _: broken), kind)
        assert "\n" not in str(caught.value)


def test_nothing_is_fetched_for_a_picture():
    spec = {"data": {"name": "rows"}, "mark": {"type": "image", "url": "http://127.0.0.1:9/x.png"}}
    svg = formats.export_figure(exhibit(lambda _: Figure(spec, {"rows": ROWS})), "png")
    assert Image.open(io.BytesIO(svg)).width > 0


def test_a_stamp_says_everything_and_leaves_out_what_there_is_not():
    assert Stamp("", "", "cp", "published", "").line() == "DFS Explorer · cost cp · published"
    inside = Stamp("a", "b", "cp", "measured", "/image?x=1")
    assert inside.absolute("http://host:1/").link == "http://host:1/image?x=1"
    assert inside.absolute("http://host:1/dfs/").link == "http://host:1/dfs/image?x=1", "behind a proxy"
    assert inside.absolute(None).link == inside.absolute("nonsense").link == "/image?x=1"
    assert STAMP.absolute("http://other/").link == "http://other/image?block=3", (
        "of an old talk, made on another machine"
    )
    elsewhere = replace(STAMP, link="https://elsewhere.example.org/?x=1")
    assert elsewhere.absolute("http://other/") == elsewhere


def test_no_stamp_has_a_link_that_others_cannot_open(monkeypatch):
    inside = replace(STAMP, link="/image?block=3&image=test-7")
    for address in ("http://127.0.0.1:8501/dfs/", "http://localhost:8501/", "http://[::1]:8501/"):
        assert inside.absolute(address).link == "page image, block 3, image test-7"
        assert "://" not in inside.absolute(address).line()
        assert STAMP.absolute(address).link == "page image, block 3", "of an old talk, whose link was full"
    assert ("state", "page explore") in replace(STAMP, link="/").absolute(address).parts()
    monkeypatch.setenv("DFS_BASE_URL", "https://example.org/dfs/")
    for address in ("http://127.0.0.1:8501/", "https://other.example.org/app/"):
        assert inside.absolute(address).link == "https://example.org/dfs/image?block=3&image=test-7"


def test_a_stamp_of_times_names_the_machine():
    timed = Stamp("a", "1" * 64, "cp", "timed on one machine", "", machine="Some processor, 2 cores")
    assert timed.line().endswith("timed on one machine · machine Some processor, 2 cores")
    assert "Some processor" in formats.export_table(ROWS, "json", timed).decode()


def test_a_stamp_of_two_checkpoints_names_both_with_their_hashes():
    both = Stamp("a", "1" * 64, "cp", "measured", "", (("b", "2" * 64),))
    said = f"checkpoints a, b · weights {'1' * 12}, {'2' * 12}"
    assert both.line() == f"DFS Explorer · {said} · cost cp · measured"
    data = json.loads(formats.export_table(ROWS, "json", both))
    assert data["stamp"]["checkpoints"] == "a, b"


def test_long_texts_are_wrapped_and_nothing_is_lost():
    words = "a rather long stamp " * 20 + "x" * 400
    lines = sheet.wrap(words, 11, 300)
    assert all(sheet.text_width(line, 11) <= 300 for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")


def test_names_of_files_are_plain():
    assert formats.filename("../../etc: Accuracy & cost, %", "pdf") == "etc-accuracy-cost.pdf"
    assert formats.filename("✓", "svg") == "dfs-explorer.svg"


def test_names_of_long_files_say_the_operating_point_and_end_in_a_whole_word():
    point = "DFS every budget ResNet-38, budget 3.4 %, alpha 4.85e-6"
    stem = "decisions-of-dfs-every-budget-resnet-38-budget-3.4-alpha-4.85e-6"
    assert formats.filename(f"Decisions of {point}", "csv", "images") == f"{stem}-images.csv"
    assert formats.filename(f"Decisions of {point}, 10,000 test images", "png") == f"{stem}-10000-test-images.png"
    assert formats.filename("cp of dfs-b20-a2.5e-5 in training", "svg") == "cp-of-dfs-b20-a2.5e-5-in-training.svg"
    both = f"Where B computes more or less than A: A: {point}; B: {point.replace('3.4', '12.5')}"
    assert formats.filename(both, "png").endswith("budget-12.5-alpha-4.85e-6.png")
    longer = [formats.filename(f"{point}, " * count, "csv", "images") for count in range(1, 9)]
    assert max(map(len, longer)) <= 160 + len(".csv")
    words = set(formats.filename(point, "csv").removesuffix(".csv").split("-"))
    assert set("-".join(longer).replace("-images.csv", "").split("-")) == words
    assert formats.filename("x" * 400, "csv", "images") == f"{'x' * 153}-images.csv"
