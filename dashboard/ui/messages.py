"""Messages that all pages share: what is missing or broken, and what to do about it."""

from __future__ import annotations

import streamlit as st

from dashboard.answers.catalogue import Catalogue
from dashboard.answers.naming import plain
from dashboard.answers.pictures import is_own_key
from dashboard.ui import cached, state
from dashboard.ui.read_only import read_only
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.data.known import KNOWN, title_of
from dfs_core.errors import UserError


def problems(catalogue: Catalogue) -> None:
    """List the checkpoints that cannot be used and why; the page works without them."""
    if catalogue.problems and catalogue.cards:
        count = len(catalogue.problems)
        title = "1 checkpoint cannot be used" if count == 1 else f"{count} checkpoints cannot be used"
        with st.expander(title, icon=":material/warning:", key="problems"):
            for line in catalogue.problems:
                st.markdown(f"- {plain(line)}")
            st.caption("All others work. Copy the folder again or delete it, then reload the page.")


def no_checkpoints(catalogue: Catalogue) -> None:
    """Say that there is no checkpoint at all."""
    st.header("No checkpoints yet")
    st.markdown(
        "A checkpoint is a folder with `card.json` and `weights.safetensors`. There is none in"
        f" {plain(str(pretrained_dir()))}."
    )
    for line in catalogue.problems:
        st.error(plain(line), icon=":material/error:")
    st.markdown(
        "- The published checkpoints are in the folder `pretrained/` of the project's repository, not in the installed"
        " package. Set the environment variable `DFS_PRETRAINED_DIR` to that folder, or to any other with checkpoints,"
        " and restart the app.\n"
        "- Or train one: `python -m dfs_core train RUN --data-dir DIR --out pretrained/NAME`."
    )


def cannot_decide(error: Exception) -> None:
    """Say that the checkpoint in use cannot be loaded or cannot predict."""
    st.error(f"{plain(str(error))}. Choose another checkpoint above, or repair this one.", icon=":material/error:")


def no_image(key: str, shown: str, missing: str) -> None:
    """Say that a link names an image that is not here.

    Args:
        key: of the image, as the link has it.
        shown: name of the image that is shown instead.
        missing: name of the network's data set, if it is not on this machine; else empty.
    """
    fetch = ""
    if key.startswith("test-"):
        fetch = " Test images need their data set on this machine." if missing else " The test set has no such image."
    if missing in KNOWN and fetch and not read_only():
        fetch = f"{fetch.removesuffix('.')}; Explore can download it."
    st.warning(
        f"The link names the image '{plain(key)}', which is not here. Shown instead: {plain(shown)}.{fetch}",
        icon=":material/image_not_supported:",
    )


def image_of_the_sender(shown: str) -> None:
    """Say that a link was made with an own image of its sender, which it cannot hold; ``shown`` is what is shown."""
    st.warning(
        f"The link was made with an image of the sender's own. It is not in the link. Shown instead: {plain(shown)}.",
        icon=":material/image_not_supported:",
    )


def no_data_set(dataset: str, why: str) -> None:
    """Say that there are no test images, and offer to download them if the data set is public.

    Args:
        dataset: name of the data set.
        why: the message of the failed search.
    """
    with st.expander("Show real test images", icon=":material/download:"):
        st.caption(plain(f"There are no test images on this machine: {why}"))
        if dataset in KNOWN and st.button(
            f"Download {title_of(dataset)} into {plain(str(cached.data_dir()))}", key="download"
        ):
            _download(dataset)


def _download(dataset: str) -> None:
    bar = st.progress(0.0, f"Downloading {title_of(dataset)}")

    def report(fraction: float, text: str) -> None:
        bar.progress(min(max(fraction, 0.0), 1.0), plain(text))

    try:
        cached.fetch(dataset, report)
    except UserError as error:
        bar.empty()
        st.error(plain(str(error)), icon=":material/cloud_off:")
        st.caption("To use another folder, set DFS_DATA_DIR to one that can be written, and restart the app.")
        return
    if not is_own_key(state.current().image):
        state.change(image=None)  # test images replace the drawings
    st.rerun()
