"""Checkpoints and tables whose every text tries to reach another host from the page that shows it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

from dfs_core.checkpoints.card_files import read_card, save_card
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import read_traces
from dfs_core.results.collect import collect
from dfs_core.results.measurement import Measurement, to_csv

ELSEWHERE = "http://elsewhere.invalid"
# A folder's name has no slash, and browsers take backslashes for some.
FOLDER = r"<img src=\\elsewhere.invalid\folder> ![f](http:\\elsewhere.invalid\f)"
DATASET = "<img src=http:elsewhere.invalid> `$x$` :red-background"
CLASS = r"'> ![m](http:\\elsewhere.invalid\class) <img src=\\elsewhere.invalid\class.html>"
ODD = ("tiny-dfs-30", "tiny-skipnet-50")  # their methods are hostile, too; the others have families of known names


def text(what: str) -> str:
    """Markup in Markdown and in HTML, named after where it stands."""
    return f"'\" ![m]({ELSEWHERE}/{what}.md) > <img src={ELSEWHERE}/{what}.html>"


def write_hostile(folder: Path, pretrained: Path, data: Path) -> Path:
    """Copies of tiny checkpoints in ``folder/pretrained``, their results and their data; every text is hostile."""
    for split in ("train", "test"):
        for place in (data / "cifar10" / split).iterdir():
            shutil.copytree(place, folder / "data" / DATASET / split / (place.name + CLASS))
    root = folder / "pretrained"
    names = {path.name: f"{path.name}{FOLDER}" for path in sorted(pretrained.iterdir())}
    for old, new in names.items():
        shutil.copytree(pretrained / old, root / new)
        card = read_card(root / new)
        point = OperatingPoint(card)
        classes = tuple(name + CLASS for name in card.classes)
        changed = replace(
            card,
            method=card.method + text("method") if old in ODD else card.method,
            dataset=DATASET,
            classes=classes,
            title=text("title"),
            notes=text("notes"),
            commit=text("commit"),
            machine={"cpu": text("machine")},
            parents=tuple(names[parent] for parent in card.parents),
        )
        save_card(root / new, changed)
        stored = root / new / point.traces_file
        if stored.is_file():
            traces = replace(read_traces(pretrained / old, point), classes=classes, dataset=DATASET)
            stored.write_bytes(traces.to_bytes())
        log = [{"step": step, "epoch": 0, "cp": 20.0, "loss": 1.0, "accuracy": 50.0} for step in (0, 100)]
        (root / new / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
    (folder / "results").mkdir()
    points = [replace(point, label=text("label"), made_by=text("made")) for point in collect(root)]
    elsewhere = replace(points[0], checkpoint="gone" + text("point"), family="f" + text("family"))
    (folder / "results" / "points.csv").write_text(to_csv([*points, elsewhere], Measurement))
    return root
