"""One's own pictures: uploads and the camera's. They stay for the session, whatever page is open, and never leave it.

Streamlit forgets what an uploader holds as soon as another page is shown. So the pictures made of the files are kept in
the session under the files' ids; what a user takes out of the uploader is taken out here as well. Files that cannot be
used are kept apart, for the page on which they were given alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.answers.pictures import Origin, Picture
from dashboard.ui import cached, state
from dfs_core.data.images import FORMATS

UPLOADER, CAMERA = "uploads", "camera"
MOST = 64  # files of one session, some 5 MB; the oldest give way
_KEPT, _REFUSED, _WHERE = "own_kept", "own_refused", "own_uploader_on"
_TOO_MANY = "too many"  # stands among the refused files' ids


def uploader() -> None:
    """Draw the uploader, and a button that takes away what was uploaded before another page was open."""
    where = state.current().path
    elsewhere = where != st.session_state.get(_WHERE)  # a page's uploader is a new one, though of the same name
    st.session_state[_WHERE] = where
    new = elsewhere or UPLOADER not in st.session_state
    if new:
        _refused().clear()
    files = st.file_uploader(
        f"Your own images: {FORMATS}, several at once",
        type=None,  # Streamlit's own filter refuses without a word; open_image says why
        accept_multiple_files=True,
        key=UPLOADER,
        label_visibility="collapsed",
        width=430,
    )
    _take(files, UPLOADER, "upload", new)
    photo = st.session_state.get(CAMERA)  # drawn further down, so this is what it held when the run began
    _take([photo] if photo else [], CAMERA, "camera", elsewhere or CAMERA not in st.session_state)
    listed = _listed(UPLOADER) | _listed(CAMERA)
    earlier = [file_id for file_id in _kept() if file_id not in listed]
    if leaving := {_kept()[file_id].key for file_id in earlier} - {p.key for i, p in _kept().items() if i in listed}:
        st.button(
            f"Remove {len(leaving)}",
            icon=":material/delete:",
            help="Take away the images that you gave before",
            key="remove_own",
            type="tertiary",
            on_click=_forget,
            args=(earlier,),
        )


def pictures() -> list[Picture]:
    """One's own pictures in the order in which they came; the same file twice is one of them, and names differ."""
    found: dict[str, Picture] = {}
    names: Counter[str] = Counter()
    for picture in _kept().values():
        if picture.key in found:
            continue
        names[picture.name] += 1
        again = f" ({names[picture.name]})" if names[picture.name] > 1 else ""
        found[picture.key] = replace(picture, name=picture.name + again)
    return list(found.values())


def refused() -> list[str]:
    """What is to be said of files that cannot be used, each once, and of those that were too many."""
    return list(dict.fromkeys(line for line in _refused().values() if line))


def close_refused() -> None:
    """Say no more of the files that were refused so far; for callbacks."""
    _refused().update(dict.fromkeys(_refused(), ""))


def _take(files: Sequence[UploadedFile], widget: str, origin: Origin, new: bool) -> None:
    """Keep what a widget holds, and forget what it held a moment ago and holds no more."""
    kept, before = _kept(), set() if new else _listed(widget)
    now = {file.file_id for file in files}
    _forget(before - now)
    for file in files:
        if file.file_id not in kept and file.file_id not in before:
            made = cached.upload(file, origin)
            if isinstance(made, str):
                _refused()[file.file_id] = made
            else:
                kept[file.file_id] = made
    if gone := list(kept)[:-MOST]:
        _forget(gone)
        _refused()[_TOO_MANY] = f"{len(gone)} of your images gave way: {MOST} are kept at a time"
    st.session_state[f"own_listed_{widget}"] = now


def _kept() -> dict[str, Picture]:
    """File id -> picture."""
    kept: dict[str, Picture] = st.session_state.setdefault(_KEPT, {})
    return kept


def _refused() -> dict[str, str]:
    """File id -> why the file cannot be a picture; empty once that was closed."""
    found: dict[str, str] = st.session_state.setdefault(_REFUSED, {})
    return found


def _listed(widget: str) -> set[str]:
    """Ids of the files that a widget held when it was last drawn."""
    listed: set[str] = st.session_state.get(f"own_listed_{widget}", set())
    return listed


def _forget(file_ids: Sequence[str] | set[str]) -> None:
    for file_id in file_ids:
        _kept().pop(file_id, None)
        _refused().pop(file_id, None)
