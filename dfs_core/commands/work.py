"""The commands ``train``, ``data``, ``import-reference`` and ``bench``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from dfs_core.commands.output import (
    add_data_dir,
    add_json,
    complain,
    data_dir_of,
    few,
    note_left_out,
    number,
    table,
    write,
    write_json,
)
from dfs_core.errors import UserError


def add_train(parser: argparse.ArgumentParser) -> None:
    """Define ``train``."""
    parser.add_argument(
        "run_name",
        metavar="RUN",
        help="name of a run from configs/, such as static4-resnet38-cifar10, or a TOML file",
    )
    add_data_dir(parser)
    parser.add_argument("--resume", action="store_true", help="continue a run that was stopped")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the run; default: runs/NAME")
    parser.add_argument("--seed", type=int, metavar="N", help="another seed; the run is then called NAME-seedN")
    parser.add_argument("--start-from", metavar="NAME", help="another run or checkpoint to start from")
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    """Train a network and print the folder of its checkpoint."""
    from dfs_core.checkpoints.locate import runs_dir
    from dfs_core.data.folders import SPLITS
    from dfs_core.training.config_files import load_config, of_seed
    from dfs_core.training.processes import first_alone
    from dfs_core.training.train import train

    config = load_config(args.run_name)
    changes = {} if args.seed is None else of_seed(config, args.seed)
    if args.start_from is not None:
        changes["start_from"] = args.start_from
    data_dir = data_dir_of(args)
    first_alone(note_left_out)(config.dataset, data_dir, *SPLITS)
    if args.resume:
        first_alone(_note_lost)(args.out or runs_dir() / changes.get("name", config.name))
    first_alone(write)(str(train(args.run_name, data_dir, args.out, args.resume, changes)))
    return 0


def _note_lost(folder: Path) -> None:
    """Say so if a run that is to go on was stopped before its first state was saved."""
    from dfs_core.checkpoints.locate import CARD_FILE
    from dfs_core.checkpoints.run_log import LOG_FILE
    from dfs_core.training.train_state import STATE_FILE

    if (folder / LOG_FILE).exists() and not (folder / STATE_FILE).exists() and not (folder / CARD_FILE).exists():
        complain(f"{folder} has no saved state, so the run begins again", "note")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Define ``data download`` and ``data info``."""
    actions = parser.add_subparsers(required=True, metavar="download|info", dest="action")
    download = actions.add_parser("download", help="download a public data set")
    download.add_argument("dataset", metavar="DATASET", help="cifar10, cifar100 or svhn")
    add_data_dir(download)
    download.set_defaults(run=run_download)
    info = actions.add_parser("info", help="list the contents of a data folder")
    add_data_dir(info)
    add_json(info)
    info.set_defaults(run=run_info)


def run_download(args: argparse.Namespace) -> int:
    """Download a public data set, with a progress bar if stderr is a terminal."""
    from tqdm import tqdm

    from dfs_core.data.download import download
    from dfs_core.data.folders import find_data_dir

    folder = args.data_dir or find_data_dir() or Path("data")
    with tqdm(total=100, bar_format="{desc}: {percentage:3.0f}% {bar} {elapsed}", disable=None) as bar:

        def progress(fraction: float, text: str) -> None:
            bar.set_description(text, refresh=False)
            bar.update(100 * fraction - bar.n)

        download(args.dataset, folder, progress)
    write(f"{args.dataset} is in {folder}")
    return 0


def run_info(args: argparse.Namespace) -> int:
    """Print the data sets in a folder and their problems."""
    from dfs_core.data.download import describe

    folder = data_dir_of(args)
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: give --data-dir, or get a data set with 'data download'")
    rows = describe(folder)
    if args.json:
        write_json(rows)
    elif rows:
        cells = [["-" if value is None else str(value) for value in row.values()] for row in rows]
        write(table(list(rows[0]), cells, words=(0, 1, 2, 6)))
    else:
        write(f"no data sets in {folder}")
    return 0


def add_import_reference(parser: argparse.ArgumentParser) -> None:
    """Define ``import-reference``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="checkpoint of the public DFS code")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of the new checkpoint; default: in pretrained/")
    parser.add_argument(
        "--dataset", default="", metavar="NAME", help="cifar10, cifar100 or svhn; default: by class count"
    )
    parser.add_argument(
        "--options", default="", metavar="SET", help="option set, such as skip,4,8,full; default: by the gate's size"
    )
    parser.set_defaults(run=run_import_reference)


def run_import_reference(args: argparse.Namespace) -> int:
    """Convert a checkpoint of the public DFS code and print the new folder."""
    from dfs_core.checkpoints.reference import import_reference

    write(str(import_reference(args.file, args.out, args.dataset, args.options)))
    return 0


NETWORK = "resnet38-cifar10"
BENCH_TAKES = {  # what is timed -> the options that it takes
    "training steps": ("options", "batch"),
    "--engine": ("network", "kernels", "threads", "data_dir"),
    "--app": ("network",),
}


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Define ``bench``."""
    sets = "option set: a name, or a list such as skip,4,8,full; default: paper"
    parser.add_argument("--options", metavar="SET", help=sets)
    parser.add_argument("--batch", type=few, metavar="N", help="images in a training step; default: 256")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--engine", action="store_true", help="time the published networks on the engine instead")
    instead.add_argument(
        "--app", action="store_true", help="time what the dashboard asks, on the engine and without it"
    )
    network = "of --engine and --app: its plain network; default: resnet38-cifar10"
    parser.add_argument("--network", metavar="NAME", help=network)
    parser.add_argument("--kernels", choices=("auto", "library", "native"), help="of --engine; default: auto")
    parser.add_argument("--threads", type=few, metavar="N", help="of --engine; default: 1")
    add_data_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_bench)


def run_bench(args: argparse.Namespace) -> int:
    """Time training steps and evaluations on this machine, and print the medians."""
    kind = "--engine" if args.engine else "--app" if args.app else "training steps"
    for name in ("options", "batch", "network", "kernels", "threads", "data_dir"):
        if getattr(args, name) is not None and name not in BENCH_TAKES[kind]:
            raise UserError(f"--{name.replace('_', '-')} is not for bench of {kind}: see bench --help")
    if args.engine:
        return run_engine_bench(args)
    if args.app:
        return run_app_bench(args)
    from dfs_core.bench import BATCH, run

    batch = args.batch or BATCH
    found = run(args.options or "paper", batch)
    if args.json:
        write_json(found)
        return 0
    seconds = {name: float(value) for name, value in found.items() if name.endswith("_s")}
    unit = seconds["plain_step_s"]
    rows = [
        (name.removesuffix("_s").replace("_", " "), number(value, "s", 4), number(value / unit, "x"))
        for name, value in seconds.items()
    ]
    write(
        f"options: {found['options']}, {batch} images a training step\n"
        + table(("median of one run", "time", "plain step = 1"), rows)
    )
    return 0


def run_engine_bench(args: argparse.Namespace) -> int:
    """Print the time of a batch on the engine and its speed relative to PyTorch in float32; keep it for the app."""
    from dfs_core.bar import progress_bar
    from dfs_core.timing.bench import ROUNDS, run
    from dfs_core.timing.kept import keep_survey

    with progress_bar("timing", "%") as report:
        found = run(
            args.network or NETWORK,
            args.data_dir,
            kernels=args.kernels or "auto",
            threads=args.threads or 1,
            report=lambda share: report(round(100 * share), 100),
        )
    keep_survey(found)
    if args.json:
        write_json(asdict(found))
        return 0
    rows = [
        (name, *(f"{number(one.ms, 'ms')} ({number(one.speed, 'x')})" for one in found.timings if one.what == name))
        for name in dict.fromkeys(one.what for one in found.timings)
    ]
    head = (f"median of {ROUNDS} rounds", *(f"batch of {batch}" for batch in found.batches))
    write(f"{found.in_words}; {found.source}\n\n{table(head, rows)}")
    return 0


def run_app_bench(args: argparse.Namespace) -> int:
    """Print how long the dashboard's requests take, for the first published checkpoint of each method of a network."""
    from dfs_core.checkpoints.card_files import scan
    from dfs_core.predictor import Predictor
    from dfs_core.timing.app import time_app
    from dfs_core.timing.bench import made_from

    names = {card.method: card.name for card in reversed(made_from(args.network or NETWORK, scan()[0]))}
    found = {name: time_app(Predictor.load(name)) for name in sorted(names.values())}
    if args.json:
        write_json({name: [asdict(one) for one in asked] for name, asked in found.items()})
        return 0
    rows = [
        (
            name,
            one.what,
            *(number(1000 * seconds, "ms") for seconds in (one.engine, one.grouped)),
            number(one.speed, "x"),
        )
        for name, asked in found.items()
        for one in asked
    ]
    write(table(("checkpoint", "median of one run", "engine", "without it", "as fast"), rows))
    return 0
