"""The dashboard over dfs_core: charts and pages; no model logic and no torch."""
