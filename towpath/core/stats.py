"""Resampling and intervals: arrays in, arrays out. Workers do not import it."""

import math
from collections.abc import Callable, Iterator

import numpy as np

RESAMPLES = 1_000
AT_ONCE = 2_000_000  # counts held at a time, 16 MB, whatever the number of rows

Statistic = Callable[[np.ndarray], np.ndarray]
"""Weights (resamples, rows), each row of them how often a row was drawn -> the statistic, (resamples,)."""


def interval(values: np.ndarray, *, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of resampled values; those that are not defined do not count.  (Efron, 1979)"""
    tail = (1.0 - level) / 2.0 * 100.0
    low, high = np.percentile(values[np.isfinite(values)], [tail, 100.0 - tail])
    return float(low), float(high)


def reflected_interval(value: float, values: np.ndarray) -> tuple[float, float]:
    """The basic interval, for statistics that resampling pushes away from zero, such as a calibration error.

    Each resample adds the noise of drawing once more, so its values lie as far above the measured one as that lies
    above the truth; reflecting them takes both off.  (Davison and Hinkley, 1997, 5.2)
    """
    low, high = interval(values)
    return max(0.0, 2.0 * value - high), max(0.0, 2.0 * value - low)


def two_sided_p(differences: np.ndarray) -> float:
    """How likely a resampled difference this far to one side of zero is, were there none; never below 1 / resamples."""
    known = differences[~np.isnan(differences)]
    beyond = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2.0 * (beyond + 1) / (len(known) + 1)))


def bootstrap_interval(statistic: Statistic, rows: int, *, seed: int, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval over resamples with replacement.  (Efron, 1979)"""
    return interval(np.concatenate([statistic(weights) for weights in resamples(rows, seed)]), level=level)


def resamples(rows: int, seed: int, count: int = RESAMPLES) -> Iterator[np.ndarray]:
    """How often each row is drawn, float64 (some resamples, rows), in pieces of bounded size."""
    random = np.random.default_rng(seed)
    at_once = max(1, AT_ONCE // rows)
    for start in range(0, count, at_once):
        size = min(at_once, count - start)
        drawn = random.integers(0, rows, (size, rows)) + np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % score interval of a share; honest where every trial succeeds, unlike a bootstrap.  (Wilson, 1927)"""
    z = 1.959963984540054
    share, z2 = successes / trials, z * z / trials
    centre = (share + z2 / 2) / (1 + z2)
    half = z / (1 + z2) * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
