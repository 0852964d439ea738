"""The user's own pictures, from uploads and the camera. They stay in the browser's memory here, and never leave it.

Streamlit empties an uploader when another page opens, and with a reload. So the pictures are kept under the files' ids,
with what the user said of them; a file that the user removes from the uploader is removed here too. Reasons for refused
files are kept separately, and only until another page opens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.answers.naming import counted
from dashboard.answers.pictures import OWN_IMAGE, Origin, Picture
from dashboard.ui import browser_memory, cached, state
from dfs_core.data.images import FORMATS

UPLOADER, CAMERA = "uploads", "camera"
MOST = 64  # files of one session, about 15 MB; the oldest are dropped
_REFUSED, _WHERE = "own_refused", "own_uploader_on"
_KEPT, _TOLD, _CROPS = "pictures", "told", "crops"  # in the browser's memory
_TOO_MANY = "too many"  # key of that message among the refused files' ids


def uploader() -> None:
    """Draw the uploader, and a button that removes what was uploaded on another page."""
    where = state.current().path
    elsewhere = where != st.session_state.get(_WHERE)  # each page has a new uploader, though with the same key
    st.session_state[_WHERE] = where
    new = elsewhere or UPLOADER not in st.session_state
    if new:
        _refused().clear()
    files = st.file_uploader(
        f"Your own images: {FORMATS}, several at once",
        type=None,  # Streamlit's own filter gives no reason; open_image does
        accept_multiple_files=True,
        key=UPLOADER,
        label_visibility="collapsed",
        width=430,
        on_change=focus_own,
        args=(UPLOADER,),
    )
    _take(files, UPLOADER, "upload", new)
    photo = st.session_state.get(CAMERA)  # the camera is drawn further down; this is its value at the start of the run
    _take([photo] if photo else [], CAMERA, "camera", elsewhere or CAMERA not in st.session_state)
    listed, kept = _listed(UPLOADER) | _listed(CAMERA), _kept()
    earlier = [file_id for file_id in kept if file_id not in listed]
    if leaving := {kept[file_id].key for file_id in earlier} - {p.key for i, p in kept.items() if i in listed}:
        st.button(
            f"Remove {counted(len(leaving), 'earlier image')}",
            icon=":material/delete:",
            help="Remove the images that you uploaded earlier",
            key="remove_own",
            type="tertiary",
            on_click=_forget,
            args=(earlier,),
        )
    if kept:
        browser_memory.survive_reload()


def focus_own(widget: str) -> None:
    """Put the user's own pictures in focus when a widget gets some; a callback."""
    state.change(image=OWN_IMAGE if st.session_state[widget] else None, note="")


def tell(key: str, truth: str | None, classes: Sequence[str]) -> None:
    """Keep what the user says that a picture shows; a callback.

    Args:
        key: of the picture.
        truth: one of the classes, empty for none of them, or None to say nothing.
        classes: of the network in use.
    """
    told = _memory(_TOLD)
    told.pop(key, None)
    if truth is not None:
        told[key] = (truth, tuple(classes))


def crop(key: str, position: float) -> None:
    """Keep which square of a picture the network sees; a callback. The position is that of ``to_model_input``."""
    _memory(_CROPS)[key] = position


def remove(key: str) -> None:
    """Remove one picture, on whichever page it was given; a callback."""
    _forget([file_id for file_id, picture in _kept().items() if picture.key == key])
    for name in (_TOLD, _CROPS):
        _memory(name).pop(key, None)
    state.change(image=OWN_IMAGE if _kept() else None)


def pictures(classes: Sequence[str] = ()) -> list[Picture]:
    """The user's own pictures, newest first, each file once and under a name of its own, as the user wants them seen.

    ``classes`` are those of the network in use: a picture of none of them is of none of these only.
    """
    found: dict[str, Picture] = {}
    names: Counter[str] = Counter()
    for picture in _kept().values():
        if picture.key in found:
            continue
        names[picture.name] += 1
        again = f" ({names[picture.name]})" if names[picture.name] > 1 else ""
        truth, among = _memory(_TOLD).get(picture.key, (None, ()))
        found[picture.key] = replace(
            picture.cropped(_memory(_CROPS).get(picture.key, picture.crop)),
            name=picture.name + again,
            truth=truth or None,
            foreign=truth == "" and among == tuple(classes),
        )
    return list(found.values())


def refused() -> list[str]:
    """Messages about refused files and about dropped ones, each once."""
    return list(dict.fromkeys(line for line in _refused().values() if line))


def close_refused() -> None:
    """Dismiss the messages about refused files; a callback."""
    _refused().update(dict.fromkeys(_refused(), ""))


def _take(files: Sequence[UploadedFile], widget: str, origin: Origin, new: bool) -> None:
    """Keep the files that a widget holds, and forget those that it held in the last run and no longer holds."""
    kept, before = _kept(), set() if new else _listed(widget)
    now = {file.file_id for file in files}
    _forget(before - now)
    new_ones = {}
    for file in files:
        if file.file_id not in kept and file.file_id not in before:
            made = cached.upload(file, origin)
            if isinstance(made, str):
                _refused()[file.file_id] = made
            else:
                new_ones[file.file_id] = made
    if new_ones:  # what is new comes first; at once, because another tab of the browser may read them meanwhile
        _set_kept(new_ones | _kept())
    if gone := list(_kept())[MOST:]:
        _forget(gone)
        _refused()[_TOO_MANY] = (
            f"at most {MOST} of your images are kept: {counted(len(gone), 'image')} removed, the oldest first"
        )
    st.session_state[f"own_listed_{widget}"] = now


def _kept() -> dict[str, Picture]:
    """File id -> picture, the newest first. It is replaced and never changed: tabs of one browser share it."""
    return _memory(_KEPT)


def _set_kept(pictures: dict[str, Picture]) -> None:
    browser_memory.memory()[_KEPT] = pictures


def _memory(name: str) -> dict[str, Any]:
    """A part of the browser's memory."""
    part: dict[str, Any] = browser_memory.memory().setdefault(name, {})
    return part


def _refused() -> dict[str, str]:
    """File id -> why the file was refused; empty once the user closed the message."""
    found: dict[str, str] = st.session_state.setdefault(_REFUSED, {})
    return found


def _listed(widget: str) -> set[str]:
    """Ids of the files that a widget held in the last run."""
    listed: set[str] = st.session_state.get(f"own_listed_{widget}", set())
    return listed


def _forget(file_ids: Sequence[str] | set[str]) -> None:
    for file_id in file_ids:
        _refused().pop(file_id, None)
    if _kept().keys() & set(file_ids):
        _set_kept({file_id: picture for file_id, picture in _kept().items() if file_id not in file_ids})
