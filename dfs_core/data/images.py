"""Read untrusted bytes as a clean sRGB picture, and turn a picture into network input.

A file's name is never trusted. The format comes from its first bytes, its size is checked before decoding, and any
exception of a decoder becomes one message that names the file.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile

from dfs_core.data.colour import to_srgb
from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE

MAX_BYTES = 25 * 2**20
MAX_SIDE = 20_000  # pixels; decoders need memory for each row: a PNG of 1 x 64,000,000 pixels took 3.5 GB
# Larger pictures are reduced by a whole factor that leaves at least this many pixels on the shorter side. That is more
# than the network or a page needs, and keeps 64-megapixel photos out of memory.
KEPT_SIDE = 1024
FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif"),
    *(".gif", ".bmp", ".tif", ".tiff"),
)
MIDDLE = 0.5  # position of the square that is cropped, unless another is chosen
LARGE = 4_000_000  # pixels; larger pictures are decoded one at a time
_ONE_LARGE = threading.Lock()


class ImageError(UserError):
    """A file cannot be used as a picture. The message names the file and the reason."""


class Format(NamedTuple):
    """A file format: its decoder, and the largest number of pixels that it decodes in a few hundred megabytes."""

    decoder: Callable[[io.BytesIO], ImageFile]
    pixels: int


JPEG = Format(JpegImageFile, 64_000_000)  # can decode directly to a fraction of its size
PNG = Format(PngImageFile, 24_000_000)
WEBP = Format(WebPImageFile, 16_000_000)  # its decoder takes 25 bytes a pixel
HEIC = Format(HeifImageFile, 25_000_000)  # phones take pictures of 24.5 megapixels
AVIF = Format(AvifImageFile, 20_000_000)
GIF = Format(GifImageFile, 24_000_000)
BMP = Format(BmpImageFile, 24_000_000)
TIFF = Format(TiffImageFile, 24_000_000)
SIGNATURES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"BM": BMP,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
}


def open_image(data: bytes, name: str) -> Image.Image:
    """Read an untrusted file as an upright sRGB picture.

    Of an animation, the first frame is taken. Transparency is laid on white, 16 bits are rescaled to 8, and the EXIF
    rotation is applied. Colours are converted from the file's profile or gamma to sRGB; a broken profile is ignored. A
    very large picture is reduced (``KEPT_SIDE``).

    Args:
        data: the file's bytes.
        name: name of the file for error messages.

    Raises:
        ImageError: the file is not a picture of ``FORMATS``, is damaged or incomplete, is too large, or has
            32 bits a channel.
    """
    label = " ".join(name.split()) or "the file"
    if not data:
        raise ImageError(f"{label} is empty: choose a {FORMATS} picture")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{label} is larger than {MAX_BYTES // 2**20} MB: save it smaller")
    kind = _format(data)
    if kind is None:
        raise ImageError(f"{label} is not a {FORMATS} picture: convert it to one of these formats")
    try:
        if kind is WEBP:  # its decoder allocates the canvas on creation, so check the size first
            _check_size(_webp_size(data), kind, label)
        # We use the decoders directly: Image.open would warn about large pictures on stderr before we refuse them.
        image = kind.decoder(io.BytesIO(data))
        _check_size(image.size, kind, label)
        if image.mode in ("F", "I") and image.format == "TIFF":  # nobody can tell which values are black and white
            raise ImageError(f"{label} has 32 bits a channel: save it with 8 or 16")
        with _ONE_LARGE if image.width * image.height > LARGE else nullcontext():
            return _decode(image, deep=kind is PNG and data[24] == 16)
    except ImageError:
        raise
    except Exception as error:  # damaged bytes make decoders raise exceptions of any kind
        raise ImageError(f"{label} is damaged or incomplete: save it again as {FORMATS}") from error


def to_model_input(image: Image.Image, size: int = CIFAR_SIZE, crop: float = MIDDLE) -> np.ndarray:
    """Crop a square and resize it to the network's input size.

    Args:
        image: a picture of any size and mode. It is turned upright and laid on white, as in ``open_image``.
        size: side of the result in pixels: the network's ``image_size``.
        crop: where the square is along the longer side: 0 at its left or top end, 1 at the other end.

    Returns:
        uint8, (size, size, 3). A picture that already has this size is returned pixel for pixel.
    """
    picture = to_srgb(_upright(image))
    width, height = picture.size
    side = min(width, height)
    left, top = int((width - side) * crop), int((height - side) * crop)
    square = picture.crop((left, top, left + side, top + side))
    if side > size:
        square = square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    elif side < size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.array(square)


def _format(data: bytes) -> Format | None:
    """The format that the first bytes indicate; None if unknown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":  # an ISO media file lists its own brand and compatible ones
        brands = data[8 : min(int.from_bytes(data[:4], "big"), 64)]
        return AVIF if b"avif" in brands or b"avis" in brands else HEIC
    return next((kind for signature, kind in SIGNATURES.items() if data.startswith(signature)), None)


def _decode(image: ImageFile, deep: bool) -> Image.Image:
    """Decode an opened file; ``deep`` means 16 bits per channel."""
    # Lets a JPEG decode directly to a half, a quarter or an eighth of its size, which saves time and memory.
    image.draft(None, (KEPT_SIDE, KEPT_SIDE))
    image.load()
    key = image.info.get("transparency")
    if deep and image.mode == "RGB" and isinstance(key, tuple):  # the key still has 16 bits, the pixels now have 8
        image.info["transparency"] = tuple(value >> 8 for value in key)
    picture = to_srgb(_upright(image))
    # reduce() copies even at factor 1. We need the copy: the picture's decoder would keep the file's bytes in memory.
    reduced = picture.reduce(max(1, min(picture.size) // KEPT_SIDE))
    reduced.info.clear()  # otherwise a colour profile or rotation could be applied twice
    return reduced


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height of a WebP file's canvas, from its header."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _check_size(size: tuple[int, int], kind: Format, label: str) -> None:
    width, height = size
    if width * height > kind.pixels:
        limit = f"{kind.pixels // 10**6} megapixels in this format"
    elif max(size) > MAX_SIDE:
        limit = f"{MAX_SIDE:,} pixels on a side"
    else:
        return
    raise ImageError(f"{label} has {width} x {height} pixels, but the limit is {limit}: save it smaller")


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF rotation. A picture with broken EXIF data is returned unchanged."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged metadata raises exceptions of any kind
        return image
