"""The laboratory that all sessions share."""

from __future__ import annotations

import streamlit as st

from dashboard.laboratory.tuning import Laboratory
from dashboard.ui.cached import folder_of, shared_predictor


@st.cache_resource(max_entries=1, show_spinner=False)
def laboratory() -> Laboratory:
    """The laboratory, with its runs and their training images."""
    return Laboratory(shared_predictor(), folder_of)
