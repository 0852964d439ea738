"""Entry point of ``python -m dfs_core``."""

import sys

if __name__ == "__main__":
    try:
        from dfs_core.cli import main

        status = main()
    except KeyboardInterrupt:  # while the command line itself was loaded
        status = 130
    sys.exit(status)
