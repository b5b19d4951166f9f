"""Calibrated classifiers: each fold's classifier through its own calibration, and their mean."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from towpath.training.compile.compose import Curved, Normalised, Weighted, average, scored
from towpath.training.compile.curves import Logarithm, LogOdds, Polyline
from towpath.training.compile.features import Inputs
from towpath.training.compile.protocol import Model
from towpath.training.compile.refusals import setting_not_supported

EPS = 1e-12  # scikit-learn's, in _convert_to_logits


def _calibrated(estimator: Any, inputs: Inputs) -> Model:
    folds = [_fold(one, str(i), inputs) for i, one in enumerate(estimator.calibrated_classifiers_)]
    if len(folds) == 1:
        return folds[0]
    return average([scored(fold) for fold in folds], [1.0] * len(folds))


def _fold(one: Any, name: str, inputs: Inputs) -> Model:
    by_margin = hasattr(one.estimator, "decision_function")  # scikit-learn prefers it
    given = inputs.margin(one.estimator, name) if by_margin else scored(inputs.member(one.estimator, name))
    if one.method == "temperature":
        return _tempered(one, given, by_margin)
    made = _sigmoid(one, given) if one.method == "sigmoid" else _isotonic(one, given)
    if len(one.classes) == 2:
        return made
    if len(one.calibrators) != len(one.classes):
        raise setting_not_supported(one.estimator, inputs.place, "a fold that never saw some of the classes")
    return Normalised((scored(made),), empty=1.0 / len(one.classes))


def _sigmoid(one: Any, given: Model) -> Model:
    """1 / (1 + exp(a f + b)) for each output: the raw score is -(a f + b)."""
    slopes = np.diag([-float(calibrator.a_) for calibrator in one.calibrators])
    return Weighted(
        (given,), (slopes,), np.array([-float(calibrator.b_) for calibrator in one.calibrators]), "logistic"
    )


def _isotonic(one: Any, given: Model) -> Model:
    lines = [Polyline(*_points(calibrator)) for calibrator in one.calibrators]
    return Curved((given,), tuple(lines))


def _points(isotonic: Any) -> tuple[np.ndarray, np.ndarray]:
    return isotonic.X_thresholds_.astype(np.float64), isotonic.y_thresholds_.astype(np.float64)


def _tempered(one: Any, given: Model, by_margin: bool) -> Model:
    beta, outputs = float(one.calibrators[0].beta_), given.outputs
    if outputs == 1:  # of two classes the logits are -f and f, or the logarithms of 1 - p and p
        odds, factor = (given, 2.0) if by_margin else (Curved((given,), (LogOdds(EPS),)), 1.0)
        return Weighted((odds,), (np.eye(1) * factor * beta,), np.zeros(1), "logistic")
    logits = given if by_margin else Curved((given,), (Logarithm(EPS),))
    return Weighted((logits,), (np.eye(outputs) * beta,), np.zeros(outputs), "softmax")


CALIBRATED: dict[type, Callable[[Any, Inputs], Model]] = {CalibratedClassifierCV: _calibrated}
