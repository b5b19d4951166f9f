"""Fit the user's estimator: seeded, on one thread, so that the same data, code and seed give the same model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder
from threadpoolctl import threadpool_limits

from towpath.core.contract import Task
from towpath.core.errors import UsageError
from towpath.core.measures import Measure
from towpath.declare.service import Service, Threshold
from towpath.training import metrics
from towpath.training.complaints import told
from towpath.training.derived import with_derived
from towpath.training.parity import predictions

FOLDS = 5
UNDECIDED = 0.5  # the threshold where none is better than another
GRID = 500  # thresholds tried at most; finer than the metric's own noise


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums over several threads depend on their number; over one they do not."""
    with threadpool_limits(limits=1):
        yield


def seeded(estimator: Any, seed: int) -> Any:
    """Every random_state left open gets the seed, and every n_jobs is 1: threads end in another order each time."""
    settings: dict[str, Any] = {}
    parts = estimator.get_params(deep=True)
    for name, part in {"": estimator, **parts}.items():
        steady = _steady(part) | _steady_folds(part, is_classifier(estimator), seed)
        settings |= {f"{name}__{setting}".removeprefix("__"): value for setting, value in steady.items()}
    for name, value in parts.items():
        match name.rpartition("__")[2]:
            case "random_state" if value is None:
                settings[name] = seed
            case "n_jobs" if value is not None:
                settings[name] = 1
    return estimator.set_params(**settings)


def _steady_folds(part: Any, of_classes: bool, seed: int) -> dict[str, Any]:
    """A TargetEncoder shuffles into folds of its own, and since scikit-learn 1.9 its cv is the way to seed them."""
    if not isinstance(part, TargetEncoder) or not isinstance(part.cv, int) or part.random_state != "deprecated":
        return {}
    return {"cv": (StratifiedKFold if of_classes else KFold)(part.cv, shuffle=True, random_state=seed)}


def _steady(part: Any) -> dict[str, Any]:
    """What makes a booster the same each time; without it XGBoost and LightGBM take every core there is."""
    library = type(part).__module__.partition(".")[0]
    if library not in ("xgboost", "lightgbm") or not hasattr(part, "get_params"):
        return {}
    given = part.get_params(deep=False)
    if library == "xgboost":
        return {"n_jobs": 1}
    # LightGBM tries out which way of counting is faster here and now, and talks on stdout, where results go.
    ways = {} if {"force_col_wise", "force_row_wise"} & set(given) else {"force_row_wise": True}
    quiet = {} if {"verbose", "verbosity"} & set(given) else {"verbosity": -1}
    return {"n_jobs": 1, "deterministic": True, **ways, **quiet}


def fit(service: Service, frame: pd.DataFrame, targets: np.ndarray, *, seed: int) -> Any:
    """A new estimator of the service, fitted on these rows alone."""
    estimator = seeded(fitting_estimator(service), seed)
    with one_thread():
        return fitted(service, estimator, frame, targets)


def fitted(service: Service, estimator: Any, frame: pd.DataFrame, targets: np.ndarray) -> Any:
    """The estimator, fitted on these rows. Raises NotTaken that says what it cannot take."""
    given = model_input(service, frame)
    with told(service.name, estimator, f"fitting {len(targets)} training rows", given):
        return estimator.fit(given, targets)


def predict(service: Service, estimator: Any, given: Any, rows: str) -> np.ndarray:
    """scikit-learn's scores of rows as the estimator takes them, float64 (rows, outputs).

    Raises NotTaken that says what the estimator cannot take, and calls the rows so.
    """
    with told(service.name, estimator, f"predicting {rows}", given, lambda some: predictions(estimator, some)):
        return predictions(estimator, given)


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
    """What the estimator takes: the frame with its derived columns, or for a text model the one column of strings."""
    if is_text(service):
        return frame[service.columns.names[0]]
    return with_derived(service.columns, frame)[service.columns.names]


def is_text(service: Service) -> bool:
    """Whether the one column there is is an open string: then the model reads text."""
    features = service.columns.fields
    return len(service.columns.names) == 1 and features[0].type == "string" and not features[0].choices


def choose_threshold(service: Service, targets: np.ndarray, scores: np.ndarray) -> float:
    """The declared threshold, or the best one for the declared metric over cross-validated scores of training rows."""
    if not isinstance(service.threshold, Threshold):
        return float(service.threshold)
    metric = declared_metric(service, service.threshold.metric)
    tried = _grid(scores[:, 0])
    reached = [_reached(metric, service.target.task, targets, scores, threshold) for threshold in tried]
    if np.isnan(reached).all():  # one and the same score for every row, or a metric that no threshold gives a number
        return UNDECIDED
    return float(tried[int(np.nanargmax(reached))])


def cross_validated_scores(service: Service, frame: pd.DataFrame, targets: np.ndarray, *, seed: int) -> np.ndarray:
    """For each row its scores by a model that has not seen it, float64 (rows, outputs)."""
    estimator = seeded(fitting_estimator(service), seed)
    parts, rows = [], []
    with one_thread():
        for train, test in folds_of(service, targets, seed=seed):
            part = fitted(service, clone(estimator), frame.iloc[train], targets[train])
            held_out = model_input(service, frame.iloc[test])
            parts.append(predict(service, part, held_out, "a fold of the training rows"))
            rows.append(test)
    return np.concatenate(parts)[np.argsort(np.concatenate(rows))]


def folds_of(service: Service, targets: np.ndarray, *, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Positions of training and of answered rows, int64; the same for the same targets and seed."""
    kind: Any = KFold if service.target.task.kind == "regression" else StratifiedKFold
    return list(kind(FOLDS, shuffle=True, random_state=seed).split(targets, targets))


def declared_metric(service: Service, name: str) -> Measure:
    """The metric of that name that the service measures, or else of the positive class."""
    declared = next((metric for metric in service.metrics if metric.name == name), None)
    return declared or Measure(name, service.target.task.positive)  # type: ignore[arg-type]  # the check knows the kinds


def _grid(scores: np.ndarray) -> np.ndarray:
    """Between neighbouring scores, so that no training row sits on the threshold itself."""
    known = np.unique(scores)
    between = (known[:-1] + known[1:]) / 2.0
    return between[np.unique(np.linspace(0, len(between) - 1, min(GRID, len(between))).astype(np.int64))]


def _reached(metric: Measure, task: Task, targets: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    return metrics.value_of(metric, metrics.predicted(task, targets, scores, threshold))
