"""The documentation: what the code points to is there, links lead somewhere, and the examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import REPOSITORY

from dfs_core.cli import COMMANDS

DOCS = REPOSITORY / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")),
]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]+))?\)")


def run(program: str, *words: str, pretrained: Path, folder: Path) -> str:
    """What an example prints, run as the page says."""
    settings = os.environ | {
        "DFS_PRETRAINED_DIR": str(pretrained),
        "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(REPOSITORY / "examples" / program), *words]
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    return done.stdout


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_section_of_the_method_that_code_cites_is_there() -> None:
    numbers = set(re.findall(r"^## (\d+)\. ", (DOCS / "method.md").read_text(), flags=re.MULTILINE))
    sources = [path for package in ("dfs_core", "dashboard", "tests") for path in (REPOSITORY / package).rglob("*.py")]
    cited = set()
    for path in sources:
        for words in re.findall(r"[Mm]ethod\s+sections?\s+([\d, and]+)", path.read_text()):
            cited |= set(re.findall(r"\d+", words))
    assert {"1", "5", "11"} <= cited
    assert cited <= numbers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for place, anchor in LINK.findall(page.read_text()):
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{page.name} links to {place}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {place}#{anchor}"


def test_every_command_has_its_line() -> None:
    page = (DOCS / "cli.md").read_text()
    assert not [name for name in COMMANDS if f"| `{name}` |" not in page]


def test_every_page_is_in_the_navigation() -> None:
    settings = (REPOSITORY / "mkdocs.yml").read_text()
    assert not [page.name for page in DOCS.rglob("*.md") if f": {page.relative_to(DOCS)}" not in settings]


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    settings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=settings, capture_output=True, text=True, timeout=300)
    assert not done.returncode, done.stderr
    assert "WARNING" not in done.stderr
    assert "Predictor" in (tmp_path / "site" / "api" / "index.html").read_text()


def test_the_example_of_a_prediction_runs(pretrained_folder: Path, tmp_path: Path) -> None:
    said = run("predict.py", "tiny-dfs-20", pretrained=pretrained_folder, folder=tmp_path)
    assert re.search(r"^\w+ \(\d+ %\), cp [\d.]+ %, all-in [\d.]+ %$", said, flags=re.MULTILINE)
    assert len(said.splitlines()[1].split(":")[1].split()) == 5, "five gated blocks"


def test_the_example_of_a_curve_runs(pretrained_folder: Path, tmp_path: Path) -> None:
    said = run("curve.py", "curve.svg", pretrained=pretrained_folder, folder=tmp_path)
    assert len(said.splitlines()) == 6
    assert "<svg" in (tmp_path / "curve.svg").read_text()


@pytest.mark.slow
def test_the_example_of_a_training_learns_to_tell_the_stripes(pretrained_folder: Path, tmp_path: Path) -> None:
    said = run("tiny_training.py", "here", pretrained=pretrained_folder, folder=tmp_path)
    share = re.search(r"([\d.]+) % of 40 test images are right", said)
    assert share is not None
    assert float(share[1]) > 90
    assert "new stripes that lie: lying" in said
