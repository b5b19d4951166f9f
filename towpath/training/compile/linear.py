"""Fitted linear estimators of scikit-learn to ONNX: the raw score, and what each column adds to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from towpath.core.plan import Column, Link
from towpath.training.compile.features import Feature, Inputs, Lookup, Number, Step, as_number, numbers
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.preprocess import setting_not_supported


@dataclass(frozen=True)
class LinearModel:
    """Weights (features, outputs), intercept (outputs,), and training rows, at whose means contributions are zero."""

    weights: np.ndarray
    intercept: np.ndarray
    features: Sequence[Feature]
    columns: Sequence[Column]
    link: Link
    rows: np.ndarray | None

    @property
    def outputs(self) -> int:
        return len(self.intercept)

    def graph(self) -> bytes:
        graph = GraphBuilder(len(self.columns))
        weighted_sum(graph, self.features, self.weights, self.intercept)
        return graph.finish("raw", [None, self.outputs])

    def explain(self) -> bytes | None:
        """Contributions are what a column adds beyond its mean over the training rows; without these there are none."""
        if self.rows is None:
            return None
        count = len(self.columns)
        graph = GraphBuilder(count)
        total = weighted_sum(graph, self.features, self._weights_by_column(), -self._means(self.rows).reshape(-1))
        graph.call("Reshape", total, graph.constant([-1, self.outputs, count], np.int64))
        return graph.finish("contributions", [None, self.outputs, count])

    def base(self) -> tuple[float, ...]:
        return () if self.rows is None else tuple((self.intercept + self._means(self.rows).sum(axis=1)).tolist())

    def thresholds(self) -> list[tuple[int, float]]:
        return []

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        return []

    def _weights_by_column(self) -> np.ndarray:
        """Each weight at its own output and column, zero elsewhere: (features, outputs * columns)."""
        spread = np.zeros((len(self.features), self.outputs, len(self.columns)))
        for position, feature in enumerate(self.features):
            spread[position, :, feature.column] = self.weights[position]
        return spread.reshape(len(self.features), -1)

    def _means(self, rows: np.ndarray) -> np.ndarray:
        """Mean of what each column adds over the training rows, (outputs, columns)."""
        means = np.zeros((self.outputs, len(self.columns)))
        for feature, weights in zip(self.features, self.weights, strict=True):
            means[:, feature.column] += weights * numbers(feature, rows[:, feature.column]).mean()
        return means


def weighted_sum(graph: GraphBuilder, features: Sequence[Feature], weights: np.ndarray, intercept: np.ndarray) -> str:
    """Intercept + features x weights. Numbers with the same steps go together; lookups are one table of sums."""
    total = graph.constant(intercept)
    numeric = [i for i, feature in enumerate(features) if isinstance(feature, Number)]
    for _, group in groupby(
        sorted(numeric, key=lambda i: _step_names(features[i])), key=lambda i: _step_names(features[i])
    ):
        total = graph.call("Add", _numbers(graph, features, weights, list(group)), total)
    if lookups := [i for i, feature in enumerate(features) if isinstance(feature, Lookup)]:
        total = graph.call("Add", _lookups(graph, features, weights, lookups), total)
    return total


def _step_names(number: Any) -> tuple[str, ...]:
    return tuple(step.name for step in number.steps)


def _numbers(graph: GraphBuilder, features: Sequence[Any], weights: np.ndarray, group: list[int]) -> str:
    values = graph.call("Gather", "X", graph.constant([features[i].column for i in group], np.int64), axis=1)
    for steps in zip(*(features[i].steps for i in group), strict=True):
        values = _stepped(graph, values, steps)
    return graph.call("MatMul", values, graph.constant(weights[group]))


def _stepped(graph: GraphBuilder, values: str, steps: Sequence[Step]) -> str:
    operand = graph.constant([step.operand for step in steps])
    if steps[0].name == "fill":
        return graph.call("Where", graph.call("IsNaN", values), operand, values)
    return graph.call({"subtract": "Sub", "divide": "Div"}[steps[0].name], values, operand)


def _lookups(graph: GraphBuilder, features: Sequence[Any], weights: np.ndarray, which: list[int]) -> str:
    """The sum of one table row for each column; its features' values and weights are summed up in the table."""
    alike: dict[tuple[bool, int, tuple[float, ...]], list[int]] = {}
    for i in which:
        alike.setdefault((features[i].coded, features[i].column, features[i].keys), []).append(i)
    tables = [_table([features[i] for i in group], weights[group]) for group in alike.values()]
    offsets = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    rows = [_table_row(graph, *key, offset) for key, offset in zip(alike, offsets.tolist(), strict=True)]
    together = graph.call("Concat", *rows, axis=1) if len(rows) > 1 else rows[0]
    found = graph.call("Gather", graph.constant(np.concatenate(tables)), graph.call("Cast", together, to=graph.INT64))
    return graph.call("ReduceSum", found, graph.constant([1], np.int64), keepdims=0)


def _table(lookups: Sequence[Lookup], weights: np.ndarray) -> np.ndarray:
    """Rows: an unlisted value, each key, a missing value."""
    values = [[lookup.unlisted, *lookup.values, lookup.missing] for lookup in lookups]
    summed: np.ndarray = np.array([[as_number(value) for value in row] for row in values]).T @ weights
    return summed


def _table_row(graph: GraphBuilder, coded: bool, column: int, keys: tuple[float, ...], offset: int) -> str:
    value = graph.call("Gather", "X", graph.constant([column], np.int64), axis=1)
    missing = graph.call("IsNaN", value)
    if coded:
        position = graph.call("Where", missing, graph.constant(float(len(keys))), value)
        return graph.call("Add", position, graph.constant(float(offset + 1)))
    # One or none of these is true, so their weighted sum is the position itself.
    hits = graph.call("Concat", graph.call("Equal", value, graph.constant([keys])), missing, axis=1)
    positions = np.arange(1.0, len(keys) + 2)[:, None]
    position = graph.call("MatMul", graph.call("Cast", hits, to=graph.DOUBLE), graph.constant(positions))
    return graph.call("Add", position, graph.constant(float(offset)))


def _logistic(estimator: Any, inputs: Inputs) -> LinearModel:
    link: Link = "logistic" if len(estimator.classes_) == 2 else "softmax"
    return LinearModel(
        estimator.coef_.T, np.array(estimator.intercept_), inputs.features, inputs.columns, link, inputs.rows
    )


def _linear(estimator: Any, inputs: Inputs) -> LinearModel:
    weights = np.atleast_2d(estimator.coef_).T
    if weights.shape[1] > 1:
        raise setting_not_supported(estimator, inputs.place, f"{weights.shape[1]} targets")
    intercept = np.atleast_1d(estimator.intercept_).astype(np.float64)
    return LinearModel(weights, intercept, inputs.features, inputs.columns, "identity", inputs.rows)


LINEAR: dict[type, Callable[[Any, Inputs], LinearModel]] = {
    LogisticRegression: _logistic,
    LinearRegression: _linear,
    Ridge: _linear,
}
