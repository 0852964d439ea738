"""Fetch one public data set with torchvision: ``python -m dfs_core.data.fetch DATASET FOLDER``, for ``download``.

torchvision can be neither stopped nor given a time limit while it downloads, and it draws a bar of its own. A process
can be ended at any moment, may limit the time of every connection it makes, and writes where nobody looks.
"""

from __future__ import annotations

import http.client
import socket
import sys
from pathlib import Path

from dfs_core.data.archives import download_command, files_present
from dfs_core.data.folders import SPLITS
from dfs_core.data.vision import open_split
from dfs_core.errors import UserError

EXPLAINED = 2  # exit code: the last line of stderr says what went wrong and what to do

_SILENCE_S = 15  # a server that says nothing for so long is taken for gone


def fetch(dataset: str, data_dir: Path) -> None:
    """Fetch what is missing of a public data set, and see that it can be read.

    Raises:
        UserError: no network, a folder that cannot be written, or files that are damaged when they arrive.
    """
    try:
        for split in SPLITS:
            open_split(dataset, data_dir, split, download=True)
    except RuntimeError as error:  # torchvision's word for wrong checksums; not all of them make it fetch files again
        remains = ", ".join(path.name for path in files_present(dataset, data_dir))
        raise UserError(
            f"{dataset} in {data_dir} is damaged or was cut short on its way: delete {remains} there and try again"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UserError(
            f"{dataset} could not be downloaded ({reason}): check the network and that {data_dir} can be written, then "
            f"run '{download_command(dataset, data_dir)}'"
        ) from error


if __name__ == "__main__":
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except UserError as mistake:
        sys.stderr.write(f"\n{mistake}\n")
        sys.exit(EXPLAINED)
