"""How unlike the training images a picture is, measured on the picture alone, before any network sees it.

A network names one of its classes for any picture, and for noise it may be surer than for a photograph. So its own
confidence does not say that a picture is of no class. The power spectrum of a picture says at least whether it looks
like the photographs that the network was trained on. Features are the logarithms of the power in ``BANDS`` rings of
spatial frequency, of the grey picture and of its colour differences, and the mean brightness. The score is the
Mahalanobis distance from the training images: with the features' mean m and covariance C over these,

    distance(x) = sqrt((f(x) - m)^T C^-1 (f(x) - m)).

A picture is unlike the training images if its distance is above a limit under which 95 % of the validation images lie.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from dfs_core.checked import Count, Name, build, parse_json
from dfs_core.errors import UserError
from dfs_core.files import json_text
from dfs_core.model.layout import CIFAR_SIZE

KEPT = 0.95  # share of the validation images that are not marked
# Edges of the rings in cycles per image, times two, for images of 32 pixels; others are scaled.
_EDGES = (0.5, 1.5, 3.0, 5.0, 8.0, 12.0, 17.0, 23.0, 46.0)
BANDS = len(_EDGES) - 1
FEATURES = 2 * BANDS + 1
_FLOOR = 1e-6  # power of a ring without any, so that its logarithm is finite
_PART = 500  # pictures at a time

Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
Row = Annotated[tuple[Number, ...], Meta(min_length=FEATURES, max_length=FEATURES)]


@dataclass(frozen=True, slots=True)
class Familiar:
    """What the pictures of a data set look like, and how far from them a picture may lie.

    Attributes:
        dataset: name of the data set.
        size: side of the images in pixels.
        images: number of training images that it was fitted to.
        mean: mean of their features.
        precision: inverse of the features' covariance.
        limit: distance under which a share ``KEPT`` of the validation images lies.
        marked: share of pictures above the limit in percent, by what they show.
    """

    dataset: Name
    size: Count
    images: Count
    mean: Row
    precision: Annotated[tuple[Row, ...], Meta(min_length=FEATURES, max_length=FEATURES)]
    limit: Number
    marked: dict[str, Number]

    def distance(self, pictures: np.ndarray) -> np.ndarray:
        """Distance of pictures, uint8 (N, S, S, 3), from the training images, (N,)."""
        away = features(pictures) - np.array(self.mean)
        return np.sqrt(np.einsum("nf,fg,ng->n", away, np.array(self.precision), away).clip(0))

    def share(self, pictures: np.ndarray) -> float:
        """Percentage of pictures, uint8 (N, S, S, 3), above the limit."""
        return 100 * float((self.distance(pictures) > self.limit).mean())

    def to_json(self) -> str:
        """As the text of its file."""
        return json_text(asdict(self))


def features(pictures: np.ndarray) -> np.ndarray:
    """The features of pictures, uint8 (N, S, S, 3): log power of each ring, and brightness, (N, FEATURES)."""
    parts = [pictures[start : start + _PART] for start in range(0, len(pictures), _PART)]
    return np.concatenate([_features(part) for part in parts]) if parts else np.empty((0, FEATURES))


def _features(pictures: np.ndarray) -> np.ndarray:
    size = pictures.shape[1]
    wave, rings = _transform(size)
    pixels = pictures.astype(np.float64).transpose(0, 3, 1, 2) / 255
    waves = wave @ pixels @ wave.T
    grey = waves.mean(axis=1) ** 2
    colour = ((waves[:, 0] - waves[:, 1]) ** 2 + (waves[:, 2] - waves[:, 1]) ** 2) / 2
    rows = [np.log(part[:, ring].mean(axis=1) + _FLOOR) for ring in rings for part in (grey, colour)]
    return np.stack([*rows, pixels.mean(axis=(1, 2, 3))], axis=1)


@lru_cache(maxsize=4)
def _transform(size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The matrix of the orthonormal cosine transform (DCT-II), and a mask of its coefficients for each ring."""
    place = np.arange(size)
    wave = np.cos(np.pi * np.outer(place, 2 * place + 1) / (2 * size)) * np.sqrt(2 / size)
    wave[0] /= np.sqrt(2)
    radius = np.hypot(place[:, None], place[None]) * CIFAR_SIZE / size
    return wave, [(radius >= low) & (radius < high) for low, high in itertools.pairwise(_EDGES)]


def fit(dataset: str, training: np.ndarray, held_out: np.ndarray, others: Mapping[str, np.ndarray]) -> Familiar:
    """Fit the training images, set the limit on held-out ones, and measure how many others are above it.

    Args:
        dataset: name of the data set.
        training: images to fit, uint8 (N, S, S, 3).
        held_out: validation images, likewise.
        others: further pictures by what they show.

    Raises:
        UserError: there are too few training images.
    """
    found = features(training)
    if len(found) < 10 * FEATURES:
        raise UserError(
            f"{len(found)} training images are too few to say what they look like: {10 * FEATURES:,} are needed,"
            " besides the tenth that is kept for validation"
        )
    # A feature that never changes would make the covariance singular.
    precision = np.linalg.inv(np.cov(found.T) + _FLOOR * np.eye(FEATURES))
    rows = tuple(tuple(float(f"{value:.6g}") for value in row) for row in (found.mean(axis=0), *precision))
    begun = Familiar(dataset, training.shape[1], len(found), rows[0], rows[1:], 0.0, {})
    whole = replace(begun, limit=round(float(np.quantile(begun.distance(held_out), KEPT)), 4))
    return replace(whole, marked={name: round(whole.share(pictures), 1) for name, pictures in others.items()})


def file_of(folder: Path, dataset: str, size: int) -> Path:
    """The file in ``folder`` that says what the images of a data set look like."""
    return folder / f"familiar-{dataset}-{size}.json"


def read_familiar(path: Path) -> Familiar | None:
    """What ``to_json`` wrote; None if there is no file.

    Raises:
        UserError: the file cannot be read or says what cannot be. The message names it.
    """
    if not path.is_file():
        return None
    try:
        return build(Familiar, parse_json(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
