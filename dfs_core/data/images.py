"""From untrusted bytes to a clean sRGB picture, and from a picture to what the network sees.

Nothing that a file claims is believed: the format is told from its first bytes, its size is checked before anything is
decoded, and whatever a decoder raises becomes one message that names the file.
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
MAX_SIDE = 20_000  # a decoder's rows have a price of their own: a PNG of 1 x 64,000,000 cost 3.5 GB
# Larger pictures are kept reduced by a whole factor, with at least this many pixels on the shorter side: far more than
# the network or a page shows, and a 64-megapixel photo then does not sit in memory.
KEPT_SIDE = 1024
FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif"),
    *(".gif", ".bmp", ".tif", ".tiff"),
)
LARGE = 4_000_000  # pixels; pictures above are decoded one at a time
_ONE_LARGE = threading.Lock()


class ImageError(UserError):
    """A file that cannot be used as a picture; the message names the file and says why."""


class Format(NamedTuple):
    """A kind of file: its decoder, and the most pixels that it decodes in a few hundred megabytes."""

    decoder: Callable[[io.BytesIO], ImageFile]
    pixels: int


JPEG = Format(JpegImageFile, 64_000_000)  # decodes straight to a fraction of its size
PNG = Format(PngImageFile, 24_000_000)
WEBP = Format(WebPImageFile, 16_000_000)  # its decoder takes 25 bytes a pixel
HEIC = Format(HeifImageFile, 25_000_000)  # telephones take pictures of 24.5
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

    An animation gives its first frame, transparency is laid on white, 16 bits are rescaled to 8, and a rotation in the
    EXIF data is applied. Colours are converted from the file's profile or gamma to sRGB; a broken profile is left out.
    A picture much larger than needed is kept reduced (``KEPT_SIDE``).

    Args:
        data: the file's bytes.
        name: what to call the file in an error message.

    Raises:
        ImageError: not a picture of ``FORMATS``, damaged or cut short, or larger than what is accepted.
    """
    label = " ".join(name.split()) or "the file"
    if not data:
        raise ImageError(f"{label} is empty: choose a {FORMATS} picture")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{label} is larger than {MAX_BYTES // 2**20} MB: save it smaller")
    kind = _format(data)
    if kind is None:
        raise ImageError(f"{label} is no {FORMATS} picture, whatever its name says: convert it to one of these")
    try:
        if kind is WEBP:  # its decoder claims memory for the canvas as soon as it exists
            _check_size(_webp_size(data), kind, label)
        # The classes are used directly: Image.open would warn on stderr about large pictures before we can refuse them.
        image = kind.decoder(io.BytesIO(data))
        _check_size(image.size, kind, label)
        with _ONE_LARGE if image.width * image.height > LARGE else nullcontext():
            return _decode(image, deep=kind is PNG and data[24] == 16)
    except ImageError:
        raise
    except Exception as error:  # decoders fed with damaged bytes raise whatever they stumble over
        raise ImageError(f"{label} is damaged or cut short: save it again as {FORMATS}") from error


def to_model_input(image: Image.Image, size: int = CIFAR_SIZE) -> np.ndarray:
    """Crop the central square and bring it to the network's size.

    Args:
        image: a picture of any size and mode; turned upright and laid on white as a file is.
        size: side of the result in pixels: the network's ``image_size``.

    Returns:
        uint8, (size, size, 3). A picture of that very size comes back pixel for pixel.
    """
    picture = to_srgb(_upright(image))
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    if side > size:
        square = square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    elif side < size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.array(square)


def _format(data: bytes) -> Format | None:
    """The kind of file that the first bytes name."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":  # the brands of an ISO media file: its own, and those it is compatible with
        brands = data[8 : min(int.from_bytes(data[:4], "big"), 64)]
        return AVIF if b"avif" in brands or b"avis" in brands else HEIC
    return next((kind for signature, kind in SIGNATURES.items() if data.startswith(signature)), None)


def _decode(image: ImageFile, deep: bool) -> Image.Image:
    """Decode an opened file; ``deep`` if it has 16 bits a channel."""
    # A JPEG decodes straight to a half, a quarter or an eighth of its size, at a fraction of time and memory.
    image.draft(None, (KEPT_SIDE, KEPT_SIDE))
    image.load()
    key = image.info.get("transparency")
    if deep and image.mode == "RGB" and isinstance(key, tuple):  # of 16 bits, while the pixels now have 8
        image.info["transparency"] = tuple(value >> 8 for value in key)
    picture = to_srgb(_upright(image))
    # A copy even when nothing is reduced: the decoder behind the picture keeps the file's bytes.
    reduced = picture.reduce(max(1, min(picture.size) // KEPT_SIDE))
    reduced.info.clear()  # a colour profile or a rotation that is applied already would be applied again
    return reduced


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas of a WebP file from its header."""
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
        limit = f"the {kind.pixels // 10**6} megapixels that are accepted in such a file"
    elif max(size) > MAX_SIDE:
        limit = f"the {MAX_SIDE:,} on a side that are accepted"
    else:
        return
    raise ImageError(f"{label} has {width} x {height} pixels, more than {limit}: save it smaller")


def _upright(image: Image.Image) -> Image.Image:
    """Apply the rotation in the EXIF data; a picture whose EXIF data is broken is shown as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as with the decoders: damaged metadata raises whatever it meets
        return image
