"""What a visit keeps, and what visits share."""
