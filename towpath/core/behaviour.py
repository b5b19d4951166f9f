"""How far two models' answers to the same rows lie apart, and whether clients would notice."""

import numpy as np
from msgspec import Struct

FLIPPED = 0.005  # share of decisions; who asks a thousand times a day sees five of them change
SHIFTED = 0.01  # of a probability, or as a part of a value, for all but one row in a hundred
LEVELS = (0.5, 0.9, 0.99)


class Behaviour(Struct, frozen=True, forbid_unknown_fields=True):
    """flips: rows decided otherwise. shift: |new score - old score| at these levels of the rows, and at worst.

    For a regression each shift is a part of the old value's typical size. noticeable: beyond the tolerance.
    """

    rows: int
    flips: int
    shift: dict[str, float]
    worst: float
    noticeable: bool

    def __str__(self) -> str:
        told = ", ".join(f"{level} {size:.4f}" for level, size in self.shift.items())
        return f"{self.flips} of {self.rows} decisions differ; scores move by {told}, worst {self.worst:.4f}"


def behaviour_diff(
    old: np.ndarray, new: np.ndarray, old_decisions: np.ndarray, new_decisions: np.ndarray, *, is_value: bool
) -> Behaviour:
    """Scores float64 (rows, outputs), decisions int64 (rows,); of a regression decisions do not count."""
    scale = float(np.median(np.abs(old))) or 1.0 if is_value else 1.0
    shift = np.abs(new - old).max(axis=1) / scale
    flips = 0 if is_value else int((old_decisions != new_decisions).sum())
    at = {f"{level:.0%}": float(np.quantile(shift, level)) for level in LEVELS}
    noticeable = flips > FLIPPED * len(old) or at["99%"] > SHIFTED
    return Behaviour(len(old), flips, at, float(shift.max()), noticeable)
