"""The command line: ``python -m dfs_core COMMAND``. It exits with 0, or with 2 and one line on stderr for a mistake."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from dfs_core import __version__
from dfs_core.commands import (
    cascade,
    checkpoints,
    compare,
    evaluate,
    export_onnx,
    research,
    results,
    sweep,
    timing,
    traces,
    unlike,
    work,
)
from dfs_core.commands.output import complain
from dfs_core.errors import UserError

PROGRAM = "python -m dfs_core"
DESCRIPTION = "Dynamic fractional skipping: networks that decide how much to compute for each image and block."

# Command -> its purpose, an example, and the function that defines its arguments.
COMMANDS: dict[str, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "list": ("list the trained checkpoints", "--json", checkpoints.add_list),
    "predict": (
        "classify pictures and show the decisions for each",
        "cat.jpg dog.png --checkpoint NAME --budget 20",
        checkpoints.add_predict,
    ),
    "evaluate": (
        "measure accuracy and cost of a checkpoint on a data set",
        "--checkpoint NAME --data-dir data --limit 1000",
        evaluate.add_evaluate,
    ),
    "traces": (
        "store the decisions of a checkpoint for every test image",
        "--checkpoint NAME --data-dir data",
        traces.add_traces,
    ),
    "compare": (
        "compare two checkpoints on the same test images, from their stored decisions",
        "dfs-resnet38-cifar10-b20 lowbit-resnet38-cifar10@1.56",
        compare.add_compare,
    ),
    "results": ("write all measured points and comparisons, as data and tables", "--out results", results.add_results),
    "dial": (
        "measure a fixed-budget checkpoint at several prices, without training",
        "--checkpoint NAME --data-dir data",
        research.add_dial,
    ),
    "prices": (
        "measure which budget each price leads to, at more prices",
        "--checkpoint NAME --data-dir data --range 0.001 8",
        research.add_prices,
    ),
    "shuffle": (
        "measure accuracy when images get each other's decision vectors",
        "--checkpoint NAME --data-dir data",
        research.add_shuffle,
    ),
    "cascade": (
        "measure checkpoints in a row: the next is asked where the answer is in doubt",
        "--passes NAME NAME NAME --data-dir data",
        cascade.add_cascade,
    ),
    "unlike": (
        "measure which pictures are marked as unlike the training images of a data set",
        "cifar10 --data-dir data --checkpoint NAME",
        unlike.add_unlike,
    ),
    "train": ("train a network", "static4-resnet38-cifar10 --data-dir data --resume", work.add_train),
    "sweep": (
        "train many networks, each after those that it starts from, on one machine or on a Ray cluster",
        "configs/sweeps/published.toml --data-dir data",
        sweep.add_sweep,
    ),
    "data": ("download data sets, or list those in a folder", "download cifar10 --data-dir data", work.add_data),
    "import-reference": (
        "convert a checkpoint of the public DFS code",
        "model_best.pth.tar --out imported",
        work.add_import_reference,
    ),
    "export-onnx": (
        "write a static network as ONNX, for other runtimes",
        "--checkpoint static8-resnet38-cifar10 --out static8.onnx",
        export_onnx.add_export_onnx,
    ),
    "time": (
        "time a checkpoint on this machine, and compare with the time that was predicted",
        "--checkpoint NAME --batch 1 --threads 1",
        timing.add_time,
    ),
    "bench": ("time training and evaluation on this machine", "--options paper --json", work.add_bench),
}


class Parser(argparse.ArgumentParser):
    """An argument parser that reports a mistake in one line and accepts no abbreviated options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Report a mistake in the arguments.

        Raises:
            UserError: always.
        """
        raise UserError(f"{message} (see {self.prog} --help)")


def build_parser() -> Parser:
    """The parser of all commands."""
    examples = "\n".join(f"  {PROGRAM} {name} {example}" for name, (_, example, _) in COMMANDS.items())
    parser = Parser(prog=PROGRAM, description=DESCRIPTION, epilog=f"examples:\n{examples}")
    parser.add_argument("--version", action="version", version=f"dfs-explorer {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (purpose, example, define) in COMMANDS.items():
        epilog = f"example:\n  {PROGRAM} {name} {example}"
        define(
            commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.", epilog=epilog)
        )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; by default those of the process.

    Returns:
        The exit code: 0, 2 for a user's mistake, or 130 after a keyboard interrupt.
    """
    try:
        if sys.stdout is None:  # as with `... >&-`
            raise UserError("standard output is closed: there is nowhere to write to")
        args = build_parser().parse_args(argv)
        status = args.run(args)
        sys.stdout.flush()  # raises a broken pipe here and not when the interpreter exits
    except UserError as error:
        complain(error)
        return 2
    except BrokenPipeError:  # as in `... | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # such as a full disk or a read-only folder, which the user can correct
        complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or error)
        if error.filename is None:  # standard output itself: what is left over is not tried again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except ImportError as error:
        if interrupted(error):
            return 130
        raise
    except KeyboardInterrupt as stop:
        if str(stop):
            complain(stop, "note")
        return 130
    return status


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: a library that was being loaded may take it for an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
