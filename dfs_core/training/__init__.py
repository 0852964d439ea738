"""Learning: stages, objectives, and the state of a run."""
