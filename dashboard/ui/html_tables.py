"""Tables in HTML, in two forms: a heading with its figures beside it, and lines of what changes. Cells are HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from dashboard.answers.naming import unbroken


def ledger(heading: str, heads: Mapping[str, str], rows: Iterable[Sequence[str]]) -> str:
    """A heading, with a table beside it.

    Args:
        heading: HTML; empty for the table alone.
        heads: title of each column but the first -> what it says to the pointer. A title without letters is no heading.
        rows: name of the line, and its cells.
    """
    titles = "".join(_head(title, about) for title, about in heads.items())
    body = "".join(f"<tr><th scope='row'>{name}</th>{_cells(rest)}</tr>" for name, *rest in rows)
    before = f"<div>{unbroken(heading)}</div>" if heading else ""
    return (
        f'<div class="dfs-ledger">{before}<table><thead><tr><td></td>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def changes(heads: Iterable[str], lines: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Lines, each with a CSS class and its cells."""
    body = "".join(f'<tr class="{kind}">{_cells(cells)}</tr>' for kind, cells in lines)
    titles = "".join(_head(title) for title in heads)
    return f'<div class="dfs-changes"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def accuracy(value: float, low: float, high: float, digits: int = 2) -> str:
    """An accuracy in percent with its interval."""
    return f"{value:.{digits}f} % <small>{low:.{digits}f} to {high:.{digits}f}</small>"


def _head(title: str, about: str = "") -> str:
    said = f' title="{escape(about)}"' if about else ""
    return f"<th{said}>{title}</th>" if title.strip() else "<td></td>"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"<td>{cell}</td>" for cell in cells)
