"""Data sets: brought by sha256 into the object store, read into checked tables."""
