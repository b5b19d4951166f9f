"""The tests of Towpath; each name is a sentence about behaviour."""
