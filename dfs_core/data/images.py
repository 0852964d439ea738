"""From untrusted bytes to a clean RGB picture, and from a picture to what the network sees.

Nothing that a file claims is believed: the format is told from its first bytes, its size is checked before anything is
decoded, and whatever a decoder raises becomes one message that names the file.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from dfs_core.errors import UserError
from dfs_core.model.layout import CIFAR_SIZE

MAX_BYTES = 25 * 2**20
MAX_PIXELS = 64_000_000
# Larger pictures are kept reduced by a whole factor, with at least this many pixels on the shorter side: far more than
# the network or a page shows, and a 64-megapixel photo then does not sit in memory.
KEPT_SIDE = 1024
FORMATS = "JPEG, PNG or WebP"


class ImageError(UserError):
    """A file that cannot be used as a picture; the message names the file and says why."""


def open_image(data: bytes, name: str) -> Image.Image:
    """Read an untrusted file as an upright RGB picture.

    An animation gives its first frame, transparency is laid on white, 16 bits are rescaled to 8, CMYK is converted, and
    a rotation in the EXIF data is applied. A picture much larger than needed is kept reduced (``KEPT_SIDE``).

    Args:
        data: the file's bytes.
        name: what to call the file in an error message.

    Raises:
        ImageError: not a JPEG, PNG or WebP picture, damaged or cut short, more than 25 MB or 64 megapixels.
    """
    label = " ".join(name.split()) or "the file"
    if not data:
        raise ImageError(f"{label} is empty: choose a {FORMATS} picture")
    if len(data) > MAX_BYTES:
        raise ImageError(f"{label} is larger than {MAX_BYTES // 2**20} MB: save it smaller")
    try:
        image = _open(data, label)
        _check_size(image.size, label)
        # A JPEG decodes straight to a half, a quarter or an eighth of its size, at a fraction of time and memory.
        image.draft(None, (KEPT_SIDE, KEPT_SIDE))
        image.load()
        picture = _to_rgb(_upright(image))
    except ImageError:
        raise
    except Exception as error:  # decoders fed with damaged bytes raise whatever they stumble over
        raise ImageError(f"{label} is damaged or cut short: save it again as {FORMATS}") from error
    # A copy even when nothing is reduced: the decoder behind the picture keeps the file's bytes.
    reduced = picture.reduce(max(1, min(picture.size) // KEPT_SIDE))
    reduced.info.clear()  # a colour profile or a rotation that is applied already would be applied again
    return reduced


def to_model_input(image: Image.Image, size: int = CIFAR_SIZE) -> np.ndarray:
    """Crop the central square and bring it to the network's size.

    Args:
        image: a picture of any size and mode; turned upright and laid on white as a file is.
        size: side of the result in pixels: the network's ``image_size``.

    Returns:
        uint8, (size, size, 3). A picture of that very size comes back pixel for pixel.
    """
    picture = _to_rgb(_upright(image))
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    if side > size:
        square = square.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    elif side < size:
        square = square.resize((size, size), Image.Resampling.BICUBIC)
    return np.array(square)


def _open(data: bytes, label: str) -> ImageFile:
    """Read the header with the decoder that the first bytes name, and with no other."""
    # The classes are used directly: Image.open would warn on stderr about large pictures before we can refuse them.
    stream = io.BytesIO(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile(stream)
    if data.startswith(b"\xff\xd8\xff"):
        return JpegImageFile(stream)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _check_size(_webp_size(data), label)
        return WebPImageFile(stream)
    raise ImageError(f"{label} is not a {FORMATS} picture, whatever its name says: convert it to one of these")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Canvas of a WebP file from its header, since its decoder claims memory for the canvas as soon as it exists."""
    kind = data[12:16]
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF


def _check_size(size: tuple[int, int], label: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{label} has {width} x {height} pixels, more than the {MAX_PIXELS // 10**6} megapixels that are accepted: "
            "save it smaller"
        )


def _upright(image: Image.Image) -> Image.Image:
    """Apply the rotation in the EXIF data; a picture whose EXIF data is broken is shown as it is."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # as with the decoders: damaged metadata raises whatever it meets
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB without clipping and without showing what lay under transparency."""
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion would clip it to white
        grey = (np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = Image.new("RGB", layer.size, "white")
        page.paste(layer, mask=layer.getchannel("A"))
        return page
    return image if image.mode == "RGB" else image.convert("RGB")
