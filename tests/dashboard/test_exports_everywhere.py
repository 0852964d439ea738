"""Every chart of every page: each can be exported in every format and kept in a talk."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pypdf
import pytest
from pages import go_to, opened
from PIL import Image
from places import APP
from pptx import Presentation
from streamlit.testing.v1 import AppTest

from dashboard.export import formats
from dashboard.export.talk import Talk
from dashboard.export.view import View
from dashboard.present import slides, talk_file
from dashboard.ui import toolbar

PAGES = sorted(path.parent.name for path in APP.parent.glob("*/page.py") if path.parent.name != "ui")
OPENED = ("training_panel", "costs_panel")  # what a reader opens to see more charts
CASCADE = ("explore", "image", "testset")  # pages that show other charts of a cascade
WANTED = {"strip", "curve", "costs", "training", "passes_by_class", "passes_by_confidence", "looks_changes"}
FURTHER = {"learn": 5}  # steps that a page has after its first one
EMPTY_AT_FIRST = {"laboratory"}  # tables that a run has yet to fill
WITHOUT_CHARTS = {"present", "runs"}  # runs: there are none here


@pytest.fixture(scope="module")
def views(
    with_cascade: Path, cifar10_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[View]]]:
    """Page -> the views that it shows, of the usual checkpoint and, on some pages, of a cascade."""
    found: dict[str, list[View]] = {}
    folder = shutil.copytree(with_cascade, tmp_path_factory.mktemp("exports") / "pretrained")
    log = [{"step": step, "epoch": step, "cp": 30.0, "target": 20.0, "loss": 1.0} for step in (1, 2)]
    (folder / "tiny-dfs-20" / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFS_PRETRAINED_DIR", str(folder))
        patch.setenv("DFS_DATA_DIR", str(cifar10_dir))
        app = AppTest.from_file(str(APP), default_timeout=300).run()
        for name in PAGES:
            views = found[name] = []
            go_to(app, name)
            for key in OPENED:
                app.session_state[key] = True
            for look in range(1 + FURTHER.get(name, 0)):
                if look:
                    app.button(key="go_Next").click()
                shown: dict[str, View] = {}
                patch.setattr(
                    toolbar, "toolbar", lambda view, on_row=None, shown=shown: shown.setdefault(view.key, view)
                )
                app.run()
                assert not app.exception, name
                drawn = len(app.get("vega_lite_chart")) + len(app.get("plotly_chart"))
                assert len(shown) == drawn, f"{name} has a chart without exports"
                views += shown.values()
        for name in CASCADE:
            shown = {}
            patch.setattr(toolbar, "toolbar", lambda view, on_row=None, shown=shown: shown.setdefault(view.key, view))
            opened(name, checkpoint="tiny-cascade", budget="4")
            new = shown.keys() - {view.key for view in found[name]}
            found[name] += [shown[key] for key in sorted(new)]
        assert {view.key for views in found.values() for view in views} >= WANTED
        yield found


@pytest.mark.parametrize("page", PAGES)
def test_every_chart_is_made_in_every_format_with_its_stamp(views: dict[str, list[View]], page: str):
    assert bool(views[page]) == (page not in WITHOUT_CHARTS)
    for view in views[page]:
        made = {kind: formats.export_figure(view, kind) for kind in formats.FIGURE_KINDS}
        svg = ElementTree.fromstring(made["svg"])
        written = " ".join("".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text"))
        for name in view.stamp.checkpoints:
            assert name in written, view.title
        assert view.title.split()[0] in written
        with Image.open(io.BytesIO(made["png"])) as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert min(image.size) > 500
            assert len(image.resize((200, 200)).getcolors(40_000)) > 8, f"{view.title} is empty"
        (sheet,) = pypdf.PdfReader(io.BytesIO(made["pdf"])).pages
        for name in view.stamp.checkpoints:
            assert name in "".join(sheet.extract_text().split())
        assert b"default-src 'none'" in made["html"]
        assert view.alt, view.title


def test_what_is_of_two_checkpoints_names_both(views: dict[str, list[View]]):
    assert views["compare"]
    for view in views["compare"]:
        assert len(set(view.stamp.checkpoints)) == 2, view.title
        assert len(view.stamp.others) == 1


@pytest.mark.parametrize("page", PAGES)
def test_every_table_is_made_in_every_format_and_reads_back(views: dict[str, list[View]], page: str):
    for view in views[page]:
        for name, rows in view.tables.items():
            made = {kind: formats.export_table(rows(), kind, view.stamp, name) for kind in formats.TABLE_KINDS}
            read = json.loads(made["json"])
            assert read["stamp"]["figures"] == view.stamp.kind
            back = list(csv.DictReader(io.StringIO(made["csv"].decode(), newline="")))
            assert len(back) == len(read["rows"]) == len(rows()), f"{view.title}: {name}"
            assert back or page in EMPTY_AT_FIRST, f"{view.title}: {name}"


@pytest.mark.parametrize("page", PAGES)
def test_every_chart_can_be_kept_in_a_talk_and_shown_from_its_file(views: dict[str, list[View]], page: str):
    talk = Talk()
    for view in views[page]:
        talk = talk.add(view)
    assert talk_file.from_json(talk_file.to_json(talk).encode()) == talk
    if talk.slides:
        deck = Presentation(io.BytesIO(slides.to_pptx(talk, "http://dfs.example.org/")))
        assert len(deck.slides) == len(talk.slides) + 1
