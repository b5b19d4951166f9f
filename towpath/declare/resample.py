"""An estimator that learns from as many rows of each class: rare ones repeated, or common ones left out."""

from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.metaestimators import available_if

How = Literal["oversample", "undersample"]


class Resampled(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Fits a clone of the estimator on resampled rows; to everything else it is that estimator.

    oversample: every class is drawn again, with replacement, until it has as many rows as the largest. undersample:
    every class keeps as many rows as the smallest has, drawn without replacement.
    """

    def __init__(self, estimator: Any, how: How = "oversample", random_state: int | None = None):
        self.estimator = estimator
        self.how = how
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "Resampled":
        chosen = balanced(np.asarray(y), self.how, check_random_state(self.random_state))
        self.estimator_ = clone(self.estimator).fit(_safe_indexing(X, chosen), np.asarray(y)[chosen])
        return self

    def predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> np.ndarray:
        return self.estimator_.predict_proba(X)

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> np.ndarray:
        return self.estimator_.decision_function(X)

    @property
    def classes_(self) -> np.ndarray:
        return self.estimator_.classes_

    @property
    def feature_names_in_(self) -> np.ndarray:
        return self.estimator_.feature_names_in_

    @property
    def n_features_in_(self) -> int:
        return self.estimator_.n_features_in_


def balanced(targets: np.ndarray, how: How, random: np.random.RandomState) -> np.ndarray:
    """Positions of rows, ascending, that hold every class equally often. Raises ValueError for another way."""
    if how not in ("oversample", "undersample"):
        raise ValueError(f'how is {how!r}; choose "oversample" or "undersample"')
    classes, counts = np.unique(targets, return_counts=True)
    size = counts.max() if how == "oversample" else counts.min()
    parts = [_drawn(np.flatnonzero(targets == one), int(size), random) for one in classes]
    return np.sort(np.concatenate(parts))


def _drawn(rows: np.ndarray, size: int, random: np.random.RandomState) -> np.ndarray:
    """Some of the rows, or all of them and some again."""
    if size <= len(rows):
        return random.choice(rows, size, replace=False)
    return np.concatenate([rows, random.choice(rows, size - len(rows))])
