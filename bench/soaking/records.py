"""One line for each request that was sent: when, when its answer came, on which port, and from whom."""

import struct
from pathlib import Path

import numpy as np

RECORD = struct.Struct("<ddHb")
LOST, WRONG = -1, -2  # the connection ended under it; or the answer is not the right one, or there was none
KINDS = np.dtype([("asked", "<f8"), ("answered", "<f8"), ("port", "<u2"), ("outcome", "i1")])


def read_records(path: Path) -> np.ndarray:
    """(requests,) of KINDS; seconds are of time.monotonic(), an outcome is the answering revision's index or above."""
    return np.fromfile(path, KINDS)
