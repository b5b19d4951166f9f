"""Two models on the same rows: how much each metric differs, with an interval over the same resamples of both."""

from collections.abc import Sequence

import numpy as np

from towpath.core import stats
from towpath.core.evaluation import Delta
from towpath.core.measures import Measure
from towpath.training import metrics
from towpath.training.metrics import Predicted, settle


def deltas(wanted: Sequence[Measure], ours: Predicted, other: Predicted, *, seed: int) -> dict[str, Delta | None]:
    """By a metric's name, ours less the other's; None where either is not defined on these rows.

    Paired: the rows' own luck falls out of the difference, which two intervals side by side would count twice.
    """
    both = {("ours", one.name): metrics.statistic(one, ours) for one in wanted}
    both |= {("other", one.name): metrics.statistic(one, other) for one in wanted}
    drawn = metrics.resampled(both, len(ours), seed=seed)
    return {one.name: _delta(one, ours, other, drawn["ours", one.name] - drawn["other", one.name]) for one in wanted}


def _delta(metric: Measure, ours: Predicted, other: Predicted, drawn: np.ndarray) -> Delta | None:
    value, against = metrics.value_of(metric, ours), metrics.value_of(metric, other)
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not np.isfinite(against) or not len(known):
        return None
    low, high = stats.interval(known)
    numbers = (against, value - against, low, high, stats.two_sided_p(known))
    return Delta(metric.name, *map(settle, numbers))
