"""Every measured point, and what the points say: comparisons at equal cost, over seeds, as tables."""
