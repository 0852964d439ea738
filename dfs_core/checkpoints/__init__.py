"""What is kept: weights with their card, and traces."""
