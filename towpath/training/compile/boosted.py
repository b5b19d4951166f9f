"""Boosted trees of scikit-learn that are no histograms: GradientBoosting and AdaBoost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from towpath.core.plan import Link
from towpath.training.compile.features import Feature, Inputs, refuse_missing
from towpath.training.compile.forest import Tree, mean_below, plant
from towpath.training.compile.refusals import setting_not_supported
from towpath.training.compile.trees import TreeModel, sklearn_tree


def _gradient_boosting(estimator: Any, inputs: Inputs) -> TreeModel:
    outputs = estimator.estimators_.shape[1]
    # The exponential loss has the half logit as its link; twice its raw score is the log odds, without rounding.
    scale = 2.0 if estimator.loss == "exponential" and not inputs.decision else 1.0
    start = _start(estimator, inputs) * scale
    trees = [
        _stage(tree.tree_, estimator.learning_rate, scale, target)
        for stage in estimator.estimators_
        for target, tree in enumerate(stage)
    ]
    planted = plant(trees, outputs, start, divisor=1, single=True)
    return TreeModel(planted, _complete(inputs), inputs.columns, _link(estimator, outputs))


def _start(estimator: Any, inputs: Inputs) -> np.ndarray:
    """The raw score before any tree, (outputs,)."""
    if not (isinstance(estimator.init_, str) or type(estimator.init_) in (DummyClassifier, DummyRegressor)):
        raise setting_not_supported(estimator, inputs.place, f"init={type(estimator.init_).__name__}(...)")
    start: np.ndarray = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_)))[0]
    return start


def _stage(tree: Any, rate: float, scale: float, target: int) -> Tree:
    """A leaf's value is what was found on the line, an inner node's the mean of the leaves below it."""
    plain = sklearn_tree(tree, slice(0, 1))
    values = mean_below(plain.left, plain.right, rate * plain.values[:, 0] * scale, tree.weighted_n_node_samples)
    return replace(plain, values=values[:, None], target=target)


def _link(estimator: Any, outputs: int) -> Link:
    if isinstance(estimator, GradientBoostingRegressor):
        return "identity"
    return "logistic" if outputs == 1 else "softmax"


def _adaboost(estimator: Any, inputs: Inputs) -> TreeModel:
    """Each tree votes with its weight for the class of the leaf reached, and a little against all others."""
    count = estimator.n_classes_
    if not all(type(tree) in (DecisionTreeClassifier, ExtraTreeClassifier) for tree in estimator.estimators_):
        raise setting_not_supported(
            estimator, inputs.place, f"estimator={type(estimator.estimators_[0]).__name__}(...)"
        )
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    total = estimator.estimator_weights_.sum()
    trees = [
        _vote(tree, weight / total, estimator.classes_)
        for tree, weight in zip(estimator.estimators_, weights, strict=True)
    ]
    if inputs.decision and count > 2:
        trees = [replace(tree, values=tree.values * (count - 1)) for tree in trees]
    outputs = 1 if count == 2 else int(count)
    planted = plant(trees, outputs, np.zeros(outputs), divisor=1, single=True)
    return TreeModel(planted, _complete(inputs), inputs.columns, "logistic" if count == 2 else "softmax")


def _vote(tree: Any, weight: float, classes: np.ndarray) -> Tree:
    count = len(classes)
    plain = sklearn_tree(tree.tree_, slice(None))
    chosen = tree.classes_[plain.values.argmax(axis=1)]
    votes = np.where(chosen[:, None] == classes, weight, -weight / (count - 1))
    votes = 2.0 * votes[:, 1:] if count == 2 else votes / (count - 1)
    weights = tree.tree_.weighted_n_node_samples
    means = [mean_below(plain.left, plain.right, vote, weights) for vote in votes.T]
    return replace(plain, values=np.column_stack(means))


def _complete(inputs: Inputs) -> list[Feature]:
    """scikit-learn raises an error for a missing value here."""
    return [refuse_missing(feature) for feature in inputs.features]


BOOSTED: dict[type, Callable[[Any, Inputs], TreeModel]] = {
    GradientBoostingClassifier: _gradient_boosting,
    GradientBoostingRegressor: _gradient_boosting,
    AdaBoostClassifier: _adaboost,
}
