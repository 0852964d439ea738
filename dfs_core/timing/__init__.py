"""Time as a cost: what the parts of a network take on this machine, and what any decisions take."""
