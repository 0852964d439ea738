"""Images: data sets, splits, uploads, and the project's own drawings."""
