"""Measuring: accuracy, cost, speed, comparisons."""
