"""The browser keeps talks, so that a reload or a crash loses none. Nothing of them is kept on the server."""

from __future__ import annotations

import secrets

import streamlit as st

from dashboard.export.talk import Talk
from dashboard.present import talk_file
from dashboard.ui import session_talk
from dashboard.ui.messages import plain
from dfs_core.errors import UserError

KEPT = 4  # talks of a browser, those that changed last
_SENT, _PLACE, _OFFER, _OPENED, _REFUSED = (
    "talk_kept",
    "talk_place",
    "talk_last",
    "talk_last_opened",
    "talk_last_refused",
)
_STORE = """const store = mode => new Promise((done, failed) => {
  const asked = indexedDB.open('dfs-explorer', 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore('talks');
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => done(asked.result.transaction('talks', mode).objectStore('talks'));
});
const newestFirst = talks => new Promise(done => {
  const keys = talks.getAllKeys(), found = talks.getAll();
  found.onsuccess = () =>
    done(found.result.map((one, at) => ({...one, key: keys.result[at]})).sort((a, b) => b.at - a.at));
});
"""
# A talk has a key of its own, so that it never takes the place of another. The oldest ones go, and equal ones.
_KEEP = (
    _STORE
    + """export default async function ({data}) {
  if (!data.talk) return;
  try {
    const talks = await store('readwrite');
    const others = (await newestFirst(talks)).filter(one => one.key !== data.key);
    talks.put({...data, at: Date.now()}, data.key);
    for (const [at, one] of others.entries())
      if (at >= data.most - 1 || one.talk === data.talk) talks.delete(one.key);
    await new Promise((done, failed) => {
      talks.transaction.oncomplete = done;
      talks.transaction.onabort = () => failed(talks.transaction.error);
    });
  } catch (refused) {
    const said = document.querySelector('.dfs-kept');
    if (said) said.textContent = 'This browser cannot keep the talk. Save it as a file before you leave or reload.';
  }
}"""
)
_OFFERED = (
    _STORE
    + """export default async function ({data, parentElement, setTriggerValue}) {
  const list = parentElement.querySelector('details');
  try {
    const found = (await newestFirst(await store('readonly'))).filter(one => !data.without.includes(one.key));
    list.querySelector('div').replaceChildren(...found.map(one => {
      const count = one.slides === 1 ? '1 slide' : `${one.slides} slides`;
      const when = new Date(one.at).toLocaleString();
      return Object.assign(document.createElement('button'), {
        type: 'button',
        textContent: `Open a talk of this browser: ${one.title}, ${count}, ${when}`,
        onclick: () => setTriggerValue('talk', {key: one.key, talk: one.talk}),
      });
    }));
    list.open ||= data.open;
    list.hidden = !found.length;
  } catch (refused) {}
}"""
)
_LIST = "<details hidden><summary>Talks that this browser keeps</summary><div></div></details>"
_LOOK = """div { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.5rem; }
summary { cursor: pointer; }
button { font: inherit; color: inherit; background: none; padding: 0.45rem 0.8rem; cursor: pointer;
  text-align: left; border: 1px solid color-mix(in srgb, currentColor 30%, transparent); border-radius: 6px; }
button:hover, button:focus-visible { border-color: currentColor; }"""

_keep = st.components.v2.component("dfs_keep_talk", js=_KEEP)
_offer = st.components.v2.component("dfs_kept_talks", html=_LIST, css=_LOOK, js=_OFFERED)


def keep() -> None:
    """Hand the talk to the browser, if it has changed since the last time; on every page."""
    talk, data = session_talk.current(), {}
    if talk.slides and st.session_state.get(_SENT) is not talk:
        about = {"title": talk.title, "slides": len(talk.slides)}
        data = about | {"talk": talk_file.to_json(talk), "key": _key(talk), "most": KEPT}
    st.session_state[_SENT] = talk
    with st.container(key="keep_talk"):
        _keep(key="talk_keeper", data=data)


def offer() -> None:
    """Offer to open the other talks that this browser keeps, if there are any."""
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(plain(refused), icon=":material/error:")
    talk = session_talk.current()
    without = [_key(talk), st.session_state.get(_OPENED, "")]
    _offer(key=_OFFER, data={"without": without, "open": not talk.slides}, on_talk_change=_open)


def _key(talk: Talk) -> str:
    """Where the browser keeps the talk: in a new place if no slide of it was in the talk before."""
    key, before = st.session_state.get(_PLACE, ("", Talk()))
    if not {slide.key for slide in talk.slides} & {slide.key for slide in before.slides}:
        key = secrets.token_hex(8) if talk.slides else ""
    st.session_state[_PLACE] = key, talk
    return key


def _open() -> None:
    chosen = st.session_state[_OFFER].talk
    try:  # what a browser keeps is a file as any other
        session_talk.keep(talk_file.from_json(str(chosen["talk"]).encode()))
        st.session_state[_OPENED] = str(chosen["key"])
    except UserError as error:
        st.session_state[_REFUSED] = f"The kept talk: {error}"
