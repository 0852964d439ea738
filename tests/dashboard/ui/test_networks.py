"""Families of networks that always cost the same: which one is chosen in the place of budget and alpha."""

from __future__ import annotations

import pytest
from pages import control, text_of
from places import APP
from streamlit.testing.v1 import AppTest

NAMES = [name for bits in (2, 3, 4, 8) for name in (f"{bits} bits, ungated parts 8 bits", f"{bits} bits")]


@pytest.mark.parametrize(
    ("checkpoint", "names", "leads_to"),
    [
        ("static4-resnet38-cifar10", NAMES, "static8-resnet38-cifar10"),
        ("static2-resnet38-cifar10", NAMES, "static3-resnet38-cifar10"),
    ],
)
def test_a_network_of_another_width_is_chosen_by_name(no_data, checkpoint, names, leads_to):
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params["checkpoint"] = checkpoint
    app.run()
    networks = control(app.segmented_control, "run")
    assert [option.content for option in networks.proto.options] == names
    assert not [slider for slider in app.select_slider if slider.key.startswith(("budget", "alpha"))]
    networks.set_value(leads_to).run()
    assert not app.exception
    assert app.query_params["checkpoint"] == leads_to
    assert f"<code>{leads_to}</code>" in text_of(app)


def test_the_head_says_from_which_backbone_a_checkpoint_was_made(no_data):
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.query_params["checkpoint"] = "dfs-resnet38-cifar10-b20"
    app.run()
    assert "from the backbone <code>resnet38-cifar10</code> (accuracy 93.61 %)" in text_of(app)
