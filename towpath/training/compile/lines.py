"""Fitted linear estimators of scikit-learn to linear models: which class has which link, or none."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import linear_model
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.svm import LinearSVC, LinearSVR

from towpath.core.plan import Link
from towpath.training.compile.compose import Curved, Normalised, scored
from towpath.training.compile.curves import Polyline
from towpath.training.compile.features import Inputs
from towpath.training.compile.linear import LinearModel
from towpath.training.compile.protocol import Model
from towpath.training.compile.refusals import setting_not_supported

HUBER = Polyline(np.array([-1.0, 1.0]), np.array([0.0, 1.0]))  # (clip(decision, -1, 1) + 1) / 2


def _classes(estimator: Any, inputs: Inputs) -> LinearModel:
    return _line(estimator, inputs, "logistic" if len(estimator.classes_) == 2 else "softmax")


def _value(estimator: Any, inputs: Inputs) -> LinearModel:
    made = _line(estimator, inputs, "identity")
    if made.outputs > 1:
        raise setting_not_supported(estimator, inputs.place, f"{made.outputs} targets")
    return made


def _generalized(estimator: Any, inputs: Inputs) -> LinearModel:
    """The raw score is what the link makes of the mean: its logarithm, or the mean itself."""
    by_log = type(estimator._base_loss.link).__name__ == "LogLink"
    return _line(estimator, inputs, "exp" if by_log else "identity")


def decision(estimator: Any, inputs: Inputs) -> LinearModel:
    """The distance from the plane between the classes, which is no probability."""
    return _line(estimator, inputs, "identity")


def _stochastic(estimator: Any, inputs: Inputs) -> Model:
    match estimator.loss:
        case "log_loss":
            line = _line(estimator, inputs, "logistic")
            return line if line.outputs == 1 else _shares(scored(line))
        case "modified_huber":
            line = _line(estimator, inputs, "identity")
            bent = Curved((line,), (HUBER,) * line.outputs)
            return bent if line.outputs == 1 else _shares(bent)
    raise setting_not_supported(estimator, inputs.place, f"loss={estimator.loss!r} without probabilities")


def _shares(model: Model) -> Model:
    return Normalised((model,), empty=1.0 / model.outputs)


def _line(estimator: Any, inputs: Inputs, link: Link) -> LinearModel:
    weights = np.atleast_2d(estimator.coef_).T.astype(np.float64)
    intercept = np.broadcast_to(np.atleast_1d(estimator.intercept_), weights.shape[1:]).astype(np.float64)
    return LinearModel(weights, intercept, inputs.features, inputs.columns, link, inputs.rows)


VALUES = (
    *("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Lars", "LarsCV"),
    *("LassoLars", "LassoLarsCV", "LassoLarsIC", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV"),
    *("BayesianRidge", "ARDRegression", "HuberRegressor", "TheilSenRegressor", "SGDRegressor", "QuantileRegressor"),
)

LINEAR: dict[type, Callable[[Any, Inputs], Model]] = {
    linear_model.LogisticRegression: _classes,
    linear_model.LogisticRegressionCV: _classes,
    LinearDiscriminantAnalysis: _classes,
    linear_model.SGDClassifier: _stochastic,
    **{getattr(linear_model, name): _value for name in VALUES},
    LinearSVR: _value,
    linear_model.PoissonRegressor: _generalized,
    linear_model.GammaRegressor: _generalized,
    linear_model.TweedieRegressor: _generalized,
}

# By themselves they have no probabilities, but a calibration or a stack makes some of their decisions.
PLANES: dict[type, Callable[[Any, Inputs], Model]] = dict.fromkeys(
    (
        linear_model.LogisticRegression,
        linear_model.LogisticRegressionCV,
        LinearDiscriminantAnalysis,
        linear_model.SGDClassifier,
        linear_model.RidgeClassifier,
        linear_model.RidgeClassifierCV,
        linear_model.Perceptron,
        linear_model.PassiveAggressiveClassifier,
        LinearSVC,
    ),
    decision,
)
