"""Files are written whole or not at all, also when the disk is full, somebody reads them, or two write at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from threading import Thread

import pytest

from dfs_core.files import append_line, write_whole


@pytest.mark.parametrize("fails", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_whole(tmp_path / "card.json", b"old")
    monkeypatch.setattr(fails, full)
    with pytest.raises(OSError, match="No space left") as error:
        write_whole(tmp_path / "card.json", b"new")
    assert error.value.filename == str(tmp_path / "card.json")
    assert [file.name for file in tmp_path.iterdir()] == ["card.json"]
    assert (tmp_path / "card.json").read_bytes() == b"old"


def test_a_file_that_is_being_read_is_waited_for_in_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_file, refused = Path.replace, []

    def busy(path: Path, target: Path) -> Path:
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        return replace_file(path, target)

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "card.json", b"old")
    refused.clear()
    monkeypatch.setattr("sys.platform", "win32")
    write_whole(tmp_path / "card.json", b"new")
    assert (tmp_path / "card.json").read_bytes() == b"new"


def test_of_two_that_write_a_file_at_once_each_writes_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sync, others = tmp_path / "card.json", os.fsync, []

    def interrupted(file: int) -> None:
        sync(file)
        if not others:
            others.append(Thread(target=write_whole, args=(path, b"of another")))
            others[0].start()
            others[0].join()

    monkeypatch.setattr("os.fsync", interrupted)
    write_whole(path, b"of one")
    assert path.read_bytes() == b"of one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_that_cannot_be_written_names_the_file() -> None:
    with pytest.raises(OSError, match="No space left") as error:
        append_line(Path("/dev/full"), "line")
    assert error.value.filename == "/dev/full"
