"""What is imported without torch: it takes seconds to load, and cards, figures and pages have no need of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from places import REPOSITORY

import dfs_core

WITH_TORCH = {"compile_network", "Predictor", "evaluate", "load_checkpoint", "train"}
# A page is run by being imported, and asks the shared predictor, which loads torch. So the test looks at its imports.
PAGES = ("page.py", "app.py")


def torch_after(program: str) -> str:
    """What a fresh Python says after a program: whether torch is loaded."""
    program = f"import sys\n{program}\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def importing(modules: Iterable[str]) -> str:
    return f"from importlib import import_module\nfor name in {sorted(set(modules))!r}:\n    import_module(name)"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def imported_by(path: Path) -> set[str]:
    """Modules that the statements of a file import."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_the_public_names_are_there_and_those_of_plain_data_need_no_torch() -> None:
    for name in dfs_core.__all__:
        assert getattr(dfs_core, name) is not None
    assert set(dfs_core.__all__) <= set(dir(dfs_core))
    assert set(dfs_core.__all__) > WITH_TORCH
    plain = sorted(set(dfs_core.__all__) - WITH_TORCH)
    assert torch_after(f"from dfs_core import {', '.join(plain)}") == "False"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dfs_core.Nothing  # noqa: B018


def test_to_import_the_package_imports_none_of_its_modules() -> None:
    program = "import dfs_core, sys; print([name for name in sys.modules if name.startswith('dfs_core.')])"
    assert subprocess.check_output([sys.executable, "-c", program], cwd=REPOSITORY, timeout=60, text=True) == "[]\n"


@pytest.mark.parametrize("layer", ["results", "commands"])
def test_results_and_commands_are_imported_without_torch(layer: str) -> None:
    assert torch_after(importing(map(module_of, (REPOSITORY / "dfs_core" / layer).glob("*.py")))) == "False"


def test_every_module_of_the_dashboard_is_imported_without_torch() -> None:
    files = list((REPOSITORY / "dashboard").rglob("*.py"))
    pages = [path for path in files if path.name in PAGES and path.parent.name != "ui"]
    assert len(pages) == 9, "eight pages and their entry"
    modules = {module_of(path) for path in set(files).difference(pages)}
    assert torch_after(importing(modules.union(*map(imported_by, pages)))) == "False"


def test_the_test_would_see_torch() -> None:
    assert torch_after("import dfs_core.predictor") == "True"
