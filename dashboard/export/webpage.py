"""Charts, tables and texts as one HTML file that contains all that it needs and works offline.

Its content security policy forbids every request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from typing import Any

from dashboard.answers.naming import unbroken
from dashboard.answers.tables import Table, column_title
from dashboard.drawing import marks
from dashboard.drawing.figure import Figure
from dashboard.drawing.live import mode_bar
from dashboard.drawing.palette import LIGHT
from dashboard.export import drawing
from dashboard.export.plain import plain
from dashboard.export.sheet import FONT, sized, styled
from dashboard.export.stamp import Stamp

ROWS = 2_000  # of a table that the page shows; more would make it slow to open
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
NOT_SHOWN = ("row", "key")  # columns of tables that only charts need


@dataclass(frozen=True, slots=True)
class Part:
    """One chart of the page with its texts and tables.

    Attributes:
        title: above the chart.
        figure: in the light palette; None if there is only a picture.
        alt: description of the chart for screen readers.
        stamp: provenance.
        notes: text below the chart.
        tables: name -> rows.
        live: Plotly figure, shown instead of ``figure``.
        picture: SVG, shown instead of both.
        lines: of a text that is shown instead of a chart, each with whether it is a point of a list.
        spoken: whether the notes are for the speaker, and so folded.
    """

    title: str
    figure: Figure | None
    alt: str
    stamp: Stamp
    notes: str = ""
    tables: Mapping[str, Table] = field(default_factory=dict)
    live: dict[str, Any] | None = None
    picture: str = ""
    lines: Sequence[tuple[bool, str]] = ()
    spoken: bool = False


def webpage(title: str, parts: Sequence[Part]) -> bytes:
    """The page in UTF-8. Its charts have tooltips; its pictures are static."""
    specs = [
        plain(part.live | {"config": mode_bar()}) if part.live else part.figure and _spec(part.figure, part.alt)
        for part in parts
    ]
    heading = "" if [part.title for part in parts] == [title] else f"<header><h1>{escape(title)}</h1></header>"
    body = "".join(_section(number, part, alone=not heading) for number, part in enumerate(parts))
    # "<" is escaped, so that nothing in the data can end the script element.
    charts = json.dumps(specs, default=str, separators=(",", ":")).replace("<", "\\u003c")
    data = f'<script type="application/json" id="charts">{charts}</script>'
    scripts = f"{data}\n{_libraries(parts)}\n<script>{_SCRIPT}</script>" if any(specs) else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{heading}<main>{body}</main>
{scripts}
</body>
</html>
""".encode()


def _libraries(parts: Sequence[Part]) -> str:
    """The scripts that draw the charts: Vega or plotly.js or both, as needed."""
    found = []
    if any(part.figure and part.live is None for part in parts):
        found.append(drawing.javascript_bundle())
    if any(part.live is not None for part in parts):
        from plotly.offline import get_plotlyjs  # imported here because it takes a second and is seldom needed

        found.append(get_plotlyjs())
    return "\n".join(f"<script>{text}</script>" for text in found)


def _spec(figure: Figure, alt: str) -> dict[str, Any]:
    spec = styled(sized(figure.spec), LIGHT)
    spec.pop("$schema", None)
    return spec | {"datasets": figure.data, "description": alt}


def _section(number: int, part: Part, alone: bool) -> str:
    level = "h1" if alone else "h2"
    shown = part.figure.legend if part.figure else ()
    keys = "".join(f"<span>{marks.alone(key, LIGHT.ink, LIGHT.faint)}{escape(key.text)}</span>" for key in shown)
    legend = f'<p class="legend">{keys}</p>' if keys else ""
    notes = f'<p class="notes">{escape(part.notes)}</p>' if part.notes else ""
    if notes and part.spoken:
        notes = f"<details><summary>Speaker notes</summary>{notes}</details>"
    # Vega adds its own description.
    spoken = f' role="group" aria-label="{escape(part.alt)}"' if part.live else ""
    tables = "".join(_table(name, rows) for name, rows in part.tables.items())
    if not (part.figure or part.live or part.picture):  # a text or a title
        foot = f"<footer>{escape(part.stamp.line())}</footer>" if part.stamp.checkpoint else ""
        return (
            f"<section><{level}>{escape(unbroken(part.title))}</{level}>{text_html(part.lines)}{notes}{foot}</section>"
        )
    return (
        f"<section><{level}>{escape(unbroken(part.title))}</{level}>{legend}"
        f'<div class="chart" id="chart{number}"{spoken}>{_image(part)}</div>{notes}'
        f"<footer>{escape(part.stamp.line())}</footer>{tables}</section>"
    )


def text_html(lines: Sequence[tuple[bool, str]]) -> str:
    """Paragraphs and lists of a text, whose lines say whether each is a point of a list."""
    found = []
    for is_point, group in groupby(lines, key=lambda line: line[0]):
        texts = [escape(line) for _, line in group]
        found += (
            [f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>"]
            if is_point
            else [f"<p>{t}</p>" for t in texts]
        )
    return "".join(found)


def _image(part: Part) -> str:
    return marks.image(part.picture, part.alt) if part.picture else ""


def _table(name: str, rows: Table) -> str:
    columns = [key for key in dict.fromkeys(key for row in rows[:ROWS] for key in row) if key not in NOT_SHOWN]
    head = "".join(f"<th>{escape(column_title(column, columns))}</th>" for column in columns)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(_words(row.get(column)))}</td>" for column in columns) + "</tr>"
        for row in rows[:ROWS]
    )
    more = f", the first {ROWS:,} of {len(rows):,}" if len(rows) > ROWS else ""
    return (
        f"<details><summary>Table: {escape(name)}{more}</summary>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></details>"
    )


def _words(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


_SCRIPT = """
const charts = JSON.parse(document.getElementById('charts').textContent);
charts.forEach((spec, number) => !spec ? null : spec.layout
  ? Plotly.newPlot('chart' + number, spec.data, spec.layout, spec.config)
  : vegaEmbed('#chart' + number, spec, {mode: 'vega-lite', renderer: 'svg', actions: false, ast: true}));
"""
_STYLE = f"""
body {{ font-family: {FONT}; color: {LIGHT.ink}; background: {LIGHT.background}; margin: 0; line-height: 1.4; }}
main, header {{ max-width: 1100px; margin: 0 auto; padding: 1rem 2rem; }}
section {{ margin-bottom: 3.5rem; }}
h1, h2 {{ font-size: 1.5rem; margin: 0.6rem 0; }}
header h1 {{ font-size: 2rem; }}
.chart {{ overflow-x: auto; }}
.chart img {{ max-width: 100%; }}
.legend {{ display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; font-size: 0.9rem; margin: 0.3rem 0 0.8rem; }}
.legend span {{ display: inline-flex; align-items: center; gap: 0.4rem; }}
.notes {{ white-space: pre-wrap; max-width: 46rem; }}
footer {{ border-top: 1px solid {LIGHT.faint}; color: {LIGHT.muted}; font-size: 0.8rem; padding: 0.4rem 0;
  margin-top: 0.8rem; overflow-wrap: anywhere; }}
details {{ margin-top: 0.6rem; overflow-x: auto; }}
summary {{ cursor: pointer; }}
table {{ border-collapse: collapse; font-size: 0.8rem; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }}
th, td {{ border-bottom: 1px solid {LIGHT.faint}; padding: 0.15rem 0.7rem 0.15rem 0; text-align: left; }}
"""
