"""Helpers of the commands: shared arguments, parsing of numbers, and output as JSON or as an aligned table."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from dfs_core.checked import LONGEST_QUOTE
from dfs_core.errors import UserError
from dfs_core.files import at_home, json_text

MOST = 4096  # threads, or images in a batch
LONGEST_LINE = 1_000  # characters of an error: a path, a value and what is wrong with it


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the ``--json`` switch."""
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-dir``."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="folder with the data sets; default: DFS_DATA_DIR, else ./data",
    )


def data_dir_of(args: argparse.Namespace) -> Path:
    """The data folder from ``--data-dir``, else from ``find_data_dir``.

    Raises:
        UserError: there is neither.
    """
    from dfs_core.data.folders import find_data_dir

    found = args.data_dir or find_data_dir()
    if found is None:
        raise UserError("where are the images? Give --data-dir DIR, or set DFS_DATA_DIR")
    return at_home(found)


def percent(text: str) -> float:
    """Parse a percentage, with or without a percent sign."""
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a percentage: write 20 for 20 %") from None


def positive(text: str) -> int:
    """Parse a whole number above zero."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above zero")
    return int(text)


def few(text: str) -> int:
    """Parse a number of threads, or of images in a batch: from 1 to ``MOST``."""
    found = positive(text)
    if found > MOST:
        raise argparse.ArgumentTypeError(f"{text} is too many: the most is {MOST:,}")
    return found


def write(text: str) -> None:
    """Print a result. Characters that the terminal cannot encode, such as in file names, are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def write_json(data: Any) -> None:
    """Print a result as JSON."""
    sys.stdout.write(json_text(data))


def note_left_out(dataset: str, data_dir: Path, *splits: str) -> None:
    """Print on stderr which files of a data set are not read, one line for each split that has some."""
    from dfs_core.data.folders import left_out

    for split in splits:
        if words := left_out(dataset, data_dir, split):
            complain(f"{dataset}, {split}: passed over {words}", "note")


def complain(message: object, kind: str = "error") -> None:
    """Print an error or a note on stderr as one line: without the message's line breaks, and long values cut short."""
    line = " ".join(str(message).split())
    value = rf"(?<!\w)'[^']{{{LONGEST_QUOTE}}}[^']+'"  # a quote behind a letter ends a value, or is an apostrophe
    line = re.sub(value, lambda quoted: f"{quoted[0][: LONGEST_QUOTE + 1]}...'", line)
    line = re.sub(rf"\S{{{2 * LONGEST_QUOTE},}}", lambda word: f"{word[0][:LONGEST_QUOTE]}...", line)
    line = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
    if sys.stderr is not None:  # as with `... 2>&-`
        sys.stderr.write(f"{kind}: {line}\n".encode(errors="backslashreplace").decode())


def number(value: float | None, unit: str = "", decimals: int = 2) -> str:
    """A number with its unit as text; a dash for None."""
    if value is None:
        return "-"
    return f"{value:.{decimals}f}{' ' + unit if unit else ''}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: Collection[int] = (0,)) -> str:
    """Aligned columns: those whose positions are in ``words`` flush left, the others flush right.

    >>> print(table(("name", "cp"), [("a", "6.25 %"), ("long", "100.00 %")]))
    name        cp
    a       6.25 %
    long  100.00 %
    """
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def aligned(line: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if position in words else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join(map(aligned, lines))
