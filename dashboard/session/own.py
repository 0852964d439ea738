"""One's own pictures: uploads and the camera's. They stay for the session, whatever page is open, and never leave it.

Streamlit forgets what an uploader holds as soon as another page is shown. So the pictures made of the files are kept in
the session under the files' ids; what a user takes out of the uploader is taken out here as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.session import cached
from dashboard.sources.pictures import Origin, Picture

UPLOADER, CAMERA = "uploads", "camera"
MOST = 64  # files of one session, some 5 MB; the oldest give way
_KEPT = "own_kept"


def uploader() -> None:
    """Draw the uploader, and a button that takes away what was uploaded before another page was open."""
    new = UPLOADER not in st.session_state
    files = st.file_uploader(
        "Your own images: JPEG, PNG or WebP, several at once",
        type=["jpg", "jpeg", "png", "webp"],
        accept_multiple_files=True,
        key=UPLOADER,
        label_visibility="collapsed",
        width=430,
    )
    _take(files, UPLOADER, "upload", new)
    photo = st.session_state.get(CAMERA)  # drawn further down, so this is what it held when the run began
    _take([photo] if photo else [], CAMERA, "camera", CAMERA not in st.session_state)
    earlier = [file_id for file_id in _kept() if file_id not in _listed(UPLOADER) | _listed(CAMERA)]
    if earlier:
        st.button(
            f"Remove {len(earlier)}",
            icon=":material/delete:",
            help="Take away the images that you gave before",
            key="remove_own",
            type="tertiary",
            on_click=_forget,
            args=(earlier,),
        )


def pictures() -> list[Picture]:
    """One's own pictures in the order in which they came; the same file twice is two pictures, and names differ."""
    found: dict[str, Picture] = {}
    names: Counter[str] = Counter()
    for picture in _kept().values():
        if isinstance(picture, str):
            continue
        copies = sum(key.startswith(picture.key) for key in found)
        key = f"{picture.key}-{copies + 1}" if copies else picture.key
        names[picture.name] += 1
        again = f" ({names[picture.name]})" if names[picture.name] > 1 else ""
        found[key] = replace(picture, key=key, name=picture.name + again)
    return list(found.values())


def refused() -> list[str]:
    """A line for each file that cannot be used, and one if there are too many."""
    lines = [picture for picture in _kept().values() if isinstance(picture, str)]
    dropped = len(_listed(UPLOADER) - _kept().keys())
    return lines + [f"{dropped} of your images gave way: {MOST} are kept at a time."] * bool(dropped)


def _take(files: Sequence[UploadedFile], widget: str, origin: Origin, new: bool) -> None:
    """Keep what a widget holds, and forget what it held a moment ago and holds no more."""
    kept, before = _kept(), set() if new else _listed(widget)
    now = {file.file_id for file in files}
    _forget(before - now)
    for file in files:
        if file.file_id not in kept and file.file_id not in before:
            kept[file.file_id] = cached.upload(file, origin)
    _forget(list(kept)[:-MOST])
    st.session_state[f"own_listed_{widget}"] = now


def _kept() -> dict[str, Picture | str]:
    """File id -> picture, or why the file cannot be one."""
    kept: dict[str, Picture | str] = st.session_state.setdefault(_KEPT, {})
    return kept


def _listed(widget: str) -> set[str]:
    """Ids of the files that a widget held when it was last drawn."""
    listed: set[str] = st.session_state.get(f"own_listed_{widget}", set())
    return listed


def _forget(file_ids: Sequence[str] | set[str]) -> None:
    for file_id in file_ids:
        _kept().pop(file_id, None)
