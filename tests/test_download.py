from __future__ import annotations

from pathlib import Path

import fake_data as fakes
import numpy as np
import pytest

from dfs_core import data
from dfs_core.errors import UserError
from dfs_core.known import RemoteFile

IMAGES, LABELS = fakes.noise(30), np.arange(30) % 10


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteFile:
    """A packed CIFAR-10 to be fetched, at a file URL."""
    (tmp_path / "server").mkdir()
    files = fakes.write_cifar10(tmp_path / "server", IMAGES, LABELS)
    packed = fakes.pack(tmp_path / "server", tmp_path / "server" / "cifar-10-python.tar.gz")
    fakes.announce_cifar10(monkeypatch, files, packed)
    return packed


def test_a_download_ends_complete_and_reports_its_progress(tmp_path: Path, remote: RemoteFile) -> None:
    target, steps = tmp_path / "new" / "data", []
    data.download("cifar10", target, lambda fraction, text: steps.append((fraction, text)))
    fractions = [fraction for fraction, _ in steps]
    assert fractions == sorted(fractions)
    assert (fractions[-1], steps[-1][1]) == (1.0, "cifar10 is complete")
    assert len(data.load_images("cifar10", target, "test")) == 10
    assert not list(target.rglob("*.part"))
    assert not list(target.rglob("readme.html"))


def test_what_is_complete_is_not_fetched_again(tmp_path: Path, remote: RemoteFile) -> None:
    data.download("cifar10", tmp_path / "data")
    (tmp_path / "server" / remote.name).unlink()
    data.download("cifar10", tmp_path / "data")
    (tmp_path / "data" / fakes.FOLDER / "test_batch").unlink()
    data.download("cifar10", tmp_path / "data")  # the archive is still there: unpacked again, not fetched
    assert len(data.load_images("cifar10", tmp_path / "data", "test")) == 10


def test_a_damaged_download_is_thrown_away_and_said_so(tmp_path: Path, remote: RemoteFile) -> None:
    source = tmp_path / "server" / remote.name
    source.write_bytes(source.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"could not be downloaded .*arrived damaged or cut short.*: check the network"):
        data.download("cifar10", tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_no_network_is_one_clear_message(tmp_path: Path, remote: RemoteFile) -> None:
    (tmp_path / "server" / remote.name).unlink()
    with pytest.raises(
        UserError, match=rf"check the network and {tmp_path / 'data'} and try again, or put file:"
    ) as caught:
        data.download("cifar10", tmp_path / "data")
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_one_clear_message(tmp_path: Path, remote: RemoteFile) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="could not be downloaded"):
        data.download("cifar10", tmp_path / "file" / "data")


def test_only_public_sets_can_be_downloaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'fruit' cannot be downloaded: choose one of cifar10, cifar100, svhn"):
        data.download("fruit", tmp_path)
