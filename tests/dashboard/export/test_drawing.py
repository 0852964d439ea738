"""Charts are drawn in a process of their own, which stalls nobody, is begun anew if it stopped, and ends in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from places import REPOSITORY

from dashboard.export.drawing import Drawing
from dfs_core.errors import UserError

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'


@pytest.fixture
def drawing() -> Iterator[Drawing]:
    made = Drawing()
    yield made
    made.close()


def pid(drawing: Drawing) -> int:
    assert drawing._process is not None
    return drawing._process.pid


def test_pictures_come_from_another_process_that_serves_again(drawing: Drawing):
    assert drawing.ask("svg_to_png", SVG, scale=1.0).startswith(b"\x89PNG")
    first = pid(drawing)
    assert first != os.getpid()
    assert drawing.ask("svg_to_pdf", SVG).startswith(b"%PDF")
    assert pid(drawing) == first


def test_the_server_does_not_hold_what_draws():
    export = (
        "import sys, exhibits as e; from dashboard.export import formats as f; f.export_figure(e.exhibit(), 'html')"
    )
    program = f"{export}; assert 'vl_convert' not in sys.modules"
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"PYTHONPATH": path})


def test_an_error_is_told_and_the_process_serves_on(drawing: Drawing):
    with pytest.raises(ValueError, match="root node"):
        drawing.ask("svg_to_png", "<nonsense", scale=1.0)
    first = pid(drawing)
    assert drawing.ask("svg_to_png", SVG, scale=1.0)
    assert pid(drawing) == first


def test_a_process_that_was_killed_is_begun_anew(drawing: Drawing):
    drawing.ask("svg_to_png", SVG, scale=1.0)
    os.kill(pid(drawing), signal.SIGKILL)
    assert drawing._process is not None
    drawing._process.wait()
    assert drawing.ask("svg_to_png", SVG, scale=1.0)


def test_one_that_takes_too_long_is_given_up_and_the_next_request_is_served():
    drawing = Drawing(longest_s=0.0)
    with pytest.raises(UserError, match="try again"):
        drawing.ask("javascript_bundle")
    drawing._longest_s = 60.0
    assert drawing.ask("svg_to_png", SVG, scale=1.0)
    drawing.close()


def test_it_ends_when_the_server_does(drawing: Drawing):
    drawing.ask("svg_to_png", SVG, scale=1.0)
    assert drawing._process is not None
    assert drawing._process.stdin is not None
    drawing._process.stdin.close()  # as the system does for a server that is gone
    assert drawing._process.wait(30) == 0


def test_many_threads_get_each_their_own_picture(drawing: Drawing):
    found: dict[int, bytes] = {}

    def draw(size: int) -> None:
        found[size] = drawing.ask("svg_to_png", SVG.replace('"9"', f'"{size}"'), scale=1.0)

    threads = [threading.Thread(target=draw, args=(size,)) for size in range(5, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {size: int.from_bytes(png[16:20], "big") for size, png in found.items()} == {n: n for n in range(5, 13)}
