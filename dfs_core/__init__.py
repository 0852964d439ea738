"""Dynamic fractional skipping: per image and per layer, skip, run at a few bits or run in full."""
