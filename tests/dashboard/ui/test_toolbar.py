"""The export menu under every chart opens, whatever the checkpoint is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import go_to
from places import APP
from streamlit.testing.v1 import AppTest

from dashboard.export import formats
from dashboard.ui import toolbar


@pytest.mark.parametrize("name", ["compare", "explore", "image", "testset"])
def test_every_export_menu_of_the_published_checkpoint_opens(no_data: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    menus: list[str] = []
    draw = toolbar.toolbar
    monkeypatch.setattr(toolbar, "toolbar", lambda view, on_row=None: (menus.append(f"{view.key}_export"), draw(view)))
    app = AppTest.from_file(str(APP), default_timeout=300)
    go_to(app, name).run()
    for menu in dict.fromkeys(menus):
        app.session_state[menu] = True
    app.run()
    assert not app.exception, name
    assert menus
    keys = {button.key for button in app.get("download_button")}
    views = {menu.removesuffix("_export") for menu in menus}
    assert {f"{view}_{kind}" for view in views for kind in formats.FIGURE_KINDS} <= keys
