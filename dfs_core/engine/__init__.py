"""The engine runs a trained network in real 8-bit integers, and skips for real (method section 13)."""

from dfs_core.engine.check import Agreement, passes_check
from dfs_core.engine.engine import Engine, Kernels, compile_network
from dfs_core.engine.native import NativeEngine

__all__ = ["Agreement", "Engine", "Kernels", "NativeEngine", "compile_network", "passes_check"]
