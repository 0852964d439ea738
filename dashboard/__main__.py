"""Entry of ``dfs-explorer`` and ``python -m dashboard``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from streamlit.web import cli

from dashboard.export.stamp import BASE_URL

APP = Path(__file__).resolve().parent / "app.py"


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the dashboard; does not return.

    Args:
        arguments: passed on to ``streamlit run``, such as ``--server.port=8502``; by default those of the process.
    """
    base = os.environ.get(BASE_URL, "")
    if base and not base.startswith(("http://", "https://")):
        sys.exit(f"error: {BASE_URL} is '{base}': give the whole address, such as https://dfs.example.org")
    words = sys.argv[1:] if arguments is None else arguments
    cli.main(["run", str(APP), *words], prog_name="dfs-explorer")


if __name__ == "__main__":
    main()
