from __future__ import annotations

import os
import sys
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fake_data as fakes
import pytest

from dfs_core.data import download, sets
from dfs_core.data.fetch import fetch
from dfs_core.data.known import ARCHIVES, Archive
from dfs_core.data.vision import load_datasets
from dfs_core.errors import UserError

ARCHIVE = "cifar-10-python.tar.gz"


class _Handler(SimpleHTTPRequestHandler):
    """Serves files without a word; a file ``cut`` beside them makes every answer shorter than announced."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        outputfile.write(content[:-50] if (Path(self.directory) / "cut").exists() else content)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a web server on this machine, from which torchvision fetches a small CIFAR-10."""
    folder = tmp_path / "server"
    fakes.fake_cifar10(folder, monkeypatch)
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        archive.add(folder / fakes.FOLDER, fakes.FOLDER)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        kind = load_datasets().CIFAR10
        monkeypatch.setattr(kind, "url", f"http://127.0.0.1:{httpd.server_port}/{ARCHIVE}")
        monkeypatch.setattr(kind, "tgz_md5", fakes.md5(folder / ARCHIVE))
        monkeypatch.setenv("no_proxy", "*")
        yield folder
        httpd.shutdown()
        thread.join()


def test_what_is_fetched_can_be_loaded(tmp_path: Path, server: Path) -> None:
    fetch("cifar10", tmp_path / "new" / "data")
    assert len(sets.load_images("cifar10", tmp_path / "new" / "data", "test")) == 10


def test_what_is_complete_is_not_fetched_again(tmp_path: Path, server: Path) -> None:
    fetch("cifar10", tmp_path / "data")
    (server / ARCHIVE).unlink()
    fetch("cifar10", tmp_path / "data")
    (tmp_path / "data" / fakes.FOLDER / "test_batch").unlink()
    fetch("cifar10", tmp_path / "data")  # the archive is still there: unpacked again, not fetched
    assert len(sets.load_images("cifar10", tmp_path / "data", "test")) == 10


def test_a_connection_that_breaks_is_said_so_and_the_next_try_mends_it(tmp_path: Path, server: Path) -> None:
    (server / "cut").touch()
    with pytest.raises(UserError, match=rf"damaged or incomplete: delete {ARCHIVE} there and try again"):
        fetch("cifar10", tmp_path / "data")
    (server / "cut").unlink()
    fetch("cifar10", tmp_path / "data")


def test_a_damaged_file_that_torchvision_does_not_fetch_again_is_to_be_deleted(tmp_path: Path, server: Path) -> None:
    fetch("cifar10", tmp_path / "data")
    (tmp_path / "data" / fakes.FOLDER / "batches.meta").write_bytes(b"")
    with pytest.raises(UserError, match=rf"is damaged .* delete {ARCHIVE}, {fakes.FOLDER} there and try again"):
        fetch("cifar10", tmp_path / "data")


def test_a_server_without_the_file_is_one_clear_message(tmp_path: Path, server: Path) -> None:
    (server / ARCHIVE).unlink()
    with pytest.raises(
        UserError, match=r"\(File not found\): check the network .* run 'python -m dfs_core data download cifar10"
    ) as caught:
        fetch("cifar10", tmp_path / "data")
    assert "\n" not in str(caught.value)


def test_a_file_in_the_way_of_the_folder_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/data cannot be written \(.+\): choose another data folder"):
        download.download("cifar10", tmp_path / "file" / "data")


def test_only_public_sets_can_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'fruit' cannot be downloaded: choose one of cifar10, cifar100, svhn"):
        download.download("fruit", tmp_path)


def test_without_a_network_there_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(
        UserError, match=r"^cifar100 could not be downloaded \(.*refused\): check the network"
    ) as caught:
        download.download("cifar100", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small SVHN of 100 and 300 bytes, and the script, to be written by the test, that stands for torchvision."""
    monkeypatch.setitem(ARCHIVES, "svhn", Archive({"train_32x32.mat": 100, "test_32x32.mat": 300}))
    monkeypatch.setattr(download, "_POLL_S", 0.01)
    script = tmp_path / "child.py"
    monkeypatch.setattr(download, "_fetch_command", lambda dataset, folder: [sys.executable, str(script), str(folder)])
    return script


WRITES_IN_STEPS = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
with (folder / "train_32x32.mat").open("wb") as train, (folder / "test_32x32.mat").open("wb") as test:
    for number, (file, count) in enumerate(((train, 0), (train, 50), (train, 50), (test, 300))):
        file.write(bytes(count))
        file.flush()
        deadline = time.monotonic() + 20
        while not (folder / f"seen {number}").exists():
            if time.monotonic() > deadline:
                sys.exit("nobody saw it grow")
            time.sleep(0.01)
"""


def test_progress_is_the_growth_of_the_files(tmp_path: Path, child: Path) -> None:
    child.write_text(WRITES_IN_STEPS)
    steps: list[tuple[float, str]] = []

    def progress(fraction: float, text: str) -> None:
        if (fraction, text) not in steps:
            steps.append((fraction, text))
        (tmp_path / "data" / f"seen {[0, 0.125, 0.25, 1].index(fraction)}").touch()

    download.download("svhn", tmp_path / "data", progress)
    assert steps == [
        (0.0, "asking for svhn"),
        (0.125, "downloading svhn (0 of 0 MB)"),
        (0.25, "downloading svhn (0 of 0 MB)"),
        (1.0, "checking svhn"),
        (1.0, "svhn is complete"),
    ]


def test_the_rest_of_an_interrupted_download_is_no_progress(tmp_path: Path, child: Path) -> None:
    child.write_text("")
    (tmp_path / "train_32x32.mat").write_bytes(bytes(100))
    (tmp_path / "test_32x32.mat").write_bytes(bytes(299))
    steps: list[float] = []
    download.download("svhn", tmp_path, lambda fraction, text: steps.append(fraction))
    assert set(steps) == {0.25, 1.0}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_ends_the_download(tmp_path: Path, child: Path, stop: type[BaseException]) -> None:
    child.write_text(
        "import os, pathlib, sys, time\n"
        "(pathlib.Path(sys.argv[1]) / 'pid').write_text(str(os.getpid()) + '\\n')\n"
        "time.sleep(60)\n"
    )
    pid = tmp_path / "pid"

    def interrupt(fraction: float, text: str) -> None:
        if pid.exists() and pid.read_text().endswith("\n"):
            raise stop

    with pytest.raises(stop):
        download.download("svhn", tmp_path, interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys\nsys.stderr.write('a bar\\rmore\\nsvhn: do this\\n')\nsys.exit(2)", "^svhn: do this$"),
        ("raise MemoryError('no room')", r"^the download of svhn failed \(MemoryError: no room\)$"),
        ("import os\nos.abort()", r"^the download of svhn failed \(exit code -6\)$"),
    ],
)
def test_a_download_that_fails_says_why(tmp_path: Path, child: Path, script: str, message: str) -> None:
    child.write_text(script)
    with pytest.raises(UserError, match=message):
        download.download("svhn", tmp_path)
