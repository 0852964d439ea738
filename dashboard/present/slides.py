"""A talk as a PowerPoint file and as one offline web page, in the light palette."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Emu, Inches, Pt

from dashboard.answers.naming import counted, unbroken
from dashboard.drawing.palette import LIGHT
from dashboard.export.formats import png
from dashboard.export.stamp import Stamp
from dashboard.export.talk import NO_STAMP, Slide, Talk
from dashboard.export.webpage import Part, webpage
from dfs_core.errors import UserError

_WIDTH, _HEIGHT = Inches(13.333), Inches(7.5)  # 16:9
_MARGIN, _TITLE_HEIGHT, _FOOT_HEIGHT = Inches(0.5), Inches(0.8), Inches(0.55)
_TITLE_BOX = (Inches(1), Inches(2.4), _WIDTH - Inches(2), Inches(1.8))
_LETTER = 0.56  # mean width of a letter of bold type, by its size; on the safe side
_TITLE_ONLY = 5  # layout of python-pptx's default template with only a title


def to_pptx(talk: Talk, address: str | None = None) -> bytes:
    """A title slide, unless the talk begins with its own, and the talk's slides.

    A slide of a view has its title, the picture at 300 pixels an inch, the stamp with its link, and the notes.

    Args:
        talk: with at least one slide.
        address: URL of the app's first page, for the links.

    Raises:
        UserError: the talk is empty, or a picture cannot be drawn.
    """
    _refuse_empty(talk)
    deck = Presentation()
    deck.slide_width, deck.slide_height = _WIDTH, _HEIGHT
    deck.core_properties.title, deck.core_properties.author = talk.title, "DFS Explorer"
    if talk.slides[0].kind != "title":
        _title_slide(deck, talk)
    for slide in talk.slides:
        (_slide if slide.kind == "view" else _written)(deck, slide, address)
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def to_html(talk: Talk, address: str | None = None) -> bytes:
    """All slides with their notes on one web page that works offline; arguments as for ``to_pptx``.

    Raises:
        UserError: the talk is empty.
    """
    _refuse_empty(talk)
    parts = [
        Part(s.title, None, s.alt, s.stamp.absolute(address), s.notes, picture=s.light, lines=s.lines, spoken=True)
        for s in talk.slides
    ]
    return webpage(talk.title, parts)


def _refuse_empty(talk: Talk) -> None:
    if not talk.slides:
        raise UserError("the talk is empty: add a view from any page first")


def _title_slide(deck: Any, talk: Talk) -> None:
    slide = _titled(deck, talk.title, _TITLE_BOX, 44)
    names = dict.fromkeys(name for s in talk.slides for name in s.stamp.checkpoints)
    count = counted(len(talk.slides), "slide")
    known = f"{'checkpoint' if len(names) == 1 else 'checkpoints'}: {', '.join(names)}" if names else ""
    box = (Inches(1), Inches(4.3), _WIDTH - Inches(2), Inches(1.2))
    _write(slide, "\n".join(filter(None, (f"{count} from DFS Explorer", known))), box, 18)


def _slide(deck: Any, talk_slide: Slide, address: str | None) -> None:
    stamp = talk_slide.stamp.absolute(address)
    inner = _WIDTH - 2 * _MARGIN
    slide = _titled(deck, unbroken(talk_slide.title), (_MARGIN, Inches(0.3), inner, _TITLE_HEIGHT), 30)
    # Title and stamp are text on the slide, so that they can be edited; the picture is the chart with its legend.
    picture = slide.shapes.add_picture(io.BytesIO(_png(talk_slide)), 0, 0)
    top = Inches(0.3) + _TITLE_HEIGHT
    room = _HEIGHT - top - _FOOT_HEIGHT - Inches(0.1)
    scale = min(inner / picture.width, room / picture.height)
    picture.width, picture.height = Emu(int(picture.width * scale)), Emu(int(picture.height * scale))
    picture.left, picture.top = Emu((_WIDTH - picture.width) // 2), Emu(top + (room - picture.height) // 2)
    described = picture._element._nvXxPr.cNvPr
    described.set("descr", talk_slide.alt)
    described.set("name", talk_slide.title)
    _foot(slide, stamp)
    if stamp.link.startswith("http"):
        picture.click_action.hyperlink.address = stamp.link
    slide.notes_slide.notes_text_frame.text = "\n\n".join(filter(None, (talk_slide.notes, talk_slide.alt, stamp.link)))


def _foot(slide: Any, stamp: Stamp) -> None:
    """The stamp at the foot of a slide, with its link."""
    foot = _write(slide, stamp.line(), (_MARGIN, _HEIGHT - _FOOT_HEIGHT, _WIDTH - 2 * _MARGIN, _FOOT_HEIGHT), 10)
    if stamp.link.startswith("http"):
        foot.hyperlink.address = stamp.link


def _written(deck: Any, talk_slide: Slide, address: str | None) -> None:
    """A title slide or a text slide."""
    if talk_slide.kind == "title":
        box, size, below = _TITLE_BOX, 44, (Inches(1), Inches(4.5), _WIDTH - Inches(2), Inches(2))
    else:
        box, size = (_MARGIN, Inches(0.3), _WIDTH - 2 * _MARGIN, _TITLE_HEIGHT), 30
        below = (Inches(1), Inches(1.6), _WIDTH - Inches(2), Inches(5))
    slide = _titled(deck, unbroken(talk_slide.title), box, size)
    if lines := [f"{'• ' if point else ''}{line}" for point, line in talk_slide.lines]:
        room = below[3] / Pt(1)
        _write(slide, "\n".join(lines), below, fitting(lines, below[2] / Pt(1), room, 24))
    stamp = talk_slide.stamp.absolute(address)
    if talk_slide.stamp != NO_STAMP:
        _foot(slide, stamp)
    slide.notes_slide.notes_text_frame.text = "\n\n".join(filter(None, (talk_slide.notes, stamp.link)))


def fitting(lines: Sequence[str], width: float, height: float, most: int) -> int:
    """The largest size of type, at most ``most`` and at least 10 points, at which a text fits into a box.

    Args:
        lines: of the text; each is broken where the box ends.
        width: of the box in points, without its margins.
        height: likewise.
        most: size in points.
    """
    for size in range(most, 10, -1):
        across = max(1, int(width / (_LETTER * size)))
        rows = sum(len(textwrap.wrap(line, across)) or 1 for line in lines)
        if rows * size * 1.2 <= height:
            return size
    return 10


def _png(slide: Slide) -> bytes:
    try:
        return png(slide.light, kept=True)
    except ValueError as error:
        raise UserError(f"the picture of '{slide.title}' could not be drawn: {str(error)[:200]}") from error


def _titled(deck: Any, title: str, box: tuple[int, int, int, int], size: int) -> Any:
    """A slide with a title placeholder, which outlines and screen readers need."""
    slide = deck.slides.add_slide(deck.slide_layouts[_TITLE_ONLY])
    fill = slide.background.fill
    fill.solid()
    fill.fore_color.rgb = _rgb(LIGHT.background)
    shape = slide.shapes.title
    shape.left, shape.top, shape.width, shape.height = (Emu(int(value)) for value in box)
    shape.text_frame.text = title
    shape.text_frame.word_wrap = True
    shape.text_frame.vertical_anchor = MSO_ANCHOR.MIDDLE
    across, down = ((value - Inches(inset)) / Pt(1) for value, inset in ((box[2], 0.2), (box[3], 0.1)))
    _style(shape.text_frame, fitting([title], across, down, size), LIGHT.ink, bold=True)
    return slide


def _write(slide: Any, text: str, box: tuple[int, int, int, int], size: int) -> Any:
    """Add a text box and return its first run, which can have a link."""
    frame = slide.shapes.add_textbox(*(Emu(int(value)) for value in box)).text_frame
    frame.word_wrap = True
    frame.text = text
    _style(frame, size, LIGHT.muted)
    return frame.paragraphs[0].runs[0]


def _style(frame: Any, size: int, colour: str, bold: bool = False) -> None:
    for paragraph in frame.paragraphs:
        paragraph.alignment = PP_ALIGN.LEFT
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.color.rgb = Pt(size), bold, _rgb(colour)


def _rgb(colour: str) -> RGBColor:
    return RGBColor.from_string(colour.removeprefix("#").upper())
