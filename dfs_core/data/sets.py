"""Data sets. The order of images and the validation split do not depend on how the images are stored on disk.

A split that fits into memory is decoded once into a uint8 tensor. A larger one stays on disk and is decoded on demand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dfs_core.data.archives import download_command, files_present, read_archive
from dfs_core.data.decode import Report, decode, open_source
from dfs_core.data.folders import SPLITS, Found, find_images, folder_root
from dfs_core.data.known import KNOWN, Channels
from dfs_core.data.stored import Chosen, StoredImages, fits_memory
from dfs_core.errors import UserError
from dfs_core.files import at_home
from dfs_core.model.layout import CIFAR_SIZE

SAMPLE = 10_000  # images from which the channel statistics of a large set are estimated
PART = 1000  # images whose pixels are counted at a time


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels.

    Attributes:
        dataset: name of the data set, such as ``cifar10``.
        split: ``train``, ``validation`` or ``test``.
        images: uint8, (N, 3, S, S); or ``StoredImages``, which decodes when it is indexed.
        labels: int64, (N,), indices into ``classes``.
        classes: class names.
        stored: the pictures on disk, where they may differ from ``images``: files, or an archive of another size.
    """

    dataset: str
    split: str
    images: Tensor | StoredImages
    labels: Tensor
    classes: tuple[str, ...]
    stored: StoredImages | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self.images.size if isinstance(self.images, StoredImages) else self.images.shape[-1]

    def subset(self, indices: Tensor | Sequence[int] | slice, split: str | None = None) -> ImageSet:
        """The images at ``indices``, in that order. ``split`` renames the split."""
        chosen = indices if isinstance(indices, slice) else torch.as_tensor(indices, dtype=torch.int64)
        images = self.images.subset(chosen) if isinstance(self.images, StoredImages) else self.images[chosen]
        stored = self.stored and self.stored.subset(chosen)
        return ImageSet(self.dataset, split or self.split, images, self.labels[chosen], self.classes, stored)

    def as_stored(self, index: int) -> Image.Image:
        """One picture as it is stored, before it is cropped and resized; errors as for ``decode_one``."""
        if self.stored is not None:
            return open_source(self.stored.sources[index])
        return Image.fromarray(self.images[index].permute(1, 2, 0).numpy())

    def loaded(self) -> ImageSet:
        """The same images in memory, whatever their size: for a sample that is used repeatedly."""
        return replace(self, images=self.images[:]) if isinstance(self.images, StoredImages) else self

    def on(self, device: torch.device) -> ImageSet:
        """The same images on a device. Images that are not decoded yet stay on disk."""
        images = self.images if isinstance(self.images, StoredImages) else self.images.to(device)
        return replace(self, images=images, labels=self.labels.to(device))

    def batches(self, order: Iterable[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels for each tensor of indices (n,). Images on disk are read ahead."""
        ours, theirs = tee(order)
        for chosen, images in zip(ours, batches_of(self.images, theirs), strict=True):
            yield images, self.labels[chosen.to(self.labels.device, non_blocking=True)]


def batches_of(images: Tensor | StoredImages, order: Iterable[Chosen]) -> Iterator[Tensor]:
    """The images of each choice, uint8 (n, 3, S, S), from memory or read ahead from disk."""
    if isinstance(images, StoredImages):
        return images.batches(order)
    return (
        images[chosen if isinstance(chosen, slice) else chosen.to(images.device, non_blocking=True)] for chosen in order
    )


def load_images(
    dataset: str, data_dir: Path, split: str, report: Report | None = None, size: int = CIFAR_SIZE
) -> ImageSet:
    """Find a whole split in image folders or in torchvision's files, and read it if it fits into memory.

    Images are sorted by the digests of their pixels. The order is the same however they are stored, and random with
    respect to classes, so the first N images are the same fair sample everywhere. For images in folders that do not fit
    into memory, the digests are those of the relative paths.

    Args:
        dataset: ``cifar10``, ``cifar100``, ``svhn``, or the name of a folder with ``{train,test}/<class>/`` in it.
        data_dir: the folder that holds the data set.
        split: ``train`` or ``test``.
        report: called with the number of images read and their total. An exception in it stops the reading.
        size: input size of the network in pixels. Other images are cropped to a square and resized.

    Raises:
        UserError: the data set is missing, incomplete, damaged or not what its name says. The message says what to do.
    """
    data_dir = at_home(data_dir)
    if split not in SPLITS:
        raise UserError(f"split '{split}' is unknown: use {' or '.join(SPLITS)}")
    if dataset in ("", "..") or Path(dataset).name != dataset:
        raise UserError(
            f"'{dataset}' is not a data set's name: use {', '.join(KNOWN)} or the name of a folder in {data_dir}"
        )
    sources, labels, classes = _find(dataset, data_dir, split)
    stored = StoredImages(sources, size)
    images: Tensor | StoredImages = stored
    if fits_memory(len(sources), size):
        images = torch.from_numpy(decode(sources, size, report)).permute(0, 3, 1, 2).contiguous()
    # The public sets contain identical images, some with two labels. The label breaks such ties.
    order = np.lexsort((labels, _digests(images)))
    as_seen = isinstance(sources, np.ndarray) and sources.shape[1:] == (size, size, 3)
    whole = ImageSet(dataset, split, images, torch.from_numpy(labels), classes, None if as_seen else stored)
    return whole.subset(torch.from_numpy(order))


def train_validation(images: ImageSet, validation: int, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Set aside a class-balanced validation split: the images of each class with the smallest seeded digests.

    Args:
        images: the training set.
        validation: size of the validation split, limited to a tenth of the set and to half of each class.
        seed: seed of the digests; another seed gives another split.

    Returns:
        The remaining training images and the validation images, each in the order of ``images``.

    Raises:
        UserError: the set is too small for a validation split.
    """
    count = min(validation, len(images) // 10)
    quota, extra = divmod(count, len(images.classes))
    labels, digests = images.labels.numpy(), _digests(images.images, seed)
    held = np.zeros(len(images), bool)
    for label in range(len(images.classes)):
        members = np.flatnonzero(labels == label)
        share = min(quota + (label < extra), len(members) // 2)
        held[members[np.argsort(digests[members], kind="stable")[:share]]] = True
    if validation > 0 and not held.any():
        raise UserError(f"{len(images)} training images are too few for a validation split: use 20 or more")
    rest, chosen = (torch.from_numpy(np.flatnonzero(mask)) for mask in (~held, held))
    return images.subset(rest, "train"), images.subset(chosen, "validation")


def fingerprint(images: ImageSet) -> str:
    """A digest of the images and labels of a set, to tell later whether a set is the same."""
    digest = hashlib.blake2b(_digests(images.images).astype("<u8").tobytes(), digest_size=16)
    digest.update(images.labels.numpy().astype("<i8").tobytes())
    return digest.hexdigest()


def channel_statistics(images: ImageSet) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel over all pixels, in units of 0 to 1, for sets that are not ``KNOWN``.

    For images that stay on disk, the first ``SAMPLE`` are used.
    """
    sample = images.subset(slice(SAMPLE)) if isinstance(images.images, StoredImages) else images
    counts = torch.zeros(3, 256, dtype=torch.float64)
    order = [slice(start, start + PART) for start in range(0, len(sample), PART)]
    for pixels in batches_of(sample.images, order):
        for channel in range(3):  # a histogram of 256 counts is exact and needs no float copy of the pixels
            counts[channel] += torch.bincount(pixels[:, channel].flatten().to(torch.int64), minlength=256)
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, spreads = [], []
    for row in counts:
        weights = row / row.sum()
        mean = (weights * levels).sum()
        means.append(float(mean))
        # A constant channel would lead to a division by zero, so the deviation is at least one grey level.
        spreads.append(max(float((weights * (levels - mean) ** 2).sum().sqrt()), 1 / 255))
    return (means[0], means[1], means[2]), (spreads[0], spreads[1], spreads[2])


def _find(dataset: str, data_dir: Path, split: str) -> Found:
    """Find a split on disk. Image folders come first, because somebody made them on purpose."""
    root = folder_root(dataset, data_dir)
    known = dataset in KNOWN
    if known and files_present(dataset, data_dir) and (root is None or not (root / split).is_dir()):
        return read_archive(dataset, data_dir, split)
    if root is not None:
        return find_images(dataset, root, split)
    folders = f"put image folders in {data_dir / dataset}/{{train,test}}/<class>/"
    if known:
        raise UserError(f"no {dataset} in {data_dir}: run '{download_command(dataset, data_dir)}', or {folders}")
    if not data_dir.is_dir():
        raise UserError(f"there is no folder {data_dir}: give --data-dir, or put image folders in it")
    raise UserError(f"no data set '{dataset}' in {data_dir}: {folders}, or use {', '.join(KNOWN)}")


def _digests(images: Tensor | StoredImages, seed: int | None = None) -> np.ndarray:
    """The BLAKE2 digest of each image's identity, uint64 (N,). Each seed gives other digests."""
    salt = b"" if seed is None else seed.to_bytes(8, "little", signed=True)
    if isinstance(images, StoredImages):
        identities = images.identities()
    else:
        identities = (pixels.tobytes() for pixels in images.numpy())
    digests = b"".join(hashlib.blake2b(identity, digest_size=8, salt=salt).digest() for identity in identities)
    return np.frombuffer(digests, ">u8").astype(np.uint64)
