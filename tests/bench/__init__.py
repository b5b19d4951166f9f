"""The benchmarks: that what they tell follows from what they measured."""
