"""The page Alpha laboratory."""
