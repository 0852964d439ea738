"""Every page works beside checkpoints and tables that are broken, and names them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pages import go_to, said
from places import APP
from streamlit.testing.v1 import AppTest

from dfs_core.checkpoints.card_files import scan

PAGES = sorted(path.parent.name for path in APP.parent.glob("*/page.py") if path.parent.name != "ui")


@pytest.fixture
def damaged(pretrained_folder: Path, tmp_path: Path, no_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good checkpoints, and one for every way in which a folder, a card or a table is broken."""
    root = tmp_path / "pretrained"
    shutil.copytree(pretrained_folder, root)
    good = json.loads((root / "tiny-dfs-10" / "card.json").read_text())
    cards = {
        "alpha": json.dumps(good | {"alpha": "HERE"}).replace('"HERE"', "1" + "0" * 400),
        "n": json.dumps(good).replace('"n": 40', '"n": 1e999'),
        "half": json.dumps(good | {"method": "\ud800"}),
        "etc": json.dumps(good | {"dataset": "/etc"}),
        "glob": json.dumps(good | {"dataset": "**x"}),
        "long": json.dumps(good | {"dataset": "x" * 5_000}),
        "control": json.dumps(good | {"title": "a\u0000b"}),
        "nested": "[" * 100_000,
    }
    for name, text in cards.items():
        shutil.copytree(root / "tiny-dfs-10", root / f"bad-{name}")
        (root / f"bad-{name}" / "card.json").write_text(text)
    shutil.copytree(root / "tiny-dfs-10", root / "bad-\udcff")
    shutil.copytree(root / "tiny-dfs-10", root / "bad-closed")
    look = Path.is_file

    def is_file(path: Path) -> bool:
        if path.parent.name == "bad-closed":  # as if nobody may look into it: root may
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(Path, "is_file", is_file)
    (root / "tiny-dfs-20" / "traces.parquet").write_bytes(b"PAR1")
    (root / "tiny-dfs-20" / "traces-b1e999.parquet").write_bytes(b"")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "points.csv").write_bytes(b"\xef\xbb\xbffamily,accuracy\nd\xfffs,high\n")
    (tmp_path / "published.csv").write_text("\ufeffmethod,network,dataset,accuracy,cp,source\na,b,cifar10,high,1,c\n")
    monkeypatch.setattr("dashboard.views.cached.PUBLISHED", tmp_path / "published.csv")
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(root))
    return root


def test_broken_checkpoints_are_named_in_a_line_each(damaged: Path) -> None:
    cards, problems = scan(damaged)
    assert len(cards) == 6
    assert len(problems) == 10
    assert not [line for line in problems if "\n" in line or len(line) > 600]
    assert "bad-closed cannot be read: Permission denied" in " ".join(problems)


def test_every_page_works_beside_them(damaged: Path) -> None:
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    (warning,) = app.warning
    assert "points.csv is not a text file" in said(warning)
    assert "published.csv, row 1: accuracy must be a percentage" in said(warning)
    for page in PAGES:
        go_to(app, page).run()
        assert not app.exception, page
        assert any(box.label == "10 checkpoints cannot be used" for box in app.expander), page


def test_a_folder_that_may_not_be_listed_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", closed)
    assert scan(tmp_path) == ([], [f"{tmp_path} cannot be read: Permission denied"])
