"""Naive Bayes and dummy estimators: the first adds up over the features, the second looks at none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.naive_bayes import GaussianNB, MultinomialNB

from towpath.core.plan import Column, Link
from towpath.training.compile.compose import Weighted
from towpath.training.compile.features import Feature, Inputs, numbers
from towpath.training.compile.forest import Tree, plant
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.linear import LinearModel
from towpath.training.compile.matrix import emit_matrix, with_refusals
from towpath.training.compile.protocol import EXACT, Model
from towpath.training.compile.refusals import setting_not_supported
from towpath.training.compile.trees import TreeModel

LAST = 2  # axis of the features in (n, classes, features)


@dataclass(frozen=True)
class Bells:
    """The logarithm of each class's share and of a normal density for each feature: all of them add up.

    means and variances are (classes, features), shares (classes,). Contributions are what a column adds beyond its
    mean over the training rows, as of a linear model.
    """

    means: np.ndarray
    variances: np.ndarray
    shares: np.ndarray
    features: Sequence[Feature]
    columns: Sequence[Column]
    rows: np.ndarray | None
    link: Link = "softmax"
    tolerance: float = EXACT

    @property
    def outputs(self) -> int:
        return len(self.shares)

    @property
    def unexplained(self) -> str:
        return "" if self.rows is not None else "its contributions start from the means of training rows"

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        total = graph.call("ReduceSum", self._logs(graph, rows), graph.constant([LAST], np.int64), keepdims=0)
        return graph.call("Add", total, graph.constant(self._heights()))

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        if self.rows is None:
            return None
        place = np.zeros((len(self.features), len(self.columns)))
        place[np.arange(len(self.features)), [feature.column for feature in self.features]] = 1.0
        beyond = graph.call("Sub", self._logs(graph, rows), graph.constant(self._usual(self.rows)))
        return graph.call("MatMul", beyond, graph.constant(place))

    def base(self) -> tuple[float, ...]:
        return () if self.rows is None else tuple((self._heights() + self._usual(self.rows).sum(axis=1)).tolist())

    def thresholds(self) -> list[tuple[int, float]]:
        return []

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        return []

    def _heights(self) -> np.ndarray:
        heights: np.ndarray = np.log(self.shares) - 0.5 * np.log(2.0 * np.pi * self.variances).sum(axis=1)
        return heights

    def _logs(self, graph: GraphBuilder, rows: str) -> str:
        """(n, classes, features)."""
        values = with_refusals(graph, rows, self.features, emit_matrix(graph, rows, self.features))
        wide = graph.call("Unsqueeze", values, graph.constant([1], np.int64))
        apart = graph.call("Sub", wide, graph.constant(self.means))
        squares = graph.call("Div", graph.call("Mul", apart, apart), graph.constant(self.variances))
        return graph.call("Mul", squares, graph.constant(-0.5))

    def _usual(self, rows: np.ndarray) -> np.ndarray:
        """The mean over the training rows, (classes, features)."""
        values = np.column_stack([numbers(feature, rows[:, feature.column]) for feature in self.features])
        apart = values[:, None, :] - self.means
        usual: np.ndarray = (-0.5 * apart * apart / self.variances).mean(axis=0)
        return usual


def _gaussian(estimator: Any, inputs: Inputs) -> Model:
    bells = Bells(
        estimator.theta_, estimator.var_, estimator.class_prior_, inputs.features, inputs.columns, inputs.rows
    )
    return _odds(bells)


def _multinomial(estimator: Any, inputs: Inputs) -> Model:
    line = LinearModel(
        estimator.feature_log_prob_.T,
        estimator.class_log_prior_,
        inputs.features,
        inputs.columns,
        "softmax",
        inputs.rows,
    )
    return _odds(line)


def _odds(model: Model) -> Model:
    """Of two classes the raw score is the second's over the first's."""
    if model.outputs != 2:
        return model
    return Weighted((model,), (np.array([[-1.0], [1.0]]),), np.zeros(1), "logistic")


def _dummy(estimator: Any, inputs: Inputs) -> TreeModel:
    if isinstance(estimator, DummyRegressor):
        values = np.ravel(estimator.constant_)
    elif estimator.strategy == "stratified":
        raise setting_not_supported(estimator, inputs.place, "strategy='stratified', which draws at random,")
    else:
        values = estimator.predict_proba(np.zeros((1, 1)))[0]
        values = values[1:] if len(values) == 2 else values
    planted = plant([_leaf(values)], len(values), np.zeros(len(values)), divisor=1, single=False)
    return TreeModel(planted, inputs.features, inputs.columns, "identity")


def _leaf(values: np.ndarray) -> Tree:
    nothing = np.array([-1])
    return Tree(
        nothing, nothing, np.array([0]), np.zeros(1), np.zeros(1, dtype=bool), values[None, :].astype(np.float64)
    )


BAYES: dict[type, Callable[[Any, Inputs], Model]] = {
    GaussianNB: _gaussian,
    MultinomialNB: _multinomial,
    DummyClassifier: _dummy,
    DummyRegressor: _dummy,
}
