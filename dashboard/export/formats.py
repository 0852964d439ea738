"""Exports: charts as SVG, PNG, PDF and offline HTML, tables as CSV and JSON. They need no browser and no network.

Pictures have their stamp as a line at the bottom, HTML below the chart, JSON in an object beside the rows. CSV is the
table alone, as programs expect it; its stamp is in the JSON file of the same table. Charts always have the light
palette and a fixed width.
"""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any, Literal, get_args

from dashboard.answers.tables import Table
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import LIGHT
from dashboard.export import drawing, sheet
from dashboard.export.plain import plain
from dashboard.export.stamp import Stamp
from dashboard.export.view import View
from dashboard.export.webpage import Part, webpage
from dfs_core.errors import UserError
from dfs_core.files import json_text

FigureKind = Literal["svg", "png", "pdf", "html"]
TableKind = Literal["csv", "excel", "json"]
FIGURE_KINDS: tuple[FigureKind, ...] = get_args(FigureKind)
TABLE_KINDS: tuple[TableKind, ...] = get_args(TableKind)
MIME = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "html": "text/html",
    "csv": "text/csv",
    "excel": "text/csv",
    "json": "application/json",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a text that begins with one is a formula to a spreadsheet
PPI = 300
_POINTS_PER_PIXEL = 72 / 96  # of a PDF and of a sheet
_LONGEST_NAME = 160  # characters: enough for two operating points; file systems allow 255


def export_figure(view: View, kind: FigureKind, stamp: Stamp | None = None) -> bytes:
    """A view's chart as a file; HTML includes its tables.

    Args:
        view: the view; it is drawn in the light palette.
        kind: file format.
        stamp: by default the view's own, whose link is relative; a page passes one with its full address.

    Raises:
        UserError: the chart cannot be drawn.
    """
    figure, stamp = view.draw(LIGHT), stamp or view.stamp
    if kind == "html":
        tables = {name: rows() for name, rows in view.tables.items()}
        live = view.live(LIGHT, "") if view.live else None  # without a stamp, as the web page has one below each chart
        return webpage(view.title, [Part(view.title, figure, view.in_words, stamp, view.notes, tables, live)])
    return draw(figure, view.title, stamp, view.in_words, kind)


def draw(figure: Figure, title: str, stamp: Stamp, alt: str, kind: Literal["svg", "png", "pdf"]) -> bytes:
    """A figure in the light palette as a picture; PNG at 300 pixels an inch.

    Raises:
        UserError: the figure cannot be drawn.
    """
    svg = sheet.picture(figure, title, stamp, alt, _POINTS_PER_PIXEL if kind == "pdf" else 1.0)
    if kind == "svg":
        return svg.encode()
    try:
        return drawing.svg_to_pdf(svg) if kind == "pdf" else png(svg)
    except ValueError as error:
        raise UserError(f"the chart could not be written as {kind.upper()}: {str(error)[:200]}") from error


def png(svg: str, kept: bool = False) -> bytes:
    """A sheet, or a picture that a talk keeps, as PNG at 300 pixels an inch. Errors as for ``Drawing.ask``."""
    return drawing.svg_to_png(svg, scale=_POINTS_PER_PIXEL, ppi=PPI, kept=kept)


def export_table(rows: Table, kind: TableKind, stamp: Stamp, title: str = "") -> bytes:
    """A table as a file, with all its columns, in UTF-8.

    CSV is the header and the rows. A text that a spreadsheet would take for a formula gets an apostrophe before it.
    ``excel`` is CSV with a byte-order mark, without which Excel misreads accents. JSON is an object with ``title``,
    ``stamp`` and ``rows``. Numbers that are not finite are empty in CSV and null in JSON.
    """
    plain_rows = [plain(row) for row in rows]
    if kind == "json":
        return json_text({"title": title, "stamp": dict(stamp.parts()), "rows": plain_rows}).encode()
    text = io.StringIO()
    columns = list(dict.fromkeys(key for row in plain_rows for key in row))
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    for row in plain_rows:
        writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue().encode("utf-8-sig" if kind == "excel" else "utf-8")


def _cell(value: Any) -> Any:
    """A value as a cell of CSV: lists as JSON, and no text that begins a formula."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def filename(title: str, kind: str, table: str = "") -> str:
    """A file name made from a title and a table's name: letters, digits, hyphens, and dots in numbers.

    A title that is too long loses whole words at its end, so that no number is cut.

    >>> filename("Accuracy and cost, cp %", "png"), filename("Budget 3.4 %, alpha 4.85e-6", "csv", "every decision")
    ('accuracy-and-cost-cp.png', 'budget-3.4-alpha-4.85e-6-every-decision.csv')
    """
    words, last = _words(title), _words(table)
    most = _LONGEST_NAME - len("-".join(["", *last]))
    if words:
        words[0] = words[0][:most]  # one word that is longer than any name
    while len("-".join(words)) > most:
        words.pop()
    return f"{'-'.join([*(words or ['dfs-explorer']), *last])}.{'csv' if kind == 'excel' else kind}"


def _words(text: str) -> list[str]:
    """Words and numbers of a text. ``3.4`` and ``1e-6`` count as one word each; thousands lose their comma."""
    plain_numbers = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text.lower())
    return re.findall(r"[a-z0-9]*\d(?:\.\d+)?e-\d+|[a-z0-9]*\d\.\d+|[a-z0-9]+", plain_numbers)
