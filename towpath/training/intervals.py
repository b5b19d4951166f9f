"""Prediction intervals of a regression: how far true values lie from predictions of models that have not seen them.

Each training row is predicted by a model fitted on the other folds. The interval spans the middle of what was missed
by, with the correction that makes it hold for a finite number of rows.  (split conformal prediction: Vovk, Gammerman
and Shafer, 2005; over folds: Vovk, 2015)
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from towpath.core import answer, stats
from towpath.core.errors import UsageError
from towpath.core.evaluation import IntervalCoverage
from towpath.core.plan import PredictionInterval
from towpath.declare.service import Service

DIGITS = 6  # kept of an end: the last bits are the machine's, and a bundle's id must not be


def levels(service: Service) -> list[float]:
    """The levels that the service's answers ask for, each once."""
    asked = [entry.level for entry in service.answer.values() if isinstance(entry, answer.Interval)]
    return sorted(set(asked))


def calibrate(level: float, targets: np.ndarray, predicted: np.ndarray) -> PredictionInterval:
    """The interval of a level from true values and out-of-fold predictions, both float64 (rows,).

    Errors are differences, or ratios where everything is above 0; whichever has the better interval score on these
    rows. Raises UsageError where there are too few rows for the level.
    """
    possible = [_around("value", level, targets - predicted)]
    if (targets > 0).all() and (predicted > 0).all():
        possible.append(_around("ratio", level, targets / predicted))
    return min(possible, key=lambda interval: interval_score(interval, targets, predicted))


def interval_score(interval: PredictionInterval, targets: np.ndarray, predicted: np.ndarray) -> float:
    """Mean width plus 2 / (1 - level) times the miss; the smaller, the better.  (Gneiting and Raftery, 2007)"""
    low, high = ends(interval, predicted)
    outside = np.maximum(low - targets, 0.0) + np.maximum(targets - high, 0.0)
    return float((high - low + 2.0 / (1.0 - interval.level) * outside).mean())


def measure(
    intervals: Sequence[PredictionInterval], targets: np.ndarray, predicted: np.ndarray
) -> tuple[IntervalCoverage, ...]:
    """The share of rows, which no model has seen, that lie within each interval; float64 (rows,) both."""
    return tuple(_coverage(interval, targets, predicted) for interval in intervals)


def ends(interval: PredictionInterval, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper ends around predictions, float64 (rows,) each."""
    if interval.space == "value":
        return predicted + interval.low, predicted + interval.high
    first, last = predicted * interval.low, predicted * interval.high
    return np.minimum(first, last), np.maximum(first, last)


def _around(space: str, level: float, errors: np.ndarray) -> PredictionInterval:
    """The k-th smallest and largest error; k counts the row that is to be predicted as one of them."""
    rows, tail = len(errors), (1.0 - level) / 2.0
    k = math.floor((rows + 1) * tail + 1e-9)  # 0.05 * 20 is a little below 1 in binary
    if k < 1:
        needed = math.ceil(1.0 / tail - 1e-9) - 1
        raise UsageError(
            f"an interval of level {level:g} needs {needed} training rows, there are {rows}",
            hint="give more data, or ask for a lower level: interval(0.8)",
        )
    ordered = np.sort(errors)
    return msgspec.convert(
        {"level": level, "space": space, "low": _kept(ordered[k - 1]), "high": _kept(ordered[rows - k])},
        PredictionInterval,
    )


def _kept(end: float) -> float:
    return float(f"{end:.{DIGITS}g}")


def _coverage(interval: PredictionInterval, targets: np.ndarray, predicted: np.ndarray) -> IntervalCoverage:
    low, high = ends(interval, predicted)
    within = int(((low <= targets) & (targets <= high)).sum())
    rows = len(targets)
    return IntervalCoverage(
        interval.level, within / rows, *stats.wilson_interval(within, rows), rows, float(np.median(high - low))
    )
