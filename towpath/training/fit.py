"""Fit the user's estimator: seeded, on one thread, so that the same data, code and seed give the same model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from towpath.core.contract import Task
from towpath.core.errors import UsageError
from towpath.declare.metrics import Metric
from towpath.declare.service import Service, Threshold
from towpath.training import metrics
from towpath.training.parity import predictions

FOLDS = 5
GRID = 500  # thresholds tried at most; finer than the metric's own noise


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums over several threads depend on their number; over one they do not."""
    with threadpool_limits(limits=1):
        yield


def seeded(estimator: Any, seed: int) -> Any:
    """Every random_state left open gets the seed, and every n_jobs is 1: threads end in another order each time."""
    settings = {}
    for name, value in estimator.get_params(deep=True).items():
        match name.rpartition("__")[2]:
            case "random_state" if value is None:
                settings[name] = seed
            case "n_jobs" if value is not None:
                settings[name] = 1
    return estimator.set_params(**settings)


def fit(service: Service, frame: pd.DataFrame, targets: np.ndarray, *, seed: int) -> Any:
    """A new estimator of the service, fitted on these rows alone."""
    estimator = seeded(fitting_estimator(service), seed)
    with one_thread():
        return estimator.fit(model_input(service, frame), targets)


def fitting_estimator(service: Service) -> Any:
    """A new estimator of the kind that the target needs. Raises UsageError: a regressor's "probability" may be 37."""
    estimator, wants_classes = service.estimator(), service.target.task.kind != "regression"
    if is_classifier(estimator) != wants_classes:
        kind, other = ("classifier", "a number") if is_classifier(estimator) else ("regressor", "classes")
        raise UsageError(
            f"build() of {service.name} returns a {kind}, {type(estimator).__name__}, but the target is {other}",
            hint="use the estimator's other kind, or declare the target as it is: binary(), multiclass(), regression()",
        )
    return estimator


def model_input(service: Service, frame: pd.DataFrame) -> Any:
    """What the estimator takes: the frame, or for a text model the one column of strings."""
    return frame[service.columns.names[0]] if is_text(service) else frame[service.columns.names]


def is_text(service: Service) -> bool:
    """Whether the record's only feature is an open string: then the model reads text."""
    features = service.columns.fields
    return len(features) == 1 and features[0].type == "string" and not features[0].choices


def choose_threshold(service: Service, frame: pd.DataFrame, targets: np.ndarray, *, seed: int) -> float:
    """The declared threshold, or the best one for the declared metric over cross-validated scores of these rows."""
    if not isinstance(service.threshold, Threshold):
        return float(service.threshold)
    scores = cross_validated_scores(service, frame, targets, seed=seed)
    metric = Metric(service.threshold.metric, service.target.task.positive)
    tried = _grid(scores[:, 0])
    reached = [_reached(metric, service.target.task, targets, scores, threshold) for threshold in tried]
    return float(tried[int(np.nanargmax(reached))])


def cross_validated_scores(service: Service, frame: pd.DataFrame, targets: np.ndarray, *, seed: int) -> np.ndarray:
    """For each row its scores by a model that has not seen it, float64 (rows, outputs)."""
    folds: Any = KFold(FOLDS, shuffle=True, random_state=seed)
    if service.target.task.kind != "regression":
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    estimator = seeded(fitting_estimator(service), seed)
    parts, rows = [], []
    with one_thread():
        for train, test in folds.split(frame, targets):
            fitted = clone(estimator).fit(model_input(service, frame.iloc[train]), targets[train])
            parts.append(predictions(fitted, model_input(service, frame.iloc[test])))
            rows.append(test)
    return np.concatenate(parts)[np.argsort(np.concatenate(rows))]


def _grid(scores: np.ndarray) -> np.ndarray:
    """Between neighbouring scores, so that no training row sits on the threshold itself."""
    known = np.unique(scores)
    between = (known[:-1] + known[1:]) / 2.0
    return between[np.unique(np.linspace(0, len(between) - 1, min(GRID, len(between))).astype(np.int64))]


def _reached(metric: Metric, task: Task, targets: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    return metrics.value_of(metric, metrics.predicted(task, targets, scores, threshold))
