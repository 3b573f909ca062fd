"""Layers wired together: their variables in flat vectors, and the execution of a step over shards of a batch."""
