"""Fitted linear models over terms, naive Bayes among them, to weights, bias and link."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC, LinearSVR

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.training.compile.refusals import not_supported, setting_not_supported


@dataclass(frozen=True)
class Head:
    """Weights (outputs, terms), bias (outputs,).

    `presence` says that a term counts as there or not, whatever its value; `mean` that the score is the mean of the
    outputs' logistic values.
    """

    weights: np.ndarray
    bias: np.ndarray
    link: Link
    presence: bool = False
    mean: bool = False


def text_head(estimator: Any, place: str) -> Head:
    """What a text pipeline ends with. Raises VerificationRefused naming what has no converter."""
    if convert := HEADS.get(type(estimator)):
        return convert(estimator, place)
    if type(estimator) in MARGINS:
        name = type(estimator).__name__
        raise VerificationRefused(
            f"{place} is a {name}, which gives no probabilities",
            hint=f"CalibratedClassifierCV({name}()) does, and so does LogisticRegression",
        )
    raise not_supported(estimator, place, HEADS)


def _logistic(estimator: Any, place: str) -> Head:
    link: Link = "logistic" if len(estimator.classes_) == 2 else "softmax"
    return Head(estimator.coef_, np.atleast_1d(estimator.intercept_), link)


def _sgd(estimator: SGDClassifier, place: str) -> Head:
    if estimator.loss != "log_loss":
        raise setting_not_supported(estimator, place, f"loss={estimator.loss!r}")
    if len(estimator.classes_) > 2:  # scikit-learn gives each class's own logistic value, divided by their sum
        raise VerificationRefused(
            f"{place}, an SGDClassifier, tells {len(estimator.classes_)} classes apart one against the rest",
            hint="LogisticRegression tells many classes apart at once, and has a converter",
        )
    return Head(estimator.coef_, np.atleast_1d(estimator.intercept_), "logistic")


def _bayes(estimator: Any, place: str) -> Head:
    """Naive Bayes is linear in the terms, for the logarithms of the probabilities."""
    prior = 0.0 if isinstance(estimator, ComplementNB) else estimator.class_log_prior_
    return _of_logarithms(estimator.feature_log_prob_, prior + np.zeros(len(estimator.classes_)))


def _bernoulli(estimator: BernoulliNB, place: str) -> Head:
    if estimator.binarize != 0.0:
        raise setting_not_supported(estimator, place, f"binarize={estimator.binarize!r}")
    absent = np.log(1.0 - np.exp(estimator.feature_log_prob_))
    bias = estimator.class_log_prior_ + absent.sum(axis=1)
    return _of_logarithms(estimator.feature_log_prob_ - absent, bias, presence=True)


def _of_logarithms(weights: np.ndarray, bias: np.ndarray, presence: bool = False) -> Head:
    """Of two classes only the difference tells."""
    if len(bias) == 2:
        return Head(weights[1:] - weights[:1], bias[1:] - bias[:1], "logistic", presence)
    return Head(weights, bias, "softmax", presence)


def _regression(estimator: Any, place: str) -> Head:
    weights = np.atleast_2d(estimator.coef_)
    if len(weights) > 1:
        raise setting_not_supported(estimator, place, f"{len(weights)} targets")
    return Head(weights, np.atleast_1d(estimator.intercept_).astype(np.float64), "identity")


def _calibrated(estimator: CalibratedClassifierCV, place: str) -> Head:
    """The mean over the folds of 1 / (1 + exp(a x margin + b)), by Platt's a and b; of one fold simply its logit."""
    if len(estimator.classes_) > 2:
        raise VerificationRefused(
            f"{place}, a CalibratedClassifierCV, calibrates {len(estimator.classes_)} classes one by one",
            hint="over terms it has a converter for two classes; LogisticRegression has one for many",
        )
    if estimator.method != "sigmoid":
        raise setting_not_supported(estimator, place, f"method={estimator.method!r}")
    margins = [_margin(fold.estimator, f"{place}.estimator") for fold in estimator.calibrated_classifiers_]
    platt = [
        (float(fold.calibrators[0].a_), float(fold.calibrators[0].b_)) for fold in estimator.calibrated_classifiers_
    ]
    weights = np.array([-a * weights for (weights, _), (a, _) in zip(margins, platt, strict=True)])
    bias = np.array([-(a * bias + b) for (_, bias), (a, b) in zip(margins, platt, strict=True)])
    return Head(weights, bias, "identity", mean=True) if len(bias) > 1 else Head(weights, bias, "logistic")


def _margin(estimator: Any, place: str) -> tuple[np.ndarray, float]:
    """Weights (terms,) and bias of a decision function; RidgeClassifier's own have no axis of outputs."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    if type(estimator) not in MARGINS:
        raise not_supported(estimator, place, MARGINS)
    return estimator.coef_.reshape(-1), float(np.atleast_1d(estimator.intercept_)[0])


MARGINS: Sequence[type] = (
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)

HEADS: dict[type, Callable[[Any, str], Head]] = {
    LogisticRegression: _logistic,
    LogisticRegressionCV: _logistic,
    SGDClassifier: _sgd,
    MultinomialNB: _bayes,
    ComplementNB: _bayes,
    BernoulliNB: _bernoulli,
    CalibratedClassifierCV: _calibrated,
    **dict.fromkeys(
        (ElasticNet, HuberRegressor, Lasso, LinearRegression, LinearSVR, Ridge, RidgeCV, SGDRegressor), _regression
    ),
}
