"""Checkpoints from elsewhere: import a file, or name a folder. Only on the machine that the app runs on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import streamlit as st

from dashboard.answers import places
from dashboard.runs.importing import import_file
from dashboard.ui import cached
from dashboard.ui.address import on_this_machine
from dashboard.ui.messages import plain
from dashboard.ui.read_only import read_only
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.locate import CARD_FILE, reason, runs_dir
from dfs_core.data.known import KNOWN, title_of
from dfs_core.errors import UserError
from dfs_core.files import at_home, is_folder

FILE, OPTIONS, DATASET = "import_file", "import_options", "import_dataset"
FOLDER, SAID = "named_folder", "import_said"


def bring_in() -> None:
    """Draw the importer and the field for a folder; say so where only the machine itself may do that."""
    st.markdown("## Checkpoints from elsewhere")
    if read_only():
        st.info("The app is read-only: no checkpoint can be imported and no folder named.")
        return
    if not on_this_machine():
        st.info("Only a browser on the machine of the app may import checkpoints or name a folder.")
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.file_uploader(
            "A checkpoint's folder as .zip, or a .pth.tar of the public DFS code",
            help="Larger files: name their folder at the right, or use `dfs import-reference FILE`.",
            type=None,
            key=FILE,
            max_upload_size=25,
        )
        st.selectbox(
            "Data set of a .pth.tar",
            ["", *KNOWN],
            key=DATASET,
            format_func=lambda name: title_of(name) if name else "By its number of classes",
            help="Such a file does not say what it was trained on. The data set gives the names of the classes and the"
            " colours that the network expects.",
        )
        st.text_input(
            "Its option set, if the import asks for it", key=OPTIONS, placeholder="skip,4,8,full", max_chars=100
        )
        st.button("Import", key="import_start", icon=":material/upload:", on_click=_import)
    with right:
        named = cached.named_folders()
        st.text_input("Another folder with checkpoints", named[0] if named else "", key=FOLDER, on_change=_name)
        st.caption(
            f"Checkpoints in it and in {plain(str(runs_dir()))} appear on all pages, each with its place."
            " The app remembers the folder."
        )
    if said := st.session_state.pop(SAID, ""):
        st.markdown(said)


def _import() -> None:
    file = st.session_state.get(FILE)
    if file is None:
        st.session_state[SAID] = ":material/error: Choose a file first."
        return
    try:
        made = _import_from_memory(Path(file.name).name, file.getvalue())
        card = read_card(made / CARD_FILE)
        of = "" if card.commit != "unknown" else f" {plain(card.notes)}"
        st.session_state[SAID] = f":material/check: Imported as {plain(made.name)} into {plain(str(made.parent))}.{of}"
    except UserError as error:
        st.session_state[SAID] = f":material/error: {plain(str(error))}"


def _import_from_memory(name: str, data: bytes) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            return import_file(path, st.session_state.get(OPTIONS, "").strip(), st.session_state.get(DATASET, ""))
        except UserError as error:
            raise UserError(str(error).replace(f"{folder}{os.sep}", "")) from None  # a folder that nobody knows
        except OSError as error:
            raise UserError(f"{runs_dir()} cannot be written: {reason(error)}") from None


def _name() -> None:
    text, named = st.session_state[FOLDER].strip(), cached.named_folders()
    try:
        folder = at_home(text)
    except UserError as error:
        st.session_state[SAID] = f":material/error: {plain(str(error))}"
        return
    if text and not is_folder(folder):
        st.session_state[SAID] = f":material/error: There is no folder {plain(text)}."
        return
    named[:] = [str(folder.resolve())] if text else []
    places.name_folder(folder.resolve() if text else None)
