"""The browser keeps the talk, so that a reload or a crash loses none of it. Nothing of it is kept on the server."""

from __future__ import annotations

import streamlit as st

from dashboard.present import talk_file
from dashboard.ui import session_talk
from dashboard.ui.messages import plain
from dfs_core.errors import UserError

_SENT, _OFFER, _REFUSED = "talk_kept", "talk_last", "talk_last_refused"
_STORE = """const store = mode => new Promise((done, failed) => {
  const asked = indexedDB.open('dfs-explorer', 1);
  asked.onupgradeneeded = () => asked.result.createObjectStore('talks');
  asked.onerror = () => failed(asked.error);
  asked.onsuccess = () => done(asked.result.transaction('talks', mode).objectStore('talks'));
});
"""
_KEEP = (
    _STORE
    + """export default async function ({data}) {
  if (!data.talk) return;
  try {
    (await store('readwrite')).put({...data, at: Date.now()}, 'last');
  } catch (refused) {
    const said = document.querySelector('.dfs-kept');
    if (said) said.textContent = 'This browser cannot keep the talk. Save it as a file before you leave or reload.';
  }
}"""
)
_LAST = (
    _STORE
    + """export default async function ({parentElement, setTriggerValue}) {
  const button = parentElement.querySelector('button');
  try {
    const asked = (await store('readonly')).get('last');
    asked.onsuccess = () => {
      const last = asked.result;
      if (!last) return;
      const count = last.slides === 1 ? '1 slide' : `${last.slides} slides`;
      const when = new Date(last.at).toLocaleString();
      button.textContent = `Open the last talk of this browser: ${last.title}, ${count}, ${when}`;
      button.hidden = false;
      button.onclick = () => setTriggerValue('talk', last.talk);
    };
  } catch (refused) {}
}"""
)
_BUTTON = """button { font: inherit; color: inherit; background: none; padding: 0.45rem 0.8rem; cursor: pointer;
  text-align: left; border: 1px solid color-mix(in srgb, currentColor 30%, transparent); border-radius: 6px; }
button:hover, button:focus-visible { border-color: currentColor; }"""

_keep = st.components.v2.component("dfs_keep_talk", js=_KEEP)
_last = st.components.v2.component(
    "dfs_last_talk", html="<button type='button' hidden></button>", css=_BUTTON, js=_LAST
)


def keep() -> None:
    """Hand the talk to the browser, if it has changed since the last time; on every page."""
    talk = session_talk.current()
    changed = bool(talk.slides) and st.session_state.get(_SENT) is not talk
    st.session_state[_SENT] = talk
    data = {"talk": talk_file.to_json(talk), "title": talk.title, "slides": len(talk.slides)} if changed else {}
    with st.container(key="keep_talk"):
        _keep(key="talk_keeper", data=data)


def offer_last() -> None:
    """Offer to open the talk that this browser keeps, if there is one."""
    if refused := st.session_state.pop(_REFUSED, ""):
        st.error(plain(refused), icon=":material/error:")
    _last(key=_OFFER, on_talk_change=_open)


def _open() -> None:
    try:  # what a browser keeps is a file as any other
        session_talk.keep(talk_file.from_json(str(st.session_state[_OFFER].talk).encode()))
    except UserError as error:
        st.session_state[_REFUSED] = f"The last talk: {error}"
