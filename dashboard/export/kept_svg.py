"""Check the SVG pictures in a talk file, which may come from anybody.

Browsers show these pictures as ``<img>``, where no script runs and nothing is fetched. But the server renders them for
PowerPoint, so they must not refer to files of the server. Only the elements and attributes of our own charts are
allowed, and images within a picture must be embedded.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError

from dfs_core.errors import UserError

MAX_DEPTH, MAX_ELEMENTS, MAX_SIDE = 60, 60_000, 6_000  # sides in pixels
MAX_AREA = 6_000_000  # square pixels: at 300 an inch they take 240 MB
MAX_PIXELS = 2**24  # of an image within the picture
_SVG, _HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = {
    *("svg", "g", "path", "rect", "line", "circle", "text", "tspan", "title", "desc", "defs", "clipPath", "image"),
}
_ATTRIBUTES = {
    *("id", "version", "width", "height", "viewBox", "overflow", "preserveAspectRatio", "display", "transform"),
    *("x", "y", "x1", "x2", "y1", "y2", "dx", "dy", "cx", "cy", "r", "rx", "ry", "d", "opacity", "clip-path", "style"),
    *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-dashoffset"),
    *("stroke-linejoin", "stroke-linecap", "stroke-miterlimit"),
    *("font-family", "font-size", "font-weight", "font-style", "text-anchor"),
}
_VALUES = {  # allowed values of attributes that could refer to something outside the picture
    "clip-path": re.compile(r"url\(#\w+\)"),
    "style": re.compile(r"(?:image-rendering: \w+; ?)+"),
}
_REACHES_OUT = re.compile(r"url|[\\:;@]", re.I)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|webp);base64,([A-Za-z0-9+/]+={0,2})")
_SPOKEN = re.compile(r' (?:aria-[a-z]+|role|class|pointer-events|cursor)="[^"]*"')


def lean(svg: str) -> str:
    """The SVG without attributes for screen readers and scripts, which have no effect in an ``<img>``."""
    return _SPOKEN.sub("", svg)


def check(svg: str) -> None:
    """Accept a picture if it does nothing but draw.

    Raises:
        UserError: it is not SVG, is too large, or could do more than draw.
    """
    if "<!" in svg or "<?" in svg:
        raise UserError("its picture has a declaration, which is not allowed here")
    try:
        root = ElementTree.fromstring(svg)
    except (ElementTree.ParseError, ValueError, RecursionError):
        raise UserError("its picture is not SVG") from None
    if root.tag != f"{_SVG}svg":
        raise UserError("its picture is not SVG")
    for side in ("width", "height"):
        if (
            not re.fullmatch(r"\d{1,5}(?:\.\d{1,9})?", root.get(side, ""))
            or not 0 < float(root.get(side, "")) <= MAX_SIDE
        ):
            raise UserError(f"its picture needs a {side} of at most {MAX_SIDE:,} pixels")
    if float(root.get("width", "")) * float(root.get("height", "")) > MAX_AREA:
        raise UserError(f"its picture has more than {MAX_AREA:,} square pixels")
    level, count = [root], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_ELEMENTS:
            raise UserError("its picture is too large")
        for element in level:
            _check_element(element)
        level = [child for element in level for child in element]
        if not level:
            return
    raise UserError("its picture is nested too deeply")


def _check_element(element: ElementTree.Element) -> None:
    name = str(element.tag).removeprefix(_SVG)
    if element.tag == name or name not in _ELEMENTS:
        raise UserError(f"its picture has '{name[:40]}', which is not allowed here")
    for key, value in element.attrib.items():
        if key == _HREF and name == "image":
            _check_picture(value)
        elif key not in _ATTRIBUTES:
            raise UserError(f"its picture has '{key.rpartition('}')[2][:40]}', which is not allowed here")
        elif not _VALUES[key].fullmatch(value) if key in _VALUES else _REACHES_OUT.search(value):
            raise UserError(f"its picture refers to something outside it: '{value[:60]}'")


def _check_picture(address: str) -> None:
    """Check that an image within the picture is embedded, readable and not too large."""
    found = _PICTURE.fullmatch(address)
    if found is None:
        raise UserError(f"its picture refers to an image outside it: '{address[:60]}'")
    try:
        with Image.open(
            io.BytesIO(base64.b64decode(found[1], validate=True)), formats=["PNG", "JPEG", "WEBP"]
        ) as image:
            width, height = image.size
    except (binascii.Error, UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UserError("its picture contains an image that cannot be read") from None
    if width * height > MAX_PIXELS:
        raise UserError("its picture contains an image that is too large")
