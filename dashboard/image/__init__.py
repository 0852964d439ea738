"""The page Image."""
