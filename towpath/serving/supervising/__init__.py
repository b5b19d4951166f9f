"""The parts of the supervisor: light enough that it may live for months in 20 MB, and none of them opens a bundle."""
