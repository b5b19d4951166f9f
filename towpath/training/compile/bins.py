"""Fitted transformers that cut numbers at edges, as features that count the edges a number has reached.

An edge is often a training value itself, so it is not compared with what a graph makes of a number in steps before:
it is moved to the number, as a tree's split is.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.preprocessing import Binarizer, KBinsDiscretizer

from towpath.training.compile.elementwise import mapped
from towpath.training.compile.features import (
    Block,
    Feature,
    Lookup,
    Number,
    computed,
    refuse_missing,
    run_steps,
)
from towpath.training.compile.fold import largest_at_most
from towpath.training.compile.graph import GraphBuilder


def binarized(binarizer: Binarizer, features: list[Feature], place: str) -> list[Feature]:
    """1.0 above the threshold, 0.0 up to it."""
    return _reached(features, [np.array([np.nextafter(float(binarizer.threshold), np.inf)])] * len(features))


def binned(discretizer: KBinsDiscretizer, features: list[Feature], place: str) -> list[Feature]:
    """The number of the bin, or one feature for each bin."""
    bins = _reached(features, [np.asarray(edges[1:-1], dtype=np.float64) for edges in discretizer.bin_edges_])
    if discretizer.encode == "ordinal":
        return bins
    return [one for feature, count in zip(bins, discretizer.n_bins_, strict=True) for one in _one_of(feature, count)]


def _reached(features: Sequence[Feature], edges: Sequence[np.ndarray]) -> list[Feature]:
    """For each feature how many of its edges it has reached; scikit-learn raises where one is missing."""
    features = [refuse_missing(feature) for feature in features]
    numbers = {i: feature for i, feature in enumerate(features) if isinstance(feature, Number)}
    counters = [_Counter(number, edges[i]) for i, number in numbers.items()]
    block = Block(
        inputs=tuple(replace(counter.number, steps=()) for counter in counters),
        made_of=tuple((k,) for k in range(len(counters))),
        emit=lambda graph, values: _beside(graph, [one.emit(graph, values, k) for k, one in enumerate(counters)]),
        values=lambda values: np.column_stack([one.count(values[:, k]) for k, one in enumerate(counters)]),
        strict=False,  # what its inputs refuse is enough: a number that was imputed may be missing in the record
    )
    made = dict(zip(numbers, computed(block), strict=True))
    return [made.get(i) or mapped(feature, _count, edges[i]) for i, feature in enumerate(features)]


def _count(edges: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.searchsorted(edges, values, side="right").astype(np.float64)


class _Counter:
    """Counts the edges that a number has reached behind its steps, by where they are on the number itself."""

    def __init__(self, number: Number, edges: np.ndarray):
        self.number = number
        below = largest_at_most(np.nextafter(edges, -np.inf), number, single=False)
        self._edges = np.nextafter(below, np.inf)
        self._missing = _count(edges, run_steps(number.steps, np.array([np.nan])))

    def count(self, values: np.ndarray) -> np.ndarray:
        """Of the numbers before any step, NaN where missing."""
        return np.where(np.isnan(values), self._missing, _count(self._edges, values))

    def emit(self, graph: GraphBuilder, values: str, column: int) -> str:
        """The same of one column in a graph, (n, 1)."""
        value = graph.call("Gather", values, graph.constant([column], np.int64), axis=1)
        reached = graph.call("GreaterOrEqual", value, graph.constant(np.append(self._edges, np.inf)[None, :]))
        count = graph.call("ReduceSum", graph.call("Cast", reached, to=graph.DOUBLE), graph.constant([1], np.int64))
        return graph.call("Where", graph.call("IsNaN", value), graph.constant(self._missing), count)


def _beside(graph: GraphBuilder, columns: list[str]) -> str:
    return graph.call("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]


def _one_of(feature: Feature, count: int) -> list[Feature]:
    """For each of the numbers from 0 on one feature, which is 1.0 for it."""
    if isinstance(feature, Lookup):
        return [mapped(feature, _is, n) for n in range(count)]
    numbers = np.arange(float(count))[None, :]

    def emit(graph: GraphBuilder, values: str) -> str:
        return graph.call("Cast", graph.call("Equal", values, graph.constant(numbers)), to=graph.DOUBLE)

    return computed(Block((feature,), ((0,),) * count, emit, lambda values: _is(numbers, values), strict=False))


def _is(number: float | np.ndarray, values: np.ndarray) -> np.ndarray:
    return (values == number).astype(np.float64)
