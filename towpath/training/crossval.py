"""A metric over the folds of the training rows, which may be stopped on the way."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from sklearn.base import clone

from towpath.core.measures import NEEDS_DECISION, Measure
from towpath.declare.service import Service
from towpath.training import metrics
from towpath.training.fit import (
    UNDECIDED,
    choose_threshold,
    fitted,
    fitting_estimator,
    folds_of,
    model_input,
    predict,
    seeded,
)

Stop = Callable[[int, float], bool]
"""(fold, mean so far) -> whether it is not worth going on."""


def cross_validate(
    service: Service, frame: pd.DataFrame, targets: np.ndarray, measure: Measure, *, seed: int, stop: Stop | None = None
) -> list[float]:
    """The metric of each fold, measured on the rows that the fold's model has not seen.

    A decision is made from the threshold on that is best over all the folds, as training itself chooses it.
    """
    found: list[tuple[np.ndarray, np.ndarray]] = []
    reached: list[float] = []
    for scores, truth in fold_scores(service, frame, targets, seed):
        found.append((scores, truth))
        reached = _measured(service, measure, found)
        if stop and stop(len(found) - 1, float(np.mean(reached))):
            break
    return reached


def fold_scores(
    service: Service, frame: pd.DataFrame, targets: np.ndarray, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scores float64 (rows, outputs) and targets of each fold's held-out rows, one fold after the other."""
    estimator = seeded(fitting_estimator(service), seed)
    for train, test in folds_of(service, targets, seed=seed):
        part = fitted(service, clone(estimator), frame.iloc[train], targets[train])
        held_out = model_input(service, frame.iloc[test])
        yield predict(service, part, held_out, "a fold of the training rows"), targets[test]


def _measured(service: Service, measure: Measure, found: list[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    scores, truth = (np.concatenate(side) for side in zip(*found, strict=True))
    decides = measure.kind in NEEDS_DECISION  # to choose a threshold takes longer than to measure
    threshold = choose_threshold(service, truth, scores) if decides else UNDECIDED
    task = service.target.task
    return [metrics.value_of(measure, metrics.predicted(task, true, said, threshold)) for said, true in found]
