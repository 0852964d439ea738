"""What is missing or broken, in words, and what to do about it; the same on every page."""

from __future__ import annotations

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import plain
from dashboard.answers.pictures import OWN_KEYS
from dashboard.ui import cached, state
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.data.known import KNOWN
from dfs_core.errors import UserError


def problems(catalogue: Catalogue) -> None:
    """What is wrong with checkpoints that cannot be used; the page goes on without them."""
    if catalogue.problems and catalogue.cards:
        count = len(catalogue.problems)
        title = "1 checkpoint cannot be used" if count == 1 else f"{count} checkpoints cannot be used"
        with st.expander(title, icon=":material/warning:", key="problems"):
            for line in catalogue.problems:
                st.markdown(f"- {plain(line)}")
            st.caption("The others work. Copy the folder again, or delete it, and reload the page.")


def no_checkpoints(catalogue: Catalogue) -> None:
    """There is no checkpoint at all."""
    st.header("No checkpoints yet")
    st.markdown(
        "A checkpoint is a folder with `card.json` and `weights.safetensors`. There is none in"
        f" {plain(str(pretrained_dir()))}."
    )
    for line in catalogue.problems:
        st.error(plain(line), icon=":material/error:")
    st.markdown(
        "- The published checkpoints lie in `pretrained/` of the project's repository, not in the installed package."
        " Let the environment variable `DFS_PRETRAINED_DIR` name that folder, or any other that holds checkpoints,"
        " and start the app again.\n"
        "- Or train one: `python -m dfs_core train CONFIG --data-dir DIR --out pretrained/NAME`."
    )


def cannot_decide(error: Exception) -> None:
    """The checkpoint in use cannot be loaded or asked."""
    st.error(f"{plain(str(error))}. Choose another checkpoint above, or mend this one.", icon=":material/error:")


def no_image(key: str, shown: str) -> None:
    """A link names an image that is not here.

    Args:
        key: of the image, as the link has it.
        shown: name of the one that is shown in its place.
    """
    fetch = " Test images need their data set on this machine: Explore can fetch it." if key.startswith("test-") else ""
    st.warning(
        f"The link names '{plain(key)}', and there is no such image here. Shown instead: {plain(shown)}.{fetch}",
        icon=":material/image_not_supported:",
    )


def no_data_set(dataset: str, why: str) -> None:
    """There are no test images of a data set; offer to fetch them where that can be done.

    Args:
        dataset: its name.
        why: what was said when they were looked for.
    """
    with st.expander("Show real test images", icon=":material/download:"):
        st.caption(plain(f"There are no test images on this machine: {why}"))
        if dataset in KNOWN and st.button(f"Download {dataset} into {plain(str(cached.data_dir()))}", key="download"):
            _download(dataset)


def _download(dataset: str) -> None:
    bar = st.progress(0.0, f"Downloading {dataset}")

    def report(fraction: float, text: str) -> None:
        bar.progress(min(max(fraction, 0.0), 1.0), plain(text))

    try:
        cached.fetch(dataset, report)
    except UserError as error:
        bar.empty()
        st.error(plain(str(error)), icon=":material/cloud_off:")
        st.caption("Another folder: set DFS_DATA_DIR to one that can be written, and start the app again.")
        return
    if not (state.current().image or "").startswith(OWN_KEYS):
        state.change(image=None)  # the drawings give way to the test images
    st.rerun()
