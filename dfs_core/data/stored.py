"""Images that stay on disk and are decoded on demand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dfs_core.data.decode import Sources, decode, decode_one
from dfs_core.errors import UserError

# A split of up to this many bytes of pixels is kept in memory. Sorting briefly needs twice as much, which 8 GB allow.
# CIFAR-10 takes 0.15 GB and 100,000 images of 64 pixels take 1.2 GB. ImageNet at 224 pixels would take 193 GB.
IN_MEMORY = 2 * 2**30
WORKERS = min(8, os.cpu_count() or 1)  # processes that decode ahead

Chosen = Tensor | slice  # a choice of images: indices (n,) or a range


def fits_memory(count: int, size: int) -> bool:
    """Whether ``count`` images of size x size pixels are kept in memory."""
    return count * 3 * size**2 <= IN_MEMORY


class StoredImages:
    """Images that are decoded when they are indexed.

    Attributes:
        sources: image files, or the pictures of an archive.
        size: side of the decoded images in pixels.
        root: the folder that contains all files of the split; None for an archive.
    """

    def __init__(self, sources: Sources, size: int, root: Path | None = None) -> None:
        self.sources = sources
        self.size = size
        files = not isinstance(sources, np.ndarray) and len(sources) > 0
        self.root = Path(os.path.commonpath(sources)) if files and root is None else root

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, chosen: Chosen | int) -> Tensor:
        """Decode the chosen images: uint8 (n, 3, size, size), or (3, size, size) for one index."""
        if isinstance(chosen, int):
            return _tensor(decode_one(self.sources[chosen], self.size)[None])[0]
        return _tensor(decode(self.subset(chosen).sources, self.size))

    def subset(self, chosen: Chosen) -> StoredImages:
        """The chosen images, not decoded yet."""
        if isinstance(chosen, slice):
            return StoredImages(self.sources[chosen], self.size, self.root)
        if isinstance(self.sources, np.ndarray):
            return StoredImages(self.sources[chosen.numpy()], self.size)
        return StoredImages([self.sources[index] for index in chosen.tolist()], self.size, self.root)

    def batches(self, order: Iterable[Chosen]) -> Iterator[Tensor]:
        """The images of each choice, uint8 (n, 3, size, size), decoded ahead by ``WORKERS`` processes.

        Raises:
            UserError: a file cannot be read or is not a picture.
        """
        # Without its own generator, the loader would draw from PyTorch's global one and change the training run.
        loader = DataLoader(
            _Decoder(self),
            batch_size=None,
            sampler=order,
            num_workers=WORKERS,
            collate_fn=_unchanged,
            generator=torch.Generator(),
        )
        for pixels in loader:
            if isinstance(pixels, UserError):
                raise pixels
            yield _tensor(pixels)

    def identities(self) -> Iterator[bytes]:
        """Bytes that identify each image: its relative path, or its pixels in an archive."""
        for source in self.sources:
            if isinstance(source, Path):
                relative = Path(os.path.relpath(source, self.root)).as_posix()  # the same on every system
                yield relative.encode(errors="surrogateescape")
            else:
                yield source.tobytes()


class _Decoder(Dataset):
    """The worker's data set. It returns errors as values: raised, they reach the main process with a traceback."""

    def __init__(self, images: StoredImages) -> None:
        self.images = images

    def __getitem__(self, chosen: Chosen) -> np.ndarray | UserError:
        try:
            return np.stack([decode_one(source, self.images.size) for source in self.images.subset(chosen).sources])
        except UserError as error:
            return error


def _unchanged(pixels: Any) -> Any:
    """Keep arrays as arrays, which go through a pipe. Tensors need shared memory, which is scarce in containers."""
    return pixels


def _tensor(pixels: np.ndarray) -> Tensor:
    """Pictures (N, S, S, 3) as (N, 3, S, S)."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
