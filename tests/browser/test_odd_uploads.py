"""Forty pictures of odd formats at once: each that can be read is a row, each other is named with its reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from on_page import rows
from PIL import Image
from pillow_heif import register_heif_opener
from playwright.sync_api import FilePayload, Page, expect
from tiny import picture

pytestmark = pytest.mark.browser

KINDS: dict[str, tuple[str, dict[str, Any]]] = {  # suffix -> Pillow's format and settings
    "jpg": ("JPEG", {}),
    "jfif": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "tif": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff": ("TIFF", {}),
    "avif": ("AVIF", {}),
    "heic": ("HEIF", {}),
}
MODES = {
    "RGBA": ("png", "webp", "tif", "avif", "heic"),
    "L": ("jpg", "png", "gif", "bmp", "tif"),
    "P": ("png", "gif", "bmp"),
    "1": ("png", "bmp", "tif"),
    "CMYK": ("jpg", "tif"),
    "LA": ("png", "webp"),
    "I;16": ("png", "tif"),
}
SIZES = {"png": (1, 1), "jpg": (3, 700), "gif": (900, 2)}
REFUSED = {
    "empty.png": b"",
    "notes.png": b"these are notes",
    "letter.pdf": b"%PDF-1.7",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cut.jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
}


def odd_pictures() -> list[FilePayload]:
    """Every kind in its common mode, then the odd modes, then the odd sizes."""
    register_heif_opener()
    wanted = [("RGB", suffix, (60, 40)) for suffix in KINDS]
    wanted += [(mode, suffix, (40, 60)) for mode, suffixes in MODES.items() for suffix in suffixes]
    wanted += [("RGB", suffix, size) for suffix, size in SIZES.items()]
    return [_payload(seed, *one) for seed, one in enumerate(wanted)]


def _payload(seed: int, mode: str, suffix: str, size: tuple[int, int]) -> FilePayload:
    image = Image.fromarray(picture(seed, 64)).resize(size)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    stream = io.BytesIO()
    kind, settings = KINDS[suffix]
    image.save(stream, kind, **settings)
    return {"name": f"{seed} {mode.replace(';', '')}.{suffix}", "mimeType": "image/x", "buffer": stream.getvalue()}


def test_forty_odd_pictures_at_once(open_page: Callable[..., Page]) -> None:
    good = odd_pictures()
    bad: list[FilePayload] = [{"name": n, "mimeType": "image/x", "buffer": data} for n, data in REFUSED.items()]
    assert len(good) + len(bad) == 40
    page = open_page()
    page.locator("input[type=file]").set_input_files([*good, *bad])
    expect(rows(page)).to_have_count(len(good))
    said = page.locator("[data-testid=stAlert]")
    expect(said).to_have_count(1)
    for name in REFUSED:
        expect(said).to_contain_text(name)
