"""Boundaries between the parts: who may import what, and how long a file may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import REPOSITORY

MOST_PARAMETERS = 6
LONGEST = 400  # lines: a file may be as long as its idea
FORBIDDEN = {
    "dfs_core": {"streamlit", "plotly", "altair", "dashboard"},
    "dashboard": {"torch", "torchvision", "safetensors"},
}

LAYERS = {  # each uses those before it
    "dfs_core": ("model", "data", "evaluation", "checkpoints", "engine", "timing", "results", "training", "commands"),
    "dashboard": ("answers", "drawing", "export", "ui", "views"),
}
# Each uses all layers and no other page.
PAGES = ("explore", "image", "compare", "testset", "laboratory", "runs", "learn", "present")
# What Streamlit may be imported by, beside ui/: pages, their panels, and what sessions share.
KNOWS_STREAMLIT = ("page.py", "panel.py", "panels.py", "cached.py")


def files(package: str) -> list[Path]:
    found = sorted((REPOSITORY / package).rglob("*.py"))
    assert found, f"no files in {package}"
    return found


def imported(source: str) -> Iterator[str]:
    """Top-level packages that a file imports anywhere in it, by statement or by name through ``importlib``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield from (
                str(argument.value).split(".")[0] for argument in node.args if isinstance(argument, ast.Constant)
            )


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_file_imports_what_belongs_on_the_other_side(package: str) -> None:
    crossed = {
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in files(package)
        for name in imported(path.read_text())
        if name in FORBIDDEN[package]
    }
    assert not crossed


def modules(source: str, package: str) -> Iterator[str]:
    """Modules of a package that a file of it imports, as ``layer.name``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(package):
            yield from (f"{node.module}.{alias.name}".removeprefix(f"{package}.") for alias in node.names)


@pytest.mark.parametrize(("package", "layer"), [(package, layer) for package in LAYERS for layer in LAYERS[package]])
def test_a_layer_uses_only_those_before_it(package: str, layer: str) -> None:
    later = (*LAYERS[package][LAYERS[package].index(layer) + 1 :], *PAGES)
    assert not {
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in files(f"{package}/{layer}")
        for name in modules(path.read_text(), package)
        if name.split(".")[0] in later
    }


@pytest.mark.parametrize("page", PAGES)
def test_no_page_uses_another_page(page: str) -> None:
    assert not {
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in files(f"dashboard/{page}")
        for name in modules(path.read_text(), "dashboard")
        if name.split(".")[0] in set(PAGES) - {page}
    }


@pytest.mark.parametrize("package", LAYERS)
def test_every_folder_of_a_package_is_a_layer_or_a_page(package: str) -> None:
    folders = {path.parent.name for path in (REPOSITORY / package).glob("*/__init__.py")}
    assert folders == {*LAYERS[package], *(PAGES if package == "dashboard" else ())}


def test_streamlit_is_known_to_pages_their_panels_and_ui_alone() -> None:
    assert not {
        str(path.relative_to(REPOSITORY))
        for path in files("dashboard")
        if "streamlit" in set(imported(path.read_text()))
        and path.parent.name not in ("dashboard", "ui")
        and (path.parent.name not in ("views", *PAGES) or not path.name.endswith(KNOWS_STREAMLIT))
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_one_script_that_the_app_lists(page: str) -> None:
    assert f'"{page}": ' in (REPOSITORY / "dashboard" / "app.py").read_text()
    assert (REPOSITORY / "dashboard" / page / "page.py").is_file()


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import torch.nn as nn",
        "from torch.nn import functional",
        "def f():\n    if True:\n        from torch import Tensor",
        "class A:\n    def f(self):\n        import numpy, torch",
        "import importlib\nimportlib.import_module('torch.cuda')",
        "__import__('torch')",
    ],
)
def test_nested_and_dynamic_imports_are_seen(source: str) -> None:
    assert "torch" in set(imported(source))


def test_relative_imports_and_words_in_texts_are_no_imports() -> None:
    assert not set(imported("from . import torch\nfrom .torch import x\n'import torch'\n# import torch\n"))


@pytest.mark.parametrize("package", ["dfs_core", "dashboard"])
def test_no_file_is_longer_than_a_reader_can_hold(package: str) -> None:
    lengths = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in files(package)}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


def test_no_function_of_the_dashboard_takes_more_than_a_reader_can_hold() -> None:
    found = {}
    for path in files("dashboard"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                args = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                found[f"{path.relative_to(REPOSITORY)} {node.name}"] = len([a for a in args if a.arg != "self"])
    assert not {name: count for name, count in found.items() if count > MOST_PARAMETERS}


@pytest.mark.parametrize("package", list(FORBIDDEN))
def test_text_files_are_read_and_written_in_utf8_whatever_the_locale_is(package: str) -> None:
    for path in files(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            modes = [part.value for part in node.args if isinstance(part, ast.Constant)]
            opens_text = node.func.attr == "open" and modes in (["r"], ["w"], ["a"], ["x"])
            if opens_text or node.func.attr in ("read_text", "write_text"):
                assert "encoding" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"
