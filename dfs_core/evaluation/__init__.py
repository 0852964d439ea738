"""Evaluate a network on a set of images: accuracy with its interval, costs and decisions."""
