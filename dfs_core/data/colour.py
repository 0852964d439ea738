"""Convert pictures to sRGB on a white background: the colours that networks are trained on and pages show."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms

USUAL_GAMMA = 1 / 2.2  # the gamma that sRGB files state
SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}  # mode of a picture -> colour space that its profile must have


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to sRGB by its colour profile or gamma, and lay transparency on white.

    A profile takes precedence over a gamma, as in the PNG specification. A profile that is broken or of another colour
    space is ignored. 16-bit grey is rescaled; Pillow's own conversion would clip it.
    """
    alpha = _alpha(image)
    base = _without_alpha(image)
    picture = _by_profile(base, image.info.get("icc_profile"))
    if picture is None:
        picture = base if base.mode == "RGB" else base.convert("RGB")
        picture = _by_gamma(picture, image.info)
    if alpha is None:
        return picture
    page = Image.new("RGB", picture.size, "white")
    page.paste(picture, mask=alpha)
    return page


def _alpha(image: Image.Image) -> Image.Image | None:
    """The alpha channel, or None if all pixels are opaque."""
    if image.mode.startswith("I"):  # Pillow cannot convert 16-bit grey with a transparent value
        key = image.info.get("transparency")
        return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8)) if key is not None else None
    if not image.has_transparency_data:
        return None
    return (image if image.mode in ("RGBA", "LA") else image.convert("RGBA")).getchannel("A")


def _without_alpha(image: Image.Image) -> Image.Image:
    """The colours without alpha, in a mode that a profile can have: RGB, L or CMYK."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _by_profile(base: Image.Image, data: bytes | None) -> Image.Image | None:
    """The picture in sRGB by its ICC profile; None if it has no profile that fits."""
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        if profile.profile.xcolor_space != SPACES[base.mode]:
            return None
        if base.mode == "RGB" and (profile.profile.profile_description or "").startswith("sRGB"):
            return base  # converting sRGB to sRGB would change last digits
        return ImageCms.profileToProfile(base, profile, _srgb(), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None


def _by_gamma(picture: Image.Image, info: dict[str | tuple[int, int], object]) -> Image.Image:
    """Convert a PNG's own gamma (file value = light ** gamma) to the sRGB curve."""
    gamma = info.get("gamma")
    if "srgb" in info or not isinstance(gamma, float) or not 0.05 <= gamma <= 5 or abs(gamma - USUAL_GAMMA) < 0.01:
        return picture
    light = (np.arange(256) / 255) ** (1 / gamma)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return picture.point([round(255 * value) for value in curve] * 3)
