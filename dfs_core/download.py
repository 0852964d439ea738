"""Which data sets a folder holds, and fetching the public ones into it."""

from __future__ import annotations

import http.client
import tarfile
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dfs_core.archives import download_command, has_md5, has_traces, is_complete
from dfs_core.errors import UserError
from dfs_core.folders import SPLITS, class_folders, folder_root
from dfs_core.known import ARCHIVES, KNOWN, RemoteFile

Progress = Callable[[float, str], None]

_CHUNK = 2**20
_TIMEOUT_S = 30


def describe(data_dir: Path) -> list[dict[str, Any]]:
    """What a data folder holds, one row per data set and split, without decoding an image.

    Returns:
        Rows of ``dataset``, ``split``, ``layout`` (``folders`` or ``torchvision``), ``images`` and ``classes`` (counts;
        0 where the files are unusable), ``expected`` (images of the full split; None for a data set of one's own) and
        ``status`` (``complete``, ``a part``, or what is wrong and what to do).
    """
    data_dir = Path(data_dir).expanduser()
    if not data_dir.is_dir():
        return []
    trees = {entry.name: entry for entry in sorted(data_dir.iterdir()) if entry.is_dir()}
    trees[data_dir.resolve().name] = data_dir
    rows = []
    for name in sorted({*trees, *KNOWN}):
        root = folder_root(name, data_dir)
        splits = [split for split in SPLITS if root and (root / split).is_dir()]
        rows += [_folder_row(name, root, split) for split in splits if root]
        if name in KNOWN and has_traces(name, data_dir):
            rows += _torchvision_rows(name, data_dir)
    return rows


def download(dataset: str, data_dir: Path, progress: Progress | None = None) -> None:
    """Fetch a public data set into torchvision's layout; what is already complete is not fetched again.

    Every file is written beside its place and moved there when its checksum is right, so that an interrupted download
    is never taken for a data set.

    Args:
        dataset: ``cifar10``, ``cifar100`` or ``svhn``.
        data_dir: where to put it; made if it does not exist.
        progress: called with the fraction done, 0 to 1, and what is being done.

    Raises:
        UserError: an unknown data set, no network, a damaged download, or a folder that cannot be written.
    """
    if dataset not in KNOWN:
        raise UserError(f"'{dataset}' cannot be downloaded: choose one of {', '.join(KNOWN)}")
    report = progress or (lambda fraction, text: None)
    data_dir = Path(data_dir).expanduser()
    if not is_complete(dataset, data_dir):
        remotes = ARCHIVES[dataset].downloads
        for number, remote in enumerate(remotes):
            try:
                data_dir.mkdir(parents=True, exist_ok=True)
                if not has_md5(data_dir / remote.name, remote.md5):
                    _fetch(remote, data_dir, partial(_report_share, report, number, len(remotes), remote.name))
                if remote.name.endswith(".tar.gz"):
                    report(1.0, f"unpacking {remote.name}")
                    _unpack(
                        data_dir / remote.name,
                        {name for files in ARCHIVES[dataset].files.values() for name, _ in files},
                    )
            except (OSError, http.client.HTTPException, tarfile.TarError) as error:
                reason = getattr(error, "reason", error)  # what urllib wraps says more in fewer words
                raise UserError(
                    f"{dataset} could not be downloaded ({reason}): check the network and {data_dir} and try again, "
                    f"or put {remote.url} there yourself and then run this again"
                ) from error
        if not is_complete(dataset, data_dir):
            raise UserError(
                f"{dataset} in {data_dir} is still incomplete: delete its files there and download it again"
            )
    report(1.0, f"{dataset} is complete")


def _report_share(report: Progress, number: int, count: int, name: str, fraction: float) -> None:
    """Turn one file's progress into that of all ``count`` files."""
    report((number + fraction) / count, f"downloading {name}")


def _fetch(remote: RemoteFile, data_dir: Path, report: Callable[[float], None]) -> None:
    """Stream a file to disk; it gets its name only when its checksum is right."""
    part = data_dir / f"{remote.name}.part"
    request = urllib.request.Request(remote.url, headers={"User-Agent": "dfs-explorer"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response, part.open("wb") as out:
        total, done = int(response.headers.get("Content-Length") or 0), 0
        while chunk := response.read(_CHUNK):
            out.write(chunk)
            done += len(chunk)
            report(min(done / total, 1.0) if total else 0.0)
    if not has_md5(part, remote.md5):
        part.unlink()
        raise OSError(f"{remote.name} arrived damaged or cut short")
    part.replace(data_dir / remote.name)


def _unpack(packed: Path, names: set[str]) -> None:
    """Take the files that are needed, and nothing else, out of a tar archive."""
    with tarfile.open(packed) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name in names else None
            if content is not None:
                target = packed.parent / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _folder_row(dataset: str, root: Path, split: str) -> dict[str, Any]:
    found = class_folders(root, split)
    images = sum(map(len, found.values()))
    expected = KNOWN[dataset].size(split) if dataset in KNOWN else None
    status = "complete" if expected in (None, images) else "a part"
    if dataset in KNOWN and set(found) - set(KNOWN[dataset].classes):
        status = f"its class folders are not those of {dataset}: rename or remove them"
    elif not images:
        status = "no images: put PNG, JPEG or WebP files in class folders"
    return _row(dataset, split, "folders", images, len(found), expected, status)


def _torchvision_rows(dataset: str, data_dir: Path) -> list[dict[str, Any]]:
    info = KNOWN[dataset]
    whole = is_complete(dataset, data_dir)
    status = "complete" if whole else f"incomplete or damaged: run '{download_command(dataset, data_dir)}'"
    return [
        _row(
            dataset, split, "torchvision", whole * info.size(split), whole * len(info.classes), info.size(split), status
        )
        for split in SPLITS
    ]


def _row(
    dataset: str, split: str, layout: str, images: int, classes: int, expected: int | None, status: str
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "split": split,
        "layout": layout,
        "images": images,
        "classes": classes,
        "expected": expected,
        "status": status,
    }
