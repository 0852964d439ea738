"""The commands of ``python -m dfs_core``: each module adds its own to the parser and runs them.

Torch takes seconds to import. The commands import what they need when they run, so that ``--help`` and a mistyped
option answer at once.
"""
