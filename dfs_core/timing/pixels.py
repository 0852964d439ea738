"""The images that networks are timed on: decisions, and so times, depend on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dfs_core.checkpoints.card import Card
from dfs_core.data.drawings import drawings
from dfs_core.data.folders import find_data_dir
from dfs_core.data.images import to_model_input
from dfs_core.data.sets import batches_of, load_images
from dfs_core.errors import UserError

DRAWINGS = "drawings: there is no data set here"


def pixels_of(card: Card, count: int, data_dir: Path | None = None) -> tuple[Tensor, str]:
    """Images for a checkpoint's network, repeated if there are fewer.

    Args:
        card: of the checkpoint.
        count: number of images.
        data_dir: the folder that holds the data set; None to search for one, and to use drawings if there is none.

    Returns:
        uint8 (count, 3, S, S), and in words what they are.

    Raises:
        UserError: the data set is not in ``data_dir``, or has other classes than the checkpoint.
    """
    folder = data_dir or find_data_dir()
    try:
        if folder is None:
            raise UserError(DRAWINGS)
        found = load_images(card.dataset, folder, "test", size=card.config.image_size)
        if found.classes != card.classes:
            raise UserError(f"{card.dataset} in {folder} has other classes than the checkpoint was trained with")
        (pixels,) = batches_of(found.images, [slice(min(count, len(found)))])
        source = f"{card.dataset}, test"
    except UserError:
        if data_dir is not None:  # the user said where the images are
            raise
        drawn = [
            to_model_input(Image.fromarray(drawing.image), card.config.image_size) for drawing in drawings(card.dataset)
        ]
        pixels, source = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2), DRAWINGS
    return pixels.repeat(-(-count // len(pixels)), 1, 1, 1)[:count], source
