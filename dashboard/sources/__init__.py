"""Where what is shown comes from: dfs_core asked, and its answers as plain data."""
