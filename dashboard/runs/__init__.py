"""Runs: trainings on this machine, those in progress too, and how to bring in checkpoints from elsewhere."""
