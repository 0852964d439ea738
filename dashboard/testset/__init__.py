"""The page Test set."""
