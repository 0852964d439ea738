"""Entry of ``dfs-explorer`` and ``python -m dashboard``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from streamlit.web import cli

APP = Path(__file__).resolve().parent / "app.py"


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the dashboard; does not return.

    Args:
        arguments: passed on to ``streamlit run``, such as ``--server.port=8502``; by default those of the process.
    """
    words = sys.argv[1:] if arguments is None else arguments
    cli.main(["run", str(APP), *words], prog_name="dfs-explorer")


if __name__ == "__main__":
    main()
