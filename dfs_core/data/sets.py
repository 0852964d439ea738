"""Data sets in memory: decoded once into a uint8 tensor, in an order and a split that do not depend on their layout."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dfs_core.data.archives import download_command, files_present, read_archive
from dfs_core.data.folders import SPLITS, Pixels, Report, folder_root, read_folders
from dfs_core.data.known import KNOWN, Channels
from dfs_core.errors import UserError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images with their labels.

    Attributes:
        dataset: name of the data set, such as ``cifar10``.
        split: ``train``, ``validation`` or ``test``.
        images: uint8, (N, 3, 32, 32).
        labels: int64, (N,), indices into ``classes``.
        classes: class names.
    """

    dataset: str
    split: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Tensor | Sequence[int] | slice, split: str | None = None) -> ImageSet:
        """The images at ``indices``, in that order, under the same split's name unless another is given."""
        chosen = indices if isinstance(indices, slice) else torch.as_tensor(indices, dtype=torch.int64)
        return ImageSet(self.dataset, split or self.split, self.images[chosen], self.labels[chosen], self.classes)


def load_images(dataset: str, data_dir: Path, split: str, report: Report | None = None) -> ImageSet:
    """Read a whole split as it lies on disk, from image folders or from torchvision's files.

    The order is that of the images' digests: the same for every layout, and random with respect to classes, so that the
    first N images are the same fair sample everywhere.

    Args:
        dataset: ``cifar10``, ``cifar100``, ``svhn``, or the name of a folder with ``{train,test}/<class>/`` in it.
        data_dir: the folder that holds it.
        split: ``train`` or ``test``.
        report: told how many images are read, and of how many, while folders are; what it raises ends the reading.

    Raises:
        UserError: the data set is missing, half there, damaged or not what its name says; the message says what to do.
    """
    data_dir = Path(data_dir).expanduser()
    if split not in SPLITS:
        raise UserError(f"split '{split}' is unknown: use {' or '.join(SPLITS)}")
    if dataset in ("", "..") or Path(dataset).name != dataset:
        raise UserError(
            f"'{dataset}' is not a data set's name: use {', '.join(KNOWN)} or the name of a folder in {data_dir}"
        )
    images, labels, classes = _read(dataset, data_dir, split, report)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    # Identical images exist in the public sets, some under two labels: the label then settles the order.
    order = np.lexsort((labels, _digests(pixels)))
    return ImageSet(dataset, split, pixels[order], torch.from_numpy(labels[order]), classes)


def train_validation(images: ImageSet, validation: int, seed: int = 0) -> tuple[ImageSet, ImageSet]:
    """Set aside a class-balanced validation split: per class the images with the smallest seeded digests.

    Args:
        images: the training set.
        validation: size of the validation split; at most a tenth of the set is taken, and at most half of a class.
        seed: another seed gives another split.

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
        raise UserError(f"{len(images)} training images are too few to set some aside for validation: use 20 or more")
    rest, chosen = (torch.from_numpy(np.flatnonzero(mask)) for mask in (~held, held))
    return images.subset(rest, "train"), images.subset(chosen, "validation")


def channel_statistics(images: ImageSet) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel over all pixels, in units of 0 to 1, for sets that are not KNOWN."""
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, spreads = [], []
    for channel in range(3):  # 256 counts say as much as millions of pixels, exactly and without a float copy of them
        counts = torch.bincount(images.images[:, channel].flatten().to(torch.int64), minlength=256).double()
        weights = counts / counts.sum()
        mean = (weights * levels).sum()
        means.append(float(mean))
        # A channel that never varies would be divided by zero: one grey level is its smallest spread.
        spreads.append(max(float((weights * (levels - mean) ** 2).sum().sqrt()), 1 / 255))
    return (means[0], means[1], means[2]), (spreads[0], spreads[1], spreads[2])


def _read(dataset: str, data_dir: Path, split: str, report: Report | None) -> Pixels:
    """Read from the layout that is there; image folders, which somebody made on purpose, come first."""
    root = folder_root(dataset, data_dir)
    known = dataset in KNOWN
    if known and files_present(dataset, data_dir) and (root is None or not (root / split).is_dir()):
        return read_archive(dataset, data_dir, split)
    if root is not None:
        return read_folders(dataset, root, split, report)
    folders = f"put image folders in {data_dir / dataset}/{{train,test}}/<class>/"
    if known:
        raise UserError(f"no {dataset} in {data_dir}: run '{download_command(dataset, data_dir)}', or {folders}")
    raise UserError(f"no data set '{dataset}' in {data_dir}: {folders}, or use {', '.join(KNOWN)}")


def _digests(pixels: Tensor, seed: int | None = None) -> np.ndarray:
    """A BLAKE2 digest of every image's bytes (N, 3, 32, 32) as uint64, (N,); each seed gives others."""
    salt = b"" if seed is None else seed.to_bytes(8, "little", signed=True)
    digests = b"".join(hashlib.blake2b(image.tobytes(), digest_size=8, salt=salt).digest() for image in pixels.numpy())
    return np.frombuffer(digests, ">u8").astype(np.uint64)
