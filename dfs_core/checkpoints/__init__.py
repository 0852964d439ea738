"""Checkpoints on disk: weights, their card, their traces and their training log."""
