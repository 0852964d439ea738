"""Running a network over a set of images: its accuracy with intervals, its costs, its decisions."""
