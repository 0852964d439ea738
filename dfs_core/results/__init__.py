"""All measured points, and their comparison at equal cost and over seeds, as data and tables."""
