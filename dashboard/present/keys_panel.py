"""What only the browser can do while a talk is shown: keys, full screen, a timer, and the presenter's window."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.export.talk import Talk

# Runs at every slide. What must outlive a slide is kept on the window: the presenter's window, the start of the clock.
_SCRIPT = """export default function ({data, parentElement, setTriggerValue}) {
  const show = window.dfsShow ??= {start: null, presenter: null, digits: '', black: null};
  show.start ??= Date.now();
  const go = slide => {
    const to = Math.min(Math.max(slide, 1), data.count);
    if (to !== data.at) setTriggerValue('to', to);
  };
  const bright = () => { show.black?.remove(); show.black = null; };
  const blacken = () => {
    if (show.black) return bright();
    show.black = Object.assign(document.createElement('div'), {className: 'dfs-black', onclick: bright});
    document.body.append(show.black);
  };
  const full = () => document.fullscreenElement
    ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {});
  const moved = digit => {  // a second digit within 0.8 s belongs to the first one
    clearTimeout(show.waiting);
    show.digits += digit;
    const target = Number(show.digits), last = 10 * target > data.count;
    const jump = () => { show.digits = ''; if (target) go(target); };
    if (last) jump(); else show.waiting = setTimeout(jump, 800);
  };
  const onKey = event => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest?.('input, textarea, [contenteditable]')) return;
    if (event.key === ' ' && at.closest?.('button, a')) return;  // it presses that
    const step = event.shiftKey ? -1 : 1;
    const act = {' ': () => go(data.at + step), b: blacken, B: blacken, f: full, F: full}[event.key]
      ?? (/^[0-9]$/.test(event.key) ? () => moved(event.key) : null);
    if (act) { event.preventDefault(); act(); } else if (show.black) bright();
  };
  const onClick = event => { if (event.target.closest?.('.dfs-slide')) go(data.at + 1); };
  const clock = () => {
    const seconds = Math.floor((Date.now() - show.start) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };

  const write = () => {  // the presenter's window follows
    const doc = show.presenter?.closed === false ? show.presenter.document : null;
    if (!doc) return;
    doc.title = `Notes: ${data.title}`;
    doc.body.replaceChildren(...[
      ['p', `${data.at} / ${data.count}`, 'place'], ['p', clock(), 'clock'], ['h1', data.title, ''],
      ['div', data.notes || 'No notes for this slide.', 'notes'],
      ['p', data.next ? `Next: ${data.next}` : 'This is the last slide.', 'next'],
    ].map(([tag, text, name]) => Object.assign(doc.createElement(tag), {textContent: text, className: name})));
  };
  const present = () => {
    if (!show.presenter || show.presenter.closed) {
      show.presenter = window.open('', 'dfs-presenter', 'width=900,height=640');
      if (!show.presenter) { button.presenter.textContent = 'Pop-up blocked'; return; }
      const doc = show.presenter.document;
      doc.documentElement.lang = 'en';
      doc.head.replaceChildren(Object.assign(doc.createElement('style'), {textContent: data.style}));
      doc.addEventListener('keydown', event => document.dispatchEvent(new KeyboardEvent('keydown', event)));
    }
    write();
    show.presenter.focus();
  };

  const button = {};
  const bar = parentElement.querySelector('.bar');  // not the first div: that one holds the style too
  bar.replaceChildren();
  for (const [name, text, act] of [
    ['full', 'Full screen (F)', full], ['presenter', 'Presenter window', present],
    ['clock', clock(), () => { show.start = Date.now(); tick(); }],
  ]) {
    button[name] = Object.assign(document.createElement('button'), {type: 'button', textContent: text, onclick: act});
    bar.append(button[name]);
  }
  button.clock.title = 'Time since the talk began; a click starts it again';
  const tick = () => {
    button.clock.textContent = clock();
    const there = show.presenter?.closed === false && show.presenter.document.querySelector('.clock');
    if (there) there.textContent = clock();
  };
  clearInterval(show.ticking);
  show.ticking = setInterval(tick, 1000);
  bright();
  write();
  show.off?.();
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', onClick);
  show.off = () => {
    document.removeEventListener('keydown', onKey);
    document.removeEventListener('click', onClick);
  };
  return () => { show.off?.(); clearInterval(show.ticking); clearTimeout(show.waiting); bright(); };
}"""
_STYLE = """body { font: 1.3rem/1.5 system-ui, sans-serif; margin: 1.2rem 1.6rem; color: #e7eef0; background: #10171b; }
h1 { font-size: 1.7rem; line-height: 1.2; clear: both; margin: 0.4rem 0 1rem; } .notes { white-space: pre-wrap; }
.place { float: left; margin: 0; } .clock { float: right; margin: 0; font-variant-numeric: tabular-nums; }
.next { border-top: 1px solid #4a5a63; padding-top: 0.8rem; opacity: 0.8; }"""
_BAR = """.bar { display: flex; flex-wrap: wrap; gap: 0.3rem; justify-content: center; }
button { font: inherit; font-size: 0.87rem; color: inherit; background: none; cursor: pointer; padding: 0.2rem 0.6rem;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; min-height: 1.9rem;
  font-variant-numeric: tabular-nums; }
button:hover, button:focus-visible { border-color: currentColor; }"""

_show = st.components.v2.component("dfs_show", html='<div class="bar"></div>', js=_SCRIPT, css=_BAR)


def keys(talk: Talk, at: int, go: Callable[[int], None]) -> None:
    """Draw the buttons of the browser, and listen to its keys and to clicks on the slide.

    Args:
        talk: the talk.
        at: number of the slide that is shown, from 1.
        go: shows the slide with that number.
    """
    slide, following = talk.slides[at - 1], talk.slides[at : at + 1]
    data = {
        "at": at,
        "count": len(talk.slides),
        "title": slide.title,
        "notes": slide.notes,
        "next": following[0].title if following else "",
        "style": _STYLE,
    }
    _show(key=_KEY, data=data, on_to_change=lambda: go(int(st.session_state[_KEY].to)))


_KEY = "talk_browser"
