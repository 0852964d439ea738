"""List the data sets in a folder, and download public ones into it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from dfs_core.data.archives import download_command, files_present
from dfs_core.data.fetch import EXPLAINED
from dfs_core.data.folders import SPLITS, class_folders, classes_of, folder_root, in_words, other_folders, passed_over
from dfs_core.data.known import ARCHIVES, KNOWN
from dfs_core.data.vision import complete_splits
from dfs_core.errors import UserError
from dfs_core.files import at_home, is_folder

Progress = Callable[[float, str], None]

NOT_READ = f"passed over: only {' and '.join(SPLITS)} are read"
_POLL_S = 0.2


def describe(data_dir: Path) -> list[dict[str, Any]]:
    """List the contents of a data folder, one row for each data set and split, without decoding an image.

    Returns:
        Rows of ``dataset``, ``split``, ``layout`` (``folders`` or ``torchvision``), ``images`` and ``classes`` (counts;
        0 if the files are unusable or not read), ``expected`` (images of the full split; None for your own data set)
        and ``status`` (``complete``, ``a part``, ``found, not opened`` for your own data set, or what is wrong and what
        to do).
    """
    data_dir = at_home(data_dir)
    if not data_dir.is_dir():
        return []
    names = {entry.name for entry in data_dir.iterdir() if is_folder(entry)}
    rows = []
    for name in sorted({*names, data_dir.resolve().name, *KNOWN}):
        root = folder_root(name, data_dir)
        if root:  # a split of a public set that has no folder may still be in torchvision's files
            in_folders = [split for split in SPLITS if name not in KNOWN or (root / split).is_dir()]
            rows += [_folder_row(name, root, split) for split in in_folders]
            if root != data_dir:  # beside the splits of the data folder itself lie other data sets
                rows += [_row(name, other, "folders", 0, 0, None, NOT_READ) for other in other_folders(root)]
        if name in KNOWN and files_present(name, data_dir):
            rows += _torchvision_rows(name, data_dir)
    return rows


def download(dataset: str, data_dir: Path, progress: Progress | None = None) -> None:
    """Download a public data set with torchvision. Complete files are not fetched again.

    torchvision runs in a child process (see ``fetch``) that ends with this call, even when the call is interrupted.
    Progress is the growth of the files that it writes.

    Args:
        dataset: ``cifar10``, ``cifar100`` or ``svhn``.
        data_dir: the folder to write to; created if it does not exist.
        progress: called from this thread with the fraction done, 0 to 1, and a text that says what is being done.

    Raises:
        UserError: the data set is unknown, the network fails, the download is damaged, or the folder is not writable.
    """
    if dataset not in KNOWN:
        raise UserError(f"'{dataset}' cannot be downloaded: choose one of {', '.join(KNOWN)}")
    report = progress or (lambda fraction, text: None)
    data_dir = at_home(data_dir).absolute()
    files = {data_dir / name: size for name, size in ARCHIVES[dataset].downloads.items()}
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        for path, size in files.items():
            if path.is_file() and path.stat().st_size != size:
                path.unlink()  # torchvision does not resume, so an old partial file must not count as progress
    except OSError as error:
        raise UserError(f"{data_dir} cannot be written ({error.strerror}): choose another data folder") from error
    with TemporaryFile() as messages:
        with subprocess.Popen(
            _fetch_command(dataset, data_dir),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            cwd=Path(__file__).parents[2],  # so that the child finds the package even if it is not installed
        ) as process:
            try:
                _watch(process, files, dataset, report)
            finally:
                process.kill()
        messages.seek(0)
        printed = messages.read().decode(errors="replace").strip()
    if process.returncode:
        last = printed.splitlines()[-1] if printed else f"exit code {process.returncode}"
        raise UserError(last if process.returncode == EXPLAINED else f"the download of {dataset} failed ({last})")
    report(1.0, f"{dataset} is complete")


def _fetch_command(dataset: str, data_dir: Path) -> list[str]:
    return [sys.executable, "-m", "dfs_core.data.fetch", dataset, str(data_dir)]


def _watch(process: subprocess.Popen[bytes], files: dict[Path, int], dataset: str, report: Progress) -> None:
    """Report the growth of ``files`` towards their full sizes until the process ends."""
    total = sum(files.values())
    while process.poll() is None:
        done = sum(min(path.stat().st_size, size) for path, size in files.items() if path.is_file())
        doing = f"downloading {dataset} ({done / 1e6:.0f} of {total / 1e6:.0f} MB)" if done else f"asking for {dataset}"
        report(done / total, doing if done < total else f"checking {dataset}")
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            continue


def _folder_row(dataset: str, root: Path, split: str) -> dict[str, Any]:
    found: dict[str, list[Path]] = {}
    mistake = ""
    try:
        found = class_folders(root, split)
        classes_of(dataset, found, root / split)
    except UserError as error:
        mistake = str(error)
    images = sum(map(len, found.values()))
    expected = KNOWN[dataset].size(split) if dataset in KNOWN else None
    others = passed_over(root, split)
    status = mistake or ("found, not opened" if expected is None else "complete" if images >= expected else "a part")
    if expected is not None and images > expected:
        status = f"{images - expected:,} images too many: remove what was added"
    if others:
        status += f"; passed over: {in_words(others)}"
    return _row(dataset, split, "folders", images, len(found), expected, status)


def _torchvision_rows(dataset: str, data_dir: Path) -> list[dict[str, Any]]:
    info, complete = KNOWN[dataset], complete_splits(dataset, data_dir)
    repair = f"incomplete or damaged: run '{download_command(dataset, data_dir)}'"
    rows = []
    for split in SPLITS:
        whole, size = split in complete, info.size(split)
        status = "complete" if whole else repair
        rows.append(_row(dataset, split, "torchvision", whole * size, whole * len(info.classes), size, status))
    return rows


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
