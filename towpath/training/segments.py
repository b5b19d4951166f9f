"""Where a model errs most: the error on every group of every field, the worst first."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from towpath.core import stats
from towpath.core.contract import Field
from towpath.core.evaluation import Segment, Segments
from towpath.training import metrics
from towpath.training.groups import Group, all_groups
from towpath.training.metrics import Predicted, settle

SHOWN = 10
NORMAL = 1.959963984540054  # 97.5 % of a standard normal lies below


def measure_segments(fields: Sequence[Field], seen: Predicted, rows: pd.DataFrame) -> Segments:
    """The ten largest errors on groups with 30 rows or more, by the low end of their 95 % intervals, which few rows
    make low. Ids say nothing, and private values must not be told.
    """
    error = metrics.errors(seen) if seen.task.kind == "regression" else (seen.decisions != seen.truth).astype(float)
    names = [name for field in fields if field.role in ("feature", "context") for name in field.columns]
    large = [group for group in all_groups(rows, names) if not group.is_small]
    overall = settle(float(error.mean()))
    found = [_segment(group, error[group.rows], overall, seen.task.kind == "regression") for group in large]
    worst = sorted(found, key=lambda one: (-one.low, -one.error, one.field, one.group))[:SHOWN]
    kind = "mae" if seen.task.kind == "regression" else "error_rate"
    return Segments(kind, overall, len(found), tuple(worst))


def _segment(group: Group, error: np.ndarray, overall: float, is_regression: bool) -> Segment:
    mean = float(error.mean())
    if is_regression:
        half = NORMAL * float(error.std(ddof=1)) / math.sqrt(len(error))
        low, high = max(0.0, mean - half), mean + half
    else:
        low, high = stats.wilson_interval(int(error.sum()), len(error))
    low, high = settle(low), settle(high)
    return Segment(group.field, group.name, len(error), settle(mean), low, high, low > overall)
