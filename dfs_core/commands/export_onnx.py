"""The command ``export-onnx``: a static network for other runtimes."""

from __future__ import annotations

import argparse
from pathlib import Path

from dfs_core.commands.checkpoints import add_budget, add_checkpoint
from dfs_core.commands.output import write
from dfs_core.errors import UserError


def add_export_onnx(parser: argparse.ArgumentParser) -> None:
    """Define ``export-onnx``."""
    add_checkpoint(parser)
    add_budget(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write; default: NAME.onnx")
    parser.set_defaults(run=run_export_onnx)


def run_export_onnx(args: argparse.Namespace) -> int:
    """Write a static network as an ONNX file and print its path."""
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.files import write_whole

    checkpoint = load_checkpoint(args.checkpoint)
    try:
        from dfs_core.engine.onnx_graph import to_onnx
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "onnx":
            raise
        raise UserError("export-onnx needs the package onnx: pip install 'dfs-explorer[onnx]'") from None
    out = args.out or Path(f"{checkpoint.card.name}.onnx")
    if out.exists():
        raise UserError(f"{out} exists already: give another --out, or move it away")
    write_whole(out, to_onnx(checkpoint, args.budget).SerializeToString())
    write(str(out))
    return 0
