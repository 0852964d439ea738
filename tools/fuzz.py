"""Broken files and odd command lines without end: ``make fuzz MINUTES=5 SEED=0``.

Each case is made from a good file of the project by chance. It must be read, or be refused in one line, in less than
3 s of processor time and 400 MB. A case is known by its kind, the seed and its number: ``--only KIND --case N`` carries
it out again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
from PIL import Image

from dashboard.present import slides, talk_file
from dashboard.views.points import read_published
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import load_checkpoint
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.cli import COMMANDS
from dfs_core.cli import main as command_line
from dfs_core.data.images import open_image, to_model_input
from dfs_core.errors import UserError
from dfs_core.files import append_line
from dfs_core.results.collect import remeasured
from dfs_core.results.measurement import read_measurements
from dfs_core.training.config_files import config_text, load_config

CHECKPOINT = "dfs-resnet38-cifar10-b20"
Reading = Callable[[], object]  # what is timed: the making of a case is not the reader's doing
MOST_S, MOST_MB, LONGEST_LINE = 3.0, 400.0, 5_000
ROOT = Path(__file__).resolve().parent.parent
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><path d="M0,0h9" stroke="#000"/></svg>'
ODD: list[Any] = [
    *(None, True, -1, 0, 10**400, 1e300, float("inf"), float("nan"), 0.5, [], {}, [[]], {"a": 1}, [None]),
    *("", " ", "\x00", "\ud800", "/etc", "**x", "..", "x" * 5_000, "1e999", "-5", "![m](http://a)", "<img src=//a>"),
    json.loads("[" * 200 + "]" * 200),
]
WORDS = [
    *COMMANDS,
    *("--json", "--checkpoint", "--budget", "--data-dir", "--out", "--limit", "--seed", "--seeds"),
    *(
        "--readme",
        "--resume",
        "--help",
        "--options",
        "--range",
        "x",
        "",
        "nan",
        "1e999",
        "-1",
        "9" * 5_000,
        "~nobody/x",
    ),
    *("a.png", "none.toml", "/dev/null", "\udcff", "x" * 5_000, "20%", CHECKPOINT, "--", "-", "\n", "'"),
]


@dataclass
class Kind:
    """One kind of case, and its results so far."""

    run: Callable[[random.Random, Path], Reading]
    cases: int = 0
    refused: int = 0
    failed: list[str] = field(default_factory=list)
    worst_s: float = 0.0
    worst_mb: float = 0.0

    @property
    def most_s(self) -> float:
        """The time limit of a case; a command line may be valid and then does its work."""
        return 60.0 if self.run is commands else MOST_S


def broken(rng: random.Random, data: bytes) -> bytes:
    """The bytes with some of them changed, lost, repeated or added."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at, some = rng.randrange(len(made) + 1), rng.randbytes(rng.randint(1, 8))
        how = rng.randrange(5)
        if how == 0:
            made[at : at + len(some)] = some
        elif how == 1:
            made[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        elif how == 2:
            del made[at : at + rng.choice((1, 8, len(made)))]
        elif how == 3:
            made[at:at] = made[at : at + rng.randint(1, 64)] * rng.randint(1, 9)
        else:
            made[at:at] = some
    return bytes(made)


def odd(rng: random.Random, data: Any) -> Any:
    """Plain data in which one value is odd, or one key is added or missing."""
    if isinstance(data, dict) and data and rng.random() < 0.85:
        key = rng.choice(list(data))
        if rng.random() < 0.1:
            return {name: value for name, value in data.items() if name != key} | {str(rng.choice(ODD))[:50]: 1}
        return data | {key: odd(rng, data[key])}
    if isinstance(data, list) and data and rng.random() < 0.8:
        at = rng.randrange(len(data))
        return [*data[:at], odd(rng, data[at]), *data[at + 1 :]]
    return rng.choice(ODD)


def odd_text(rng: random.Random, data: Any) -> bytes:
    """Such data as JSON; its bytes may be broken too."""
    text = json.dumps(odd(rng, data)).encode()
    return broken(rng, text) if rng.random() < 0.2 else text


def copied(folder: Path, *names: str) -> Path:
    """A checkpoint folder with some of its files."""
    made = folder / CHECKPOINT
    made.mkdir()
    for name in names:
        shutil.copy(pretrained_dir() / CHECKPOINT / name, made / name)
    return made


def card(rng: random.Random, folder: Path) -> Reading:
    """A broken card."""
    text = odd_text(rng, json.loads((pretrained_dir() / CHECKPOINT / "card.json").read_text()))
    return lambda: OperatingPoint(Card.from_json(text.decode(errors="surrogateescape"))).in_words


def weights(rng: random.Random, folder: Path) -> Reading:
    """Broken weights, or a card that asks for another network than they are of."""
    made = copied(folder, "card.json", "weights.safetensors")
    if rng.random() < 0.5:
        path = made / "weights.safetensors"
        data = path.read_bytes()
        path.write_bytes(broken(rng, data[:20_000]) + data[20_000:])
    else:
        data = json.loads((made / "card.json").read_text())
        sizes = {"depth": 1_994, "gate_width": 1_024, "width": 64.0, "classes": 100_000, "image_size": 1_024}
        name = rng.choice(list(sizes))
        data |= {"model": data["model"] | {name: rng.choice((sizes[name], *ODD))}, "metrics": {}}
        (made / "card.json").write_text(json.dumps(data))
    return lambda: load_checkpoint(made)


def traces(rng: random.Random, folder: Path) -> Reading:
    """Broken traces, or traces with odd columns."""
    made = copied(folder, "card.json", "weights.safetensors", "traces.parquet")
    path = made / "traces.parquet"
    if rng.random() < 0.7:
        path.write_bytes(broken(rng, path.read_bytes()))
    else:
        table = pq.read_table(path)
        facts = json.dumps(odd(rng, json.loads(table.schema.metadata[b"dfs"]))).encode()
        pq.write_table(table.replace_schema_metadata({b"dfs": facts}), path)
    return lambda: read_traces(made, OperatingPoint(read_card(made)))


def tables(rng: random.Random, folder: Path) -> Reading:
    """Broken tables: measured points, published points, and those beside a checkpoint."""
    found = read_card(pretrained_dir() / CHECKPOINT)
    source, read = rng.choice(
        (
            (ROOT / "results" / "points.csv", read_measurements),
            (ROOT / "dashboard" / "views" / "published.csv", read_published),
            (pretrained_dir() / CHECKPOINT / "dial.csv", lambda path: remeasured(path, found)),
        )
    )
    lines = source.read_bytes().splitlines(keepends=True)
    at = rng.randrange(len(lines))
    cells = lines[at].split(b",")
    cells[rng.randrange(len(cells))] = str(rng.choice(ODD)).encode(errors="surrogatepass")
    lines[at] = b",".join(cells)
    data = b"".join(lines)
    (folder / "table.csv").write_bytes(broken(rng, data) if rng.random() < 0.5 else data)
    return lambda: read(folder / "table.csv")


def pictures(rng: random.Random, folder: Path) -> Reading:
    """Uploads in all kinds of formats; one in fifty is large and nearly empty."""
    if rng.random() < 0.02:
        size = rng.choice(((1, 19_999), (4_800, 5_000), (3_990, 4_000), (20_001, 2), (8_000, 8_000), (1, 64_000_000)))
        kind = rng.choice(("PNG", "TIFF", "GIF", "JPEG", "WEBP"))
        kind = "PNG" if max(size) > 16_000 else kind  # others cannot be as long
        file = io.BytesIO()
        Image.new(rng.choice(("L", "RGB", "RGBA") if kind == "PNG" else ("RGB",)), size).save(file, kind)
        return lambda: to_model_input(open_image(file.getvalue(), "a.png"))
    mode = rng.choice(("RGB", "RGBA", "L", "P", "1", "CMYK", "I;16"))
    kind = rng.choice(("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"))
    file, noise = io.BytesIO(), Image.frombytes("L", (40, 30), rng.randbytes(40 * 30))
    try:
        noise.convert(mode).save(file, kind)
    except (OSError, ValueError):  # not every format has every mode
        noise.convert("RGB").save(file, kind)
    data = broken(rng, file.getvalue())
    return lambda: to_model_input(open_image(data, "a.png"))


def talks(rng: random.Random, folder: Path) -> Reading:
    """Broken talk files, and their export as PowerPoint."""
    stamp = {"checkpoint": "a", "weights_sha256": "b", "cost": "cp", "kind": "measured", "others": [["c", "d"]]}
    texts = dict.fromkeys(("title", "notes", "alt"), "\x00a\ud800\n" if rng.random() < 0.3 else "a")
    slide = {**texts, "link": "/", "stamp": stamp, "light": SVG, "dark": SVG}
    data: Any = {"format": talk_file.FORMAT, "title": "a", "slides": [slide]}
    for _ in range(rng.randint(0, 2)):
        data = odd(rng, data)

    def read() -> None:
        talk = talk_file.from_json(json.dumps(data).encode())
        if talk.slides:
            slides.to_pptx(talk)
            slides.to_html(talk)
            talk_file.to_json(talk)

    return read


def configurations(rng: random.Random, folder: Path) -> Reading:
    """Broken TOML files of runs."""
    text = config_text(load_config(pretrained_dir() / CHECKPOINT / "config.toml"))
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    values = ("9" * 5_000, f"0x{'f' * 5_000}", "[[1]]", "inf", "nan", "1979-05-27", '"\\u0000"', "{a = 1}", "[" * 2_000)
    lines[at] = f"{lines[at].partition(' = ')[0]} = {rng.choice(values)}"
    data = "\n".join(lines).encode()
    (folder / "run.toml").write_bytes(broken(rng, data) if rng.random() < 0.4 else data)
    return lambda: load_config(folder / "run.toml")


def commands(rng: random.Random, folder: Path) -> Reading:
    """Odd command lines, run in an empty folder."""
    words = [rng.choice(WORDS) for _ in range(rng.randint(0, 6))]

    def run() -> None:
        said = io.StringIO()
        with redirect_stderr(said):
            try:
                status = command_line(words)
            except SystemExit as end:  # of --help
                status = int(end.code or 0)
        if status not in (0, 2) or (status == 2 and said.getvalue().count("\n") < 1):
            raise AssertionError(f"{words} ended with {status}: {said.getvalue()[:300]}")
        if status:
            raise UserError(said.getvalue().splitlines()[-1])

    return run


RUNS: dict[str, Callable[[random.Random, Path], Reading]] = {
    run.__name__: run for run in (card, weights, traces, tables, pictures, talks, configurations, commands)
}


def carry_out(kind: Kind, name: str, seed: int, number: int) -> None:
    """Run one case and record its time and memory."""
    rng = random.Random(f"{seed} {name} {number}")
    with tempfile.TemporaryDirectory() as folder, chdir(folder), redirect_stdout(io.TextIOWrapper(io.BytesIO())):
        read = kind.run(rng, Path(folder))
        before, start = _forget_peak(), time.process_time()
        try:
            read()
        except UserError as error:
            kind.refused += 1
            if "\n" in str(error) or len(str(error)) > LONGEST_LINE:
                kind.failed.append(f"case {number}: refused in more than a line: {str(error)[:200]!r}")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            kind.failed.append(
                f"case {number}: {type(error).__name__} in {where.filename}:{where.lineno}: {error!s:.200}"
            )
        took, claimed = time.process_time() - start, _memory("VmHWM") - before
    kind.cases += 1
    kind.worst_s, kind.worst_mb = max(kind.worst_s, took), max(kind.worst_mb, claimed)
    if took > kind.most_s or claimed > MOST_MB:
        kind.failed.append(f"case {number}: {took:.1f} s and {claimed:.0f} MB")


def _forget_peak() -> float:
    """Return the memory in use in MB, and reset its peak."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(what: str) -> float:
    return int(Path("/proc/self/status").read_text().split(f"{what}:")[1].split()[0]) / 1024


def main() -> int:
    """Run cases of all kinds in turn and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=RUNS)
    parser.add_argument("--case", type=int, help="this one alone")
    asked = parser.parse_args()
    os.environ.pop("DFS_DATA_DIR", None)  # no command may measure anew what is published
    warnings.simplefilter("ignore")  # of decoders, about what they are fed with
    kinds = {name: Kind(run) for name, run in RUNS.items() if asked.only in (None, name)}
    for name, kind in kinds.items():  # what the first case of a kind loads is not the file's doing
        carry_out(kind, name, asked.seed, -1)
        kinds[name] = Kind(kind.run)
    end, number = time.monotonic() + 60 * asked.minutes, asked.case or 0
    while time.monotonic() < end:
        for name, kind in kinds.items():
            share = time.monotonic() + 1  # a second for each kind in turn: some take a thousand times as long
            at = number if asked.case is not None else kind.cases
            while time.monotonic() < share:
                carry_out(kind, name, asked.seed, at)
                at += 1
                if asked.case is not None:
                    break
        if asked.case is not None:
            break
    print(f"{'kind':16}{'cases':>9}{'refused':>9}{'failures':>10}{'worst s':>9}{'worst MB':>10}")
    for name, kind in kinds.items():
        row = f"{kind.cases:9,}{kind.refused:9,}{len(kind.failed):10,}{kind.worst_s:9.2f}{kind.worst_mb:10.0f}"
        print(f"{name:16}{row}")
    for name, kind in kinds.items():
        for line in kind.failed[:10]:
            print(f"{name}, {line}")
            append_line(Path("fuzz-failures.txt"), f"seed {asked.seed}, {name}, {line}")
    return 1 if any(kind.failed for kind in kinds.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
