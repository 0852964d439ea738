"""Fetch one public data set with torchvision: ``python -m dfs_core.data.fetch DATASET FOLDER``.

``download`` runs this as a child process. A torchvision download cannot be stopped, has no time limit and prints a
progress bar. A child process can be stopped, can set a time limit on its connections, and prints nothing that is seen.
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

_SILENCE_S = 15  # give up on a server after this many seconds without data


def fetch(dataset: str, data_dir: Path) -> None:
    """Fetch the missing files of a public data set and check that it can be read.

    Raises:
        UserError: the network fails, the folder is not writable, or the downloaded files are damaged.
    """
    try:
        for split in SPLITS:
            open_split(dataset, data_dir, split, download=True)
    except RuntimeError as error:  # torchvision's error for wrong checksums; it does not fetch all such files again
        remains = ", ".join(path.name for path in files_present(dataset, data_dir))
        raise UserError(
            f"{dataset} in {data_dir} is damaged or incomplete: delete {remains} there and try again"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UserError(
            f"{dataset} could not be downloaded ({reason}): check the network and that {data_dir} is writable, "
            f"then run '{download_command(dataset, data_dir)}'"
        ) from error


if __name__ == "__main__":
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        fetch(sys.argv[1], Path(sys.argv[2]))
    except UserError as mistake:
        sys.stderr.write(f"\n{mistake}\n")
        sys.exit(EXPLAINED)
