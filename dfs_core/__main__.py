"""Entry point of ``python -m dfs_core``."""

import sys

from dfs_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
