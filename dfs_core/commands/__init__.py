"""The commands of ``python -m dfs_core``. Each module defines the arguments of its commands and runs them.

Torch takes seconds to import. So commands import what they need when they run, and ``--help`` answers at once.
"""
