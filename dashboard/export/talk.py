"""A talk: slides with pictures of views and notes. Plain data of bounded size."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from dashboard.answers.naming import clean
from dashboard.drawing.palette import DARK, LIGHT, Palette
from dashboard.export import kept_svg, sheet
from dashboard.export.stamp import Stamp
from dashboard.export.view import View
from dfs_core.errors import UserError

MAX_SLIDES, MAX_BYTES = 60, 20 * 2**20
MAX_TITLE, MAX_NOTES, MAX_ALT = 160, 8_000, 2_000  # characters


SlideKind = Literal["view", "text", "title"]
NO_STAMP = Stamp("", "", "", "measured", "")  # of slides that show no figures of a checkpoint


@dataclass(frozen=True, slots=True)
class Slide:
    """A view as it was when it was added; or a text, or a title, which have no pictures.

    Attributes:
        title: above the chart or the text.
        alt: description of the chart for screen readers.
        stamp: provenance; its link is relative to the app.
        light: the chart with its legend in the light palette, as SVG, for exports and the light theme.
        dark: the same in the dark palette.
        notes: for the speaker.
        kind: what it shows below its title: a chart, a text, or a line about the talk.
        text: of a text or a title slide. A line that begins with ``- `` is a point of a list.
        digest: hash of the pictures.
        size: of the pictures in a file, in bytes.
        key: identifies the slide while it is edited; ignored in comparisons and not saved.
    """

    title: str
    alt: str
    stamp: Stamp
    light: str = field(default="", repr=False)
    dark: str = field(default="", repr=False)
    notes: str = ""
    kind: SlideKind = "view"
    text: str = ""
    digest: str = field(default="", init=False)
    size: int = field(default=0, init=False)
    key: str = field(default_factory=lambda: uuid.uuid4().hex[:8], compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("title", "alt", "notes", "text"):  # of a talk's file as of a page's view
            object.__setattr__(self, name, clean(getattr(self, name)))
        content = json.dumps([self.light, self.dark]).encode()
        object.__setattr__(self, "digest", hashlib.blake2b(content, digest_size=8).hexdigest())
        object.__setattr__(self, "size", len(content))

    @classmethod
    def of(cls, view: View) -> Self:
        """Take the pictures of a view as it is now.

        Raises:
            UserError: its chart cannot be drawn, or fails ``kept_svg.check``.
        """
        return cls(
            title=_short(view.title, MAX_TITLE),
            alt=_short(view.in_words, MAX_ALT),
            stamp=view.stamp,
            light=_picture(view, LIGHT),
            dark=_picture(view, DARK),
            notes=clean(view.notes)[:MAX_NOTES],
        )

    @classmethod
    def written(cls, kind: SlideKind, title: str, text: str = "", notes: str = "", stamp: Stamp = NO_STAMP) -> Self:
        """A title or a text slide."""
        return cls(_short(title, MAX_TITLE), "", stamp, notes=notes[:MAX_NOTES], kind=kind, text=text[:MAX_NOTES])

    @property
    def lines(self) -> list[tuple[bool, str]]:
        """The lines of the text that are not empty: whether each is a point of a list, and the line."""
        found = (line.strip() for line in self.text.splitlines())
        return [(line.startswith("- "), line.removeprefix("- ")) for line in found if line]

    def picture(self, theme: str | None) -> str:
        """The picture for Streamlit's theme type: ``dark``, or light for anything else."""
        return self.dark if theme == "dark" else self.light


@dataclass(frozen=True, slots=True)
class Talk:
    """Slides in order.

    Attributes:
        title: of the talk.
        slides: at most ``MAX_SLIDES``.
    """

    title: str = "What a dynamic network gives up for what it saves"
    slides: tuple[Slide, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", clean(self.title))

    def add(self, view: View | Slide, at: int | None = None) -> Self:
        """The talk with a view, or a slide that was written, added at its end or at an index.

        Raises:
            UserError: the talk would be too large, or the view cannot be drawn.
        """
        if len(self.slides) >= MAX_SLIDES:
            raise UserError(f"a talk has at most {MAX_SLIDES} slides: remove one first")
        slide = view if isinstance(view, Slide) else Slide.of(view)
        if sum(other.size for other in (*self.slides, slide)) > MAX_BYTES:
            raise UserError(f"a talk holds at most {MAX_BYTES >> 20} MB of pictures: remove a slide first")
        place = len(self.slides) if at is None else at
        return replace(self, slides=(*self.slides[:place], slide, *self.slides[place:]))

    def move(self, index: int, by: int) -> Self:
        """The talk with a slide moved by some places, up if negative, at most to either end."""
        slides = list(self.slides)
        slide = slides.pop(index)
        slides.insert(min(max(index + by, 0), len(slides)), slide)
        return replace(self, slides=tuple(slides))

    def edit(self, index: int, title: str | None = None, notes: str | None = None, text: str | None = None) -> Self:
        """The talk with a new title, text or notes for a slide; an empty title keeps the old one."""
        slide = self.slides[index]
        changed = replace(
            slide,
            title=_short(title or "", MAX_TITLE) or slide.title,
            notes=slide.notes if notes is None else clean(notes)[:MAX_NOTES],
            text=slide.text if text is None else clean(text)[:MAX_NOTES],
        )
        return replace(self, slides=(*self.slides[:index], changed, *self.slides[index + 1 :]))

    def index_of(self, key: str) -> int | None:
        """Index of the slide with that key; None if it is gone."""
        return next((index for index, slide in enumerate(self.slides) if slide.key == key), None)

    def rename(self, title: str) -> Self:
        """The talk with a new title; an empty one keeps the old one."""
        return replace(self, title=_short(title, MAX_TITLE) or self.title)

    def remove(self, index: int) -> Self:
        """The talk without a slide."""
        return replace(self, slides=(*self.slides[:index], *self.slides[index + 1 :]))


def _picture(view: View, colours: Palette) -> str:
    svg = kept_svg.lean(sheet.picture(view.draw(colours), "", None, "", colours=colours))
    kept_svg.check(svg)  # so that the saved talk can be opened again
    return svg


def _short(text: str, most: int) -> str:
    return " ".join(clean(text).split())[:most]
