"""The Image page's logic without a browser: its link, forcing by keyboard, film slider, dial, and what has no gates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import control, go_to, said, text_of
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import make_card, make_network

from dfs_core.checkpoints.checkpoint import save_checkpoint
from dfs_core.model.config import ModelConfig, PolicyName


def open_image(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=120)
    app.query_params.update(query)
    go_to(app, "image").run()
    assert not app.exception
    return app


def caption(app: AppTest) -> str:
    return " ".join(element.value for element in app.caption)


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path) -> AppTest:
    return open_image()


def test_the_page_opens_with_path_gates_film_and_stability_of_one_image(app):
    assert len(app.get("vega_lite_chart")) == 4
    assert "DFS ResNet-14, budget 20 %, alpha 5e-6" in text_of(app)
    assert "A dial" in caption(app), "one budget was trained, and the page says so"
    assert "tays right" in caption(app)


def test_a_gate_is_forced_several_are_and_all_are_let_go(app):
    control(app.selectbox, "gate_block").set_value(4).run()
    free = control(app.segmented_control, "gate_option")
    assert free.value == "free"
    free.set_value("full").run()
    assert "4:full" in str(app.query_params["force"])
    assert "forced" in text_of(app)
    assert "decided again" in caption(app)
    assert "In the film, all gates are free." in caption(app)
    control(app.selectbox, "gate_block").set_value(5).run()
    control(app.segmented_control, "gate_option").set_value("skip").run()
    assert "4:full,5:skip" in str(app.query_params["force"])
    control(app.toggle, "gate_hold").set_value(True).run()
    assert "held" in caption(app)
    app.button(key="force_reset").click().run()
    assert "force" not in app.query_params
    assert "hold" not in app.query_params
    assert "In the film" not in caption(app)
    assert control(app.segmented_control, "gate_option").value == "free"


def test_a_link_forces_gates_and_names_what_this_network_does_not_have(tiny_pretrained, no_data):
    app = open_image(force="3:8,9:full", block="3", image="frog", hold="1")
    assert control(app.segmented_control, "gate_option").value == "8"
    assert control(app.toggle, "gate_hold").value is True
    assert "no such gate or option: 9:full" in said(app.warning[0])
    assert control(app.selectbox, "image_shown").value == "frog"


def test_the_films_slider_moves_the_dial_and_back(app):
    slider = control(app.select_slider, "film_frame")
    assert slider.value == 20
    slider.set_value(39).run()
    assert "price" in app.query_params
    assert "not trained" in text_of(app)
    assert "100.00 %" in text_of(app), "compute that is paid for is used"
    control(app.select_slider, "film_frame").set_value(20).run()
    assert "price" not in app.query_params
    assert "not trained)" not in text_of(app)


def test_a_network_without_gates_says_so_in_words_of_its_own_and_its_blocks_can_be_forced(
    tmp_path, no_data, monkeypatch
):
    config = ModelConfig(depth=14, options="lowbit", policy="constant", constant=("4",) * 5)
    save_checkpoint(tmp_path / "static", make_network(config), make_card("static", "static", config))
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    app = open_image()
    assert "no gates" in caption(app)
    assert "no gate film" in caption(app)
    assert not any("board" in element.value or "are free" in element.value for element in app.caption)
    assert not any("Gate film" in element.value for element in app.markdown)
    assert control(app.selectbox, "gate_block").label == "Block"
    assert not app.toggle
    choice = control(app.segmented_control, "gate_option")
    assert "as trained" in choice.options
    choice.set_value("skip").run()
    assert not app.exception
    assert "blocks changed" in text_of(app)
    assert "as trained" in text_of(app)
    assert "other blocks stay as they are" in caption(app)


PRICES = ((0.02, 40.0), (0.2, 8.0), (2.0, 0.5))


def only(folder: Path, method: str, policy: PolicyName, monkeypatch: pytest.MonkeyPatch) -> None:
    """One checkpoint for every budget, decided by this policy, in force."""
    config = ModelConfig(depth=14, options="lowbit", policy=policy, prices=PRICES)
    card = make_card("only", method, config, budget_range=config.budget_range)
    save_checkpoint(folder / "only", make_network(config), card)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(folder))


def test_a_static_mix_has_no_gates_that_could_be_close_free_or_decide_again(tmp_path, no_data, monkeypatch):
    only(tmp_path, "mixed", "table", monkeypatch)
    app = open_image(budget="8", force="4:8", block="4")
    assert "no gates" in caption(app)
    assert control(app.selectbox, "gate_block").label == "Block"
    assert "as trained" in control(app.segmented_control, "gate_option").options
    assert not app.toggle
    assert "other blocks stay as they are" in caption(app)
    assert "In the film, no block is forced." in caption(app)
    assert not re.search(r"near ties|gates are free|decided again|gate's probability|gates? changed", text_of(app))
    assert len(app.get("vega_lite_chart")) == 3, "path, film and stability"
    assert not any(re.search(r"\bgates?\b", chart.proto.alt) for chart in app.get("vega_lite_chart"))


def test_of_a_network_that_decides_once_no_gate_decides_again(tmp_path, no_data, monkeypatch):
    only(tmp_path, "blockdrop", "one-shot", monkeypatch)
    app = open_image(budget="8", force="4:8", block="4", hold="1")
    assert "decides once, from the first block's output" in caption(app)
    assert "decided again" not in caption(app)
    assert "held" not in caption(app)
    assert not app.toggle
    assert len(app.get("vega_lite_chart")) == 4


def test_where_a_network_has_one_option_there_is_nothing_to_force(tiny_pretrained, no_data):
    app = open_image(checkpoint="tiny-backbone")
    assert "no gates" in caption(app)
    assert not any(box.key.startswith("gate_block") for box in app.selectbox)
    assert len(app.get("vega_lite_chart")) == 2


def test_a_change_too_small_to_show_has_no_sign(tiny_pretrained, no_data):
    app = open_image(image="frog", force="2:8", checkpoint="tiny-dfs-20")
    (line,) = re.findall(r"<th scope='row'>change</th>(.*?)</tr>", text_of(app))
    figures = re.findall(r"<td>([^<]*\d)</td>", line)
    assert len(figures) == 2
    assert all(re.fullmatch(r"0\.0+|[+\N{MINUS SIGN}](?!0\.0+$)\d+\.\d+", figure) for figure in figures), line


def test_of_a_network_for_every_budget_the_films_slider_is_the_budget(tmp_path, no_data, monkeypatch):
    config = ModelConfig(depth=14, options="lowbit", policy="utility", prices=((0.02, 40.0), (0.2, 8.0), (2.0, 0.5)))
    card = make_card("every", "every-budget", config, budget_range=config.budget_range)
    save_checkpoint(tmp_path / "every", make_network(config), card)
    monkeypatch.setenv("DFS_PRETRAINED_DIR", str(tmp_path))
    app = open_image(budget="8")
    assert "A dial" not in caption(app)
    slider = control(app.select_slider, "film_frame")
    assert re.fullmatch(r"Budget: 8 % in use, nearest frame of the film [78]\.\d+ %", slider.label)
    assert slider.options[0] == "0.5 %"
    slider.set_value(0).run()
    assert not app.exception
    assert "0.5" in str(app.query_params["budget"])
    assert "budget 0.5 %" in text_of(app)
    assert control(app.select_slider, "film_frame").label == "Budget"


def test_the_image_in_focus_is_kept_between_pages(app):
    control(app.selectbox, "image_shown").set_value("frog").run()
    go_to(app, "explore").run()
    assert control(app.selectbox, "focus").value == "frog"
    other = control(app.selectbox, "focus").options[0].partition(". ")[2]
    assert other != "frog"
    control(app.selectbox, "focus").set_value(other).run()
    go_to(app, "image").run()
    assert control(app.selectbox, "image_shown").value == other


@pytest.mark.parametrize("checkpoint", ["tiny-dfs-20", "tiny-backbone"])
def test_a_forced_option_that_this_network_does_not_have_can_be_taken_back(tiny_pretrained, no_data, checkpoint):
    app = open_image(force="3:4", image="frog", checkpoint=checkpoint)
    assert "no such gate or option: 3:4" in said(app.warning[0])
    app.button(key="force_reset").click().run()
    assert not app.exception
    assert not app.warning
    assert "force" not in app.query_params
