"""The dashboard: shows what dfs_core decided. Never imports torch, holds no model logic."""
