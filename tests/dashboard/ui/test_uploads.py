"""Files that cannot be used: told once, on the page where they were given, until somebody closes that."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from pages import go_to
from PIL import Image
from pillow_heif import register_heif_opener
from places import APP
from streamlit.testing.v1 import AppTest
from tiny import picture


@pytest.fixture
def app(tiny_pretrained: Path, no_data: Path) -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=60).run()


def test_files_that_cannot_be_used_are_told_once_in_a_line_that_can_be_closed(app):
    bad = [(name, b"these are notes", "image/png") for name in ("notes.png", "more.png", "notes.png")]
    app.file_uploader(key="uploads").set_value(bad).run()
    assert len(app.error) == 1
    assert [app.error[0].value.count(name) for name in ("notes.png", "more.png")] == [1, 1]
    app.button(key="close_refused").click().run()
    assert not app.error
    app.run()
    assert not app.error, "though the uploader still lists them"
    app.file_uploader(key="uploads").set_value([*bad, ("third.png", b"no", "image/png")]).run()
    assert "third.png" in app.error[0].value


def test_files_that_cannot_be_used_are_not_told_on_other_pages_and_do_not_count(app):
    buffer = io.BytesIO()
    Image.fromarray(picture(3, 48)).save(buffer, "PNG")
    files = [("holiday.png", buffer.getvalue(), "image/png"), ("notes.png", b"these are notes", "image/png")]
    app.file_uploader(key="uploads").set_value(files).run()
    go_to(app, "image").run()
    assert not app.error
    assert app.button(key="remove_own").label == "Remove 1 earlier image"
    go_to(app, "explore").run()
    assert not app.error


def test_pictures_of_a_telephone_open_and_what_is_none_is_refused_in_words(app):
    register_heif_opener()
    files = []
    for name, kind in (("phone.heic", "HEIF"), ("scan.tiff", "TIFF"), ("old.bmp", "BMP"), ("moving.gif", "GIF")):
        stream = io.BytesIO()
        Image.new("RGB", (40, 30), "red").save(stream, kind)
        files.append((name, stream.getvalue(), "application/octet-stream"))
    app.file_uploader(key="uploads").set_value([*files, ("letter.pdf", b"%PDF-1.7", "application/pdf")]).run()
    assert not app.exception
    said = app.error[0].value
    assert "letter.pdf is not a JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture" in said
    assert not any(name in said for name, _, _ in files)
