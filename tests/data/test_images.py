from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener
from places import REPOSITORY

from dfs_core.data import images
from dfs_core.data.images import ImageError, open_image, to_model_input
from dfs_core.errors import UserError

KINDS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")
register_heif_opener()  # so that the tests can write such files


def encode(image: Image.Image, kind: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


def photo(width: int = 80, height: int = 60) -> Image.Image:
    """Smooth colours that survive lossy compression: red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 90)], axis=2).astype(np.uint8))


def grey_png(width: int, height: int) -> bytes:
    """A black PNG of 1 bit per pixel: a few kilobytes for any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, row = zlib.compressobj(9), bytes(-(-width // 8) + 1)
    pixels = packer.compress(row * height) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.int16)


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF"])
def test_the_formats_open_whatever_the_name_says(kind: str) -> None:
    opened = open_image(encode(photo(), kind), "picture.txt")
    assert (opened.mode, opened.size, type(opened)) == ("RGB", (80, 60), Image.Image)
    assert np.abs(pixels(opened) - pixels(photo())).mean() < (12 if kind == "GIF" else 4)  # 256 colours


def test_sixteen_bit_grey_is_rescaled_and_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    opened = pixels(open_image(encode(Image.fromarray(ramp), "PNG"), "16.png"))
    assert (opened == (ramp >> 8)[:, :, None]).all()
    assert opened.max() == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb_of_the_same_size(mode: str) -> None:
    source = Image.new("I;16", (40, 30), 40_000) if mode == "I;16" else photo(40, 30).convert(mode)
    opened = open_image(encode(source, "JPEG" if mode == "CMYK" else "PNG"), "a")
    assert (opened.mode, opened.size) == ("RGB", (40, 30))


def test_cmyk_keeps_its_colours() -> None:
    opened = open_image(encode(photo().convert("CMYK"), "JPEG", quality=95), "cmyk.jpg")
    assert np.abs(pixels(opened) - pixels(photo())).mean() < 6


@pytest.mark.parametrize("kind", ["RGBA", "LA", "palette", "palette with a table", "RGB with a key colour"])
def test_what_is_transparent_becomes_white(kind: str) -> None:
    settings: dict[str, Any] = {}
    if kind.startswith("palette"):
        source = Image.new("P", (40, 40))
        source.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
        source.paste(1, (20, 0, 40, 40))
        settings["transparency"] = 0 if kind == "palette" else b"\x00\xff"
    elif kind == "RGB with a key colour":
        source = Image.new("RGB", (40, 40), (255, 0, 0))
        source.paste((0, 0, 255), (20, 0, 40, 40))
        settings["transparency"] = (255, 0, 0)
    else:
        source = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
        source.paste((0, 0, 255, 255), (20, 0, 40, 40))
        source = source.convert(kind)
    opened = pixels(open_image(encode(source, "PNG", **settings), "a.png"))
    assert (opened[:, :20] == 255).all()
    assert opened[:, 20:, 0].max() < 60


def test_half_transparent_is_half_white() -> None:
    source = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert pixels(open_image(encode(source, "WEBP", lossless=True), "a.webp")).max() == pytest.approx(127, abs=1)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind: str) -> None:
    later = [Image.new("RGB", (80, 60), "red"), Image.new("RGB", (80, 60), "blue")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    opened = open_image(encode(photo(), kind, save_all=True, append_images=later, **lossless), "film")
    assert (pixels(opened) == pixels(photo())).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(("orientation", "turn"), [(3, 2), (6, 3), (8, 1)])
def test_a_rotation_in_the_exif_data_is_applied_once(kind: str, orientation: int, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = open_image(encode(photo(), kind, exif=exif), "phone")
    assert np.abs(pixels(opened) - np.rot90(pixels(photo()), turn)).mean() < 4
    assert opened.getexif().get(0x0112) is None
    assert not opened.info


def test_broken_exif_data_does_not_spoil_a_picture() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = open_image(encode(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"), "odd.jpg")
    assert opened.size == (80, 60)


def test_what_is_transparent_in_sixteen_bit_grey_becomes_white() -> None:
    ramp = np.full((8, 8), 1000, np.uint16)
    ramp[:, 4:] = 40_000
    opened = pixels(open_image(png16(ramp, key=1000), "16.png"))
    assert (opened[:, :4] == 255).all()
    assert (opened[:, 4:] == 40_000 >> 8).all()


def png16(grey: np.ndarray, key: int) -> bytes:
    """A PNG of 16-bit grey with one transparent value, which Pillow cannot write."""
    data = encode(Image.fromarray(grey), "PNG")
    end = data.index(b"IDAT") - 4
    body = struct.pack(">H", key)
    chunk = struct.pack(">I", 2) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    return data[:end] + chunk + data[end:]


def linear_grey() -> bytes:
    """A profile of grey values in proportion to light, which Pillow cannot write: half of the light is 188 in sRGB."""
    white = struct.pack(">3i", 63190, 65536, 54061)  # D50
    values = {b"wtpt": b"XYZ " + bytes(4) + white, b"kTRC": b"curv" + bytes(8)}
    table, data, start = struct.pack(">I", len(values)), b"", 128 + 4 + 12 * len(values)
    for name, value in values.items():
        table += name + struct.pack(">II", start + len(data), len(value))
        data += value
    head = struct.pack(">I4xI4s4s4s12x4s", start + len(data), 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return (head.ljust(68, b"\0") + white).ljust(128, b"\0") + table + data


def swapped_profile() -> bytes:
    """sRGB's profile with the primaries of red and green exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for place in range(128, 128 + 4 + 12 * int.from_bytes(data[128:132], "big"), 1):
        if data[place : place + 4] == b"rXYZ":
            data[place : place + 4] = b"gXYZ"
        elif data[place : place + 4] == b"gXYZ":
            data[place : place + 4] = b"rXYZ"
    return bytes(data).replace(b"s\0R\0G\0B", b"o\0d\0d\0!")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_a_colour_profile_is_applied_and_not_dropped(kind: str) -> None:
    swapped = Image.merge("RGB", [photo().getchannel(band) for band in "GRB"])
    opened = open_image(encode(swapped, kind, icc_profile=swapped_profile()), "odd")
    assert np.abs(pixels(opened) - pixels(photo())).mean() < 4
    assert not opened.info, "or it would be applied once more"
    assert np.abs(to_model_input(opened, 32).astype(int) - to_model_input(photo(), 32)).mean() < 4


def test_a_profile_of_grey_is_applied_beneath_transparency() -> None:
    grey = Image.new("LA", (8, 8), (128, 255))
    assert pixels(open_image(encode(grey, "PNG", icc_profile=linear_grey()), "a")).tolist() == [[[188] * 3] * 8] * 8


@pytest.mark.parametrize("mode", ["F", "I"])
def test_a_tiff_with_32_bits_a_channel_is_refused_and_not_made_black(mode: str) -> None:
    values = Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)).convert(mode)
    with pytest.raises(ImageError, match="odd has 32 bits a channel: save it with 8 or 16"):
        open_image(encode(values, "TIFF"), "odd")


@pytest.mark.parametrize("profile", [b"junk", b"\0" * 200, swapped_profile()[:300]])
def test_a_broken_profile_is_left_out(profile: bytes) -> None:
    opened = open_image(encode(photo(), "PNG", icc_profile=profile), "odd")
    assert (pixels(opened) == pixels(photo())).all()


def test_a_profile_of_srgb_changes_nothing() -> None:
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (pixels(open_image(encode(photo(), "PNG", icc_profile=plain), "a")) == pixels(photo())).all()


def with_gamma(data: bytes, gamma: float, *more: bytes) -> bytes:
    end = data.index(b"IDAT") - 4
    body = struct.pack(">I", round(gamma * 100_000))
    chunk = struct.pack(">I", 4) + b"gAMA" + body + struct.pack(">I", zlib.crc32(b"gAMA" + body))
    return data[:end] + b"".join((chunk, *more)) + data[end:]


def test_a_pngs_gamma_is_undone() -> None:
    grey = encode(Image.new("RGB", (4, 4), (55, 55, 55)), "PNG")
    assert int(pixels(open_image(with_gamma(grey, 1.0), "a"))[0, 0, 0]) == pytest.approx(128, abs=1)  # linear light
    assert int(pixels(open_image(with_gamma(grey, 0.45455), "a"))[0, 0, 0]) == 55
    stated = b"\0\0\0\x01sRGB\0" + struct.pack(">I", zlib.crc32(b"sRGB\0"))
    assert int(pixels(open_image(with_gamma(grey, 1.0, stated), "a"))[0, 0, 0]) == 55
    assert int(pixels(open_image(with_gamma(grey, 0.0), "a"))[0, 0, 0]) == 55


@pytest.mark.parametrize("size", [(1, 1), (10_000, 10), (10, 10_000), (1, 5000)])
def test_the_smallest_and_the_longest_pictures_open(size: tuple[int, int]) -> None:
    opened = open_image(encode(Image.new("RGB", size, (10, 200, 30)), "PNG"), "odd.png")
    assert opened.size == size
    assert (to_model_input(opened) == (10, 200, 30)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_kept_reduced_and_recognisable(kind: str) -> None:
    opened = open_image(encode(photo(4400, 3300), kind), "large")
    assert images.KEPT_SIDE <= min(opened.size) < 2 * images.KEPT_SIDE
    assert np.abs(to_model_input(opened).astype(int) - to_model_input(photo(4400, 3300))).max() <= 3


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.png is empty"),
        (b"just a text", "a.png is not a JPEG, PNG, WebP, .* picture: convert"),
        (bytes(5000), "a.png is not a JPEG, PNG, WebP"),
        (encode(photo(), "PPM"), "a.png is not a JPEG, PNG, WebP"),
        (b"GIF89a", "a.png is damaged or incomplete"),
        (b"BM", "a.png is damaged or incomplete"),
        (b"II*\0", "a.png is damaged or incomplete"),
        (b"\0\0\0\x18ftypheic", "a.png is damaged or incomplete"),
        (b"\0\0\0\x18ftypavif", "a.png is damaged or incomplete"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a.png is not a JPEG, PNG, WebP"),
        (b"\x89PNG\r\n\x1a\n", "a.png is damaged or incomplete"),
        (b"\xff\xd8\xff", "a.png is damaged or incomplete"),
        (b"RIFF\0\0\0\0WEBP", "a.png is damaged or incomplete"),
        (b"\xff\xd8\xff" + bytes(images.MAX_BYTES), "a.png is larger than 25 MB"),
    ],
)
def test_what_is_no_picture_gets_one_line_that_names_the_file(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        open_image(data, "a.png")
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    whole = encode(Image.fromarray(noise), kind)
    with pytest.raises(ImageError, match="cut is damaged or incomplete"):
        open_image(whole[: int(len(whole) * share)], "cut")


def lossless_webp_header(width: int, height: int) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBPVP8L" + bytes(4) + b"/" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")


def extended_webp_header(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(8) + sides


def lossy_webp_header(width: int, height: int) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)


@pytest.mark.parametrize("header", [lossless_webp_header, extended_webp_header, lossy_webp_header])
def test_the_size_of_a_webp_is_known_before_its_decoder_starts(header: Callable[[int, int], bytes]) -> None:
    with pytest.raises(ImageError, match=r"a.webp has 12000 x 11000 pixels, but the limit is 16 megapixels"):
        open_image(header(12_000, 11_000) + bytes(50), "a.webp")


@pytest.mark.parametrize("settings", [{"lossless": True}, {"quality": 80}, {"lossless": True, "exif": b"Exif\0\0"}])
def test_the_size_in_a_webp_header_is_read_as_its_decoder_does(settings: dict[str, Any]) -> None:
    data = encode(photo(77, 51), "WEBP", **settings)
    assert images._webp_size(data) == (77, 51)


COST = """
import sys
from pathlib import Path
from dfs_core.data.images import ImageError, open_image
def peak():
    return int(next(line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")).split()[1]) // 1024
data = sys.stdin.buffer.read()
Path("/proc/self/clear_refs").write_text("5")  # a process begins with its parent's peak
before = peak()
try:
    print(open_image(data, "bomb").size)
except ImageError as error:
    print(error)
print(peak() - before)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads memory from /proc")


def cost_of(data: bytes) -> tuple[str, int]:
    """What opening a file says, and the megabytes that it took, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", COST], input=data, capture_output=True, cwd=REPOSITORY, check=True)
    assert done.stderr == b""
    said, megabytes = done.stdout.decode().splitlines()
    return said, int(megabytes)


@needs_proc
@pytest.mark.parametrize("size", [(12_000, 12_000), (1, 30_000_000)])
def test_a_decompression_bomb_is_refused_in_one_line_and_without_memory(size: tuple[int, int]) -> None:
    said, megabytes = cost_of(grey_png(*size))
    assert said.startswith(f"bomb has {size[0]} x {size[1]} pixels, but the limit is 24 megapixels in this format")
    assert megabytes < 20


@needs_proc
@pytest.mark.parametrize(
    ("kind", "mode", "side", "settings"),
    [
        ("PNG", "RGBA", 4890, {}),
        ("PNG", "P", 4890, {"transparency": 0}),
        ("WEBP", "RGBA", 3999, {"lossless": True}),
        ("TIFF", "RGBA", 4890, {"compression": "tiff_lzw"}),
        ("AVIF", "RGBA", 4470, {"speed": 10}),
        ("HEIF", "RGB", 4990, {"quality": 10, "enc_params": {"preset": "ultrafast"}}),
        ("JPEG", "RGB", 7990, {"progressive": True, "subsampling": 0}),
    ],
)
def test_no_file_of_a_few_kilobytes_takes_half_a_gigabyte(
    kind: str, mode: str, side: int, settings: dict[str, Any]
) -> None:
    said, megabytes = cost_of(encode(Image.new(mode, (side, side)), kind, **settings))
    assert said.startswith("("), "just below the limit it opens"
    assert megabytes < 450


@pytest.mark.parametrize("size", [(1, 20_001), (20_001, 1)])
def test_a_side_that_is_too_long_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=r"long.png has \d+ x \d+ pixels, but the limit is 20,000 pixels on a side"):
        open_image(grey_png(*size), "long.png")


def test_a_picture_just_under_the_limit_still_opens() -> None:
    assert open_image(grey_png(4800, 4800), "wide.png").size == (1200, 1200)


def test_a_name_of_several_lines_stays_one_line() -> None:
    with pytest.raises(ImageError, match=r"^two lines\.png is empty"):
        open_image(b"", "two\n lines.png")


@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF"]),
    at=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=30),
)
@settings(max_examples=150)
def test_damage_anywhere_gives_a_picture_or_an_image_error(kind: str, at: float, junk: bytes) -> None:
    whole = encode(photo(24, 20), kind)
    start = int(at * len(whole))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            opened = open_image(whole[:start] + junk + whole[start + len(junk) :], "odd")
        except ImageError:
            return
    assert opened.mode == "RGB"
