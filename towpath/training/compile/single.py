"""Forests whose leaves are added up in float32: the same sum, rounded after each tree as the library rounds it."""

import numpy as np

from towpath.training.compile import ensemble
from towpath.training.compile.fold import Splits
from towpath.training.compile.forest import Forest, base_values
from towpath.training.compile.graph import GraphBuilder

TINY = 1e-300  # so that shares of nothing are no division by zero


def emit_raw(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits) -> str:
    """Rows to raw, float64 (n, outputs); CumSum adds up in the trees' order."""
    reached = graph.call("Cast", ensemble.leaves_reached(graph, rows, forest, splits), to=graph.INT64)
    leaves = graph.call("Gather", graph.constant(forest.values[forest.leaves, 0], np.float32), reached)
    sums = [_running_sum(graph, leaves, forest, output) for output in range(forest.outputs)]
    total = graph.call("Concat", *sums, axis=1) if len(sums) > 1 else sums[0]
    return graph.call("Cast", total, to=graph.DOUBLE)


def emit_contributions(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits, columns: int) -> str:
    """Rows to (n, outputs, columns): the paths' contributions, and what float32 rounded away in their proportion.

    So base + contributions is the raw score that is answered, not the one that an exact sum would give.
    """
    paths = ensemble.emit_contributions(graph, rows, forest, splits, columns)
    last = graph.constant([2], np.int64)
    exact = graph.call("Add", graph.call("ReduceSum", paths, last, keepdims=0), graph.constant(base_values(forest)))
    rounded = graph.call("Sub", emit_raw(graph, rows, forest, splits), exact)
    sizes = graph.call("Add", graph.call("Abs", paths), graph.constant(TINY))
    shares = graph.call("Div", sizes, graph.call("ReduceSum", sizes, last))
    return graph.call("Add", paths, graph.call("Mul", shares, graph.call("Unsqueeze", rounded, last)))


def _running_sum(graph: GraphBuilder, leaves: str, forest: Forest, output: int) -> str:
    """From the start over the trees of one output; (n, 1) in float32."""
    trees = np.flatnonzero(forest.targets == output)
    chosen = leaves if forest.outputs == 1 else graph.call("Gather", leaves, graph.constant(trees, np.int64), axis=1)
    begun = graph.call("Add", chosen, graph.constant([forest.start[output], *[0.0] * (len(trees) - 1)], np.float32))
    sums = graph.call("CumSum", begun, graph.constant(1, np.int64))
    return graph.call("Gather", sums, graph.constant([len(trees) - 1], np.int64), axis=1)
