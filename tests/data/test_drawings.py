from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dfs_core.data import drawings as drawings_module
from dfs_core.data.drawings import LABELS, Drawing, drawings
from dfs_core.data.images import to_model_input
from dfs_core.data.known import KNOWN
from dfs_core.data.superclasses import CIFAR100


@pytest.fixture(scope="module", params=LABELS)
def dataset(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def all_drawings(dataset: str) -> list[Drawing]:
    return drawings(dataset)


def test_every_class_or_superclass_has_a_drawing_and_every_name_is_its_own(
    dataset: str, all_drawings: list[Drawing]
) -> None:
    labels = {drawing.label for drawing in all_drawings}
    assert labels <= set(KNOWN[dataset].classes)
    groups = CIFAR100.values() if dataset == "cifar100" else [(name,) for name in KNOWN[dataset].classes]
    assert all(labels & set(group) for group in groups)
    names = [drawing.name for drawing in all_drawings]
    assert len(names) == len(set(names)) >= 12
    assert all(re.fullmatch("[a-z-]+", name) for name in names)


def test_a_data_set_without_drawings_gets_those_of_cifar10(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings_module, "_drawn", lambda path: None)  # their names matter here, not their pictures
    assert [drawing.name for drawing in drawings("svhn")] == list(LABELS["cifar10"])


def test_drawings_are_pictures_of_one_size(all_drawings: list[Drawing]) -> None:
    for drawing in all_drawings:
        assert drawing.image.shape == (256, 256, 3)
        assert drawing.image.dtype == np.uint8
        assert len(np.unique(drawing.image.reshape(-1, 3), axis=0)) > 1000, drawing.name


def test_drawings_differ_even_at_the_size_the_network_sees(all_drawings: list[Drawing]) -> None:
    small = [to_model_input(Image.fromarray(drawing.image)).astype(int) for drawing in all_drawings]
    assert all(np.abs(a - b).mean() > 15 for i, a in enumerate(small) for b in small[:i])


def test_drawings_are_the_same_every_time(dataset: str, all_drawings: list[Drawing]) -> None:
    for first, second in zip(all_drawings, drawings(dataset), strict=True):
        assert (first.name, first.label) == (second.name, second.label)
        assert (first.image == second.image).all()


def test_every_drawing_is_listed_and_draws_only_what_is_in_it(dataset: str) -> None:
    folder = Path(drawings_module.__file__).with_name("drawn") / dataset
    files = {path.stem: path.read_text() for path in folder.glob("*.svg")}
    assert set(files) == set(LABELS[dataset])
    for name, text in files.items():
        assert not re.search(r"<script|<image|<text|href=|https?://(?!www\.w3\.org/2000/svg)", text), name


def test_a_body_is_lit_from_above_left() -> None:
    frog = drawings_module._drawn(Path(drawings_module.__file__).with_name("drawn") / "cifar10" / "frog.svg").astype(
        int
    )
    eye = frog[60:118, 58:112, 1]  # a round body on a plain ground
    assert eye[6:20, 10:24].mean() > eye[38:52, 34:48].mean() + 20
