"""Runs of a checked file: training into a run folder, and what can be done with the folder afterwards."""
