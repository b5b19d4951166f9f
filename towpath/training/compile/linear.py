"""Fitted linear estimators of scikit-learn to ONNX: the raw score, and what each column adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from towpath.core.plan import Column, Link
from towpath.training.compile.features import Feature, Lookup, Number, as_number, numbers
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.matrix import step_names, stepped, table_row
from towpath.training.compile.protocol import EXACT


@dataclass(frozen=True)
class LinearModel:
    """Weights (features, outputs), intercept (outputs,), and training rows, at whose means contributions are zero."""

    weights: np.ndarray
    intercept: np.ndarray
    features: Sequence[Feature]
    columns: Sequence[Column]
    link: Link
    rows: np.ndarray | None
    tolerance: float = EXACT

    @property
    def outputs(self) -> int:
        return len(self.intercept)

    @property
    def unexplained(self) -> str:
        return "" if self.rows is not None else "a linear model's contributions start from the means of training rows"

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return weighted_sum(graph, rows, self.features, self.weights, self.intercept)

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str | None:
        """Contributions are what a column adds beyond its mean over the training rows; without these there are none."""
        if self.rows is None:
            return None
        means = -self._means(self.rows).reshape(-1)
        total = weighted_sum(graph, rows, self.features, self._weights_by_column(), means)
        return graph.call("Reshape", total, graph.constant([-1, self.outputs, len(self.columns)], np.int64))

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


def weighted_sum(
    graph: GraphBuilder, rows: str, features: Sequence[Feature], weights: np.ndarray, intercept: np.ndarray
) -> str:
    """Intercept + features x weights. Numbers with the same steps go together; lookups are one table of sums."""
    total = graph.constant(intercept)
    numeric = [i for i, feature in enumerate(features) if isinstance(feature, Number)]
    for _, group in groupby(
        sorted(numeric, key=lambda i: step_names(features[i])), key=lambda i: step_names(features[i])
    ):
        total = graph.call("Add", _numbers(graph, rows, features, weights, list(group)), total)
    if lookups := [i for i, feature in enumerate(features) if isinstance(feature, Lookup)]:
        total = graph.call("Add", _lookups(graph, rows, features, weights, lookups), total)
    return total


def _numbers(graph: GraphBuilder, rows: str, features: Sequence[Any], weights: np.ndarray, group: list[int]) -> str:
    values = graph.call("Gather", rows, graph.constant([features[i].column for i in group], np.int64), axis=1)
    for steps in zip(*(features[i].steps for i in group), strict=True):
        values = stepped(graph, values, steps)
    return graph.call("MatMul", values, graph.constant(weights[group]))


def _lookups(graph: GraphBuilder, rows: str, features: Sequence[Any], weights: np.ndarray, which: list[int]) -> str:
    """The sum of one table row for each column; its features' values and weights are summed up in the table."""
    alike: dict[tuple[bool, int, tuple[float, ...]], list[int]] = {}
    for i in which:
        alike.setdefault((features[i].coded, features[i].column, features[i].keys), []).append(i)
    tables = [_table([features[i] for i in group], weights[group]) for group in alike.values()]
    offsets = np.cumsum([0, *(len(table) for table in tables)])[:-1]
    places = [table_row(graph, rows, *key, offset) for key, offset in zip(alike, offsets.tolist(), strict=True)]
    together = graph.call("Concat", *places, axis=1) if len(places) > 1 else places[0]
    found = graph.call("Gather", graph.constant(np.concatenate(tables)), graph.call("Cast", together, to=graph.INT64))
    return graph.call("ReduceSum", found, graph.constant([1], np.int64), keepdims=0)


def _table(lookups: Sequence[Lookup], weights: np.ndarray) -> np.ndarray:
    """Rows: an unlisted value, each key, a missing value."""
    values = [[lookup.unlisted, *lookup.values, lookup.missing] for lookup in lookups]
    summed: np.ndarray = np.array([[as_number(value) for value in row] for row in values]).T @ weights
    return summed
