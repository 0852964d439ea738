"""What the browser is asked to keep of talks: no talk takes the place of another that this session did not make."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from exhibits import INSIDE, exhibit
from pages import go_to, opened

from dashboard.export.talk import Slide, Talk
from dashboard.present import autosave_panel, talk_file

BROWSER = """
const kept = new Map(Object.entries(JSON.parse(process.argv[2])));
const later = (result, request = {}) => {
  setTimeout(() => request.onsuccess?.({target: request}));
  return Object.assign(request, {result});
};
const sorted = () => [...kept.keys()].sort();
const transaction = {};
setTimeout(() => transaction.oncomplete?.(), 50);
const talks = {
  transaction,
  getAllKeys: () => later(sorted()),
  getAll: () => later(sorted().map(key => kept.get(key))),
  put: (value, key) => later(kept.set(key, value)),
  delete: key => later(kept.delete(key)),
};
globalThis.indexedDB = {open: () => later({transaction: () => ({objectStore: () => talks})})};
globalThis.document = {
  querySelector: () => null,
  createElement: () => ({}),
};
const shown = [], list = {querySelector: () => ({replaceChildren: (...all) => shown.push(...all)})};
const parentElement = {querySelector: () => list};
const chosen = [];
const {default: run} = await import(`data:text/javascript,${encodeURIComponent(process.argv[1])}`);
await run({data: JSON.parse(process.argv[3]), parentElement, setTriggerValue: (_, value) => chosen.push(value)});
shown.at(-1)?.onclick();
const texts = shown.map(one => one.textContent);
console.log(JSON.stringify({kept: Object.fromEntries(kept), texts, chosen, open: !!list.open, hidden: list.hidden}));
"""


def in_browser(script: str, kept: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """Run a component's script in Node beside a store that holds ``kept``."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    asked = [node, "--input-type=module", "-e", BROWSER, script, json.dumps(kept), json.dumps(data)]
    return json.loads(subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout)


def record(talk: str, at: int) -> dict[str, Any]:
    return {"talk": talk, "title": talk.upper(), "slides": at, "at": at}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tiny_pretrained: Path, no_data: Path) -> list[dict[str, Any]]:
    """What runs hand to the browser to keep, without those that hand nothing."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(autosave_panel, "_keep", lambda key, data: data and found.append(data))
    return found


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What runs ask the browser to offer."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(autosave_panel, "_offer", lambda key, data, on_talk_change: found.append(data))
    return found


def test_each_session_has_a_place_of_its_own_and_keeps_it(sent: list[dict[str, Any]]):
    one, other = opened(), opened()
    assert not sent, "there is nothing to keep"
    one.button(key="strip_add").click().run()
    one.button(key="curve_add").click().run()
    other.button(key="strip_add").click().run()
    assert [data["slides"] for data in sent] == [1, 2, 1]
    first, second, third = (data["key"] for data in sent)
    assert first == second != third
    assert Talk(sent[1]["title"]) == Talk()
    one.run()
    assert len(sent) == 3, "nothing has changed"


def test_a_talk_that_takes_the_place_of_another_has_a_new_one(sent: list[dict[str, Any]]):
    app = opened()
    app.button(key="strip_add").click().run()
    go_to(app, "present").run().button(key="talk_clear").click().run()
    app.button(key="talk_make").click().run()
    app.button(key="slide_Remove_0").click().run()
    cleared, made, shorter = (data["key"] for data in sent)
    assert cleared != made == shorter


def test_the_other_talks_are_offered_also_beside_one(sent: list[dict[str, Any]], offered: list[dict[str, Any]]):
    app = opened("present")
    assert offered[-1] == {"without": ["", ""], "open": True}
    app.button(key="talk_make").click().run()
    assert offered[-1] == {"without": [sent[-1]["key"], ""], "open": False}


def test_a_kept_talk_is_opened_or_refused_in_one_line(
    sent: list[dict[str, Any]], offered: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    session: dict[str, Any] = {}
    monkeypatch.setattr("dashboard.ui.session_talk.st.session_state", session)
    kept = Talk("Kept", (Slide.of(exhibit(title="one", stamp=INSIDE)),))
    session[autosave_panel._OFFER] = SimpleNamespace(talk={"key": "k", "talk": talk_file.to_json(kept)})
    autosave_panel._open()
    assert session["talk"].talk == kept
    session[autosave_panel._OFFER] = SimpleNamespace(talk={"key": "l", "talk": "{}"})
    autosave_panel._open()
    assert session["talk"].talk == kept
    said: list[str] = []
    monkeypatch.setattr("dashboard.present.autosave_panel.st.error", lambda text, icon: said.append(text))
    autosave_panel.offer()
    assert offered[-1]["without"][1] == "k"
    assert len(said) == 1
    assert "The kept talk: this is not a talk" in said[0].replace("\\", "")


def test_a_browser_keeps_a_talk_beside_the_others_and_lets_the_oldest_go():
    kept = {"last": record("old", 1), "a": record("a", 2), "b": record("b", 3), "c": record("c", 4)}
    data = record("new", 1) | {"key": "d", "most": 4}
    after = in_browser(autosave_panel._KEEP, {"last": kept["last"]}, data)["kept"]
    assert {key: one["talk"] for key, one in after.items()} == {"last": "old", "d": "new"}
    assert set(in_browser(autosave_panel._KEEP, kept, data)["kept"]) == {"a", "b", "c", "d"}
    again = in_browser(autosave_panel._KEEP, kept, data | {"key": "a"})["kept"]
    assert {key: one["talk"] for key, one in again.items()} == {"last": "old", "a": "new", "b": "b", "c": "c"}
    opened_again = in_browser(autosave_panel._KEEP, kept, data | {"talk": "b"})["kept"]
    assert set(opened_again) == {"a", "c", "d"}, "equal ones once, and of the others three"
    assert in_browser(autosave_panel._KEEP, kept, {})["kept"] == kept


def test_a_browser_offers_the_other_talks_newest_first():
    kept = {"last": record("old", 1), "mine": record("mine", 2), "b": record("b", 3)}
    found = in_browser(autosave_panel._OFFERED, kept, {"without": ["mine", ""], "open": False})
    assert [text.rpartition(", ")[0].partition(", 1/")[0] for text in found["texts"]] == [
        "Open a talk of this browser: B, 3 slides",
        "Open a talk of this browser: OLD, 1 slide",
    ]
    assert found["chosen"] == [{"key": "last", "talk": "old"}]
    assert (found["open"], found["hidden"]) == (False, False)
    assert in_browser(autosave_panel._OFFERED, {}, {"without": [""], "open": True})["hidden"]
