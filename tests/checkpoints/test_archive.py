"""Zips of checkpoints: a damaged one is refused in one line, whatever its damage is."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from dfs_core.checkpoints.archive import has_card, unpack
from dfs_core.errors import UserError


def zipped(folder: Path, path: Path, compression: int) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_zip_is_refused_in_one_line_and_a_whole_one_is_a_checkpoint(
    tiny_pretrained: Path, tmp_path: Path, compression: int
) -> None:
    path = zipped(tiny_pretrained / "tiny-backbone", tmp_path / "tiny.zip", compression)
    assert has_card(path)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    told: list[str] = []
    for number in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data) if number % 2 else 400, 4):
            data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        assert has_card(path) in (True, False)
        try:
            unpack(path, tmp_path / f"into-{number}")
        except UserError as error:
            told.append(str(error))
    assert len(told) > 30
    assert not any("\n" in line for line in told)
    path.write_bytes(whole)
    assert (unpack(path, tmp_path / "into") / "card.json").is_file()


def test_all_files_of_a_checkpoint_are_unpacked_and_no_other(tiny_pretrained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(tiny_pretrained / "tiny-dfs-20", folder)
    for name in ("dial.csv", "shuffled.csv", "log.jsonl", "config.toml", "traces-b0.4.parquet"):
        (folder / name).write_text("")
    kept = {path.name for path in folder.iterdir()}
    (folder / "script.py").write_text("")
    new = unpack(zipped(folder, tmp_path / "mine.zip", zipfile.ZIP_DEFLATED), tmp_path / "into")
    assert {path.name for path in new.iterdir()} == kept
