"""Dynamic fractional skipping: a network that decides, per image and per layer, to skip, to run at a few bits or in full."""
