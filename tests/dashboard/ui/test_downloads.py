"""A file that is made when its button is clicked is there for the browser, whatever other sessions do meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.scriptrunner import add_script_run_ctx

from dashboard.ui import downloads

NAME, MIME = "table.csv", "text/csv"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> MediaFileManager:
    manager = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(downloads.runtime, "exists", lambda: True)
    monkeypatch.setattr(downloads.runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=manager))
    return manager


def asked_for(files: MediaFileManager, keep: bool) -> str:
    """The address of a file that a session's page offers and its user asks for."""
    addresses: list[str] = []

    def page() -> None:
        def make() -> bytes:
            return b"a,b\n1,2\n"

        offered = downloads.kept(make, NAME, MIME) if keep else make
        placeholder = files.add_deferred(offered, MIME, "1.2", NAME)
        # Streamlit makes the file in a thread that belongs to no session.
        making = threading.Thread(target=lambda: addresses.append(files.execute_deferred(placeholder)))
        making.start()
        making.join()

    session = threading.Thread(target=page)
    add_script_run_ctx(session, SimpleNamespace(session_id="one"))
    session.start()
    session.join()
    return addresses[0]


def is_there(files: MediaFileManager, address: str) -> bool:
    try:
        return bool(files._storage.get_file(address.rpartition("/")[2]).content)
    except MediaFileStorageError:
        return False


@pytest.mark.parametrize("keep", [True, False])
def test_a_file_outlasts_the_runs_of_other_pages_because_it_is_kept(files: MediaFileManager, keep: bool) -> None:
    address = asked_for(files, keep)
    for _ in range(5):
        files.remove_orphaned_files()  # as when a run of any page ends
    assert is_there(files, address) == keep


def test_it_goes_with_its_session(files: MediaFileManager) -> None:
    address = asked_for(files, keep=True)
    assert is_there(files, address)
    files.clear_session_refs("one")
    for _ in range(2):
        files.remove_orphaned_files()
    assert not is_there(files, address)


def test_without_a_session_the_file_is_made_all_the_same() -> None:
    assert downloads.kept(lambda: b"bytes", NAME, MIME)() == b"bytes"
