"""What is asked of dfs_core: checkpoints, pictures, decisions and costs, as plain data."""
