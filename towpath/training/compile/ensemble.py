"""Folded forests as TreeEnsemble nodes: raw scores directly, or by way of a table with a row for each leaf."""

from typing import Any

import numpy as np

from towpath.training.compile.fold import Splits
from towpath.training.compile.forest import Forest
from towpath.training.compile.graph import GraphBuilder, tensor

SUM, NO_TRANSFORM = 1, 0
AT_MOST, EQUAL, MEMBER = 0, 4, 6  # node modes of the operator's specification
SET_END = np.nan  # stands behind each set of members


def raw_graph(forest: Forest, splits: Splits, columns: int) -> bytes:
    """X to raw: one node where each leaf adds to one output; where it adds to several, the sum of the leaves' rows."""
    graph = GraphBuilder(columns)
    if forest.values.shape[1] == 1:
        total = _sum_of_leaves(graph, forest, splits)
    else:
        total = _sum_of_rows(graph, forest, splits, forest.values[forest.leaves])
    if forest.divisor > 1:
        graph.call("Div", total, graph.constant(float(forest.divisor)))
    return graph.finish("raw", [None, forest.outputs])


def explain_graph(forest: Forest, splits: Splits, contributions: np.ndarray) -> bytes:
    """X to contributions, the sum over the trees of (leaves, outputs, columns) contributions of the leaves reached."""
    _, outputs, columns = contributions.shape
    graph = GraphBuilder(columns)
    _sum_of_rows(graph, forest, splits, contributions)
    return graph.finish("contributions", [None, outputs, columns])


def _sum_of_leaves(graph: GraphBuilder, forest: Forest, splits: Splits) -> str:
    trees = forest.tree_of[forest.leaves]
    # The start goes with the first tree of each output: so the sum runs in scikit-learn's order, bit for bit.
    first = np.array([target not in forest.targets[:tree] for tree, target in enumerate(forest.targets)])
    weights = np.where(first[trees], forest.start[forest.targets[trees]], 0.0) + forest.values[forest.leaves, 0]
    return _tree_ensemble(graph, forest, splits, forest.targets[trees], weights, forest.outputs)


def _sum_of_rows(graph: GraphBuilder, forest: Forest, splits: Splits, table: np.ndarray) -> str:
    """Each tree answers with the number of the leaf reached; those rows of the table are summed in double."""
    trees, numbers = forest.tree_of[forest.leaves], np.arange(len(forest.leaves), dtype=np.float64)
    reached = _tree_ensemble(graph, forest, splits, trees, numbers, len(forest.roots))
    rows = graph.call("Gather", graph.constant(table), graph.call("Cast", reached, to=graph.INT64))
    return graph.call("ReduceSum", rows, graph.constant([1], np.int64), keepdims=0)


def _tree_ensemble(
    graph: GraphBuilder, forest: Forest, splits: Splits, targets: np.ndarray, weights: np.ndarray, count: int
) -> str:
    inner = np.flatnonzero(forest.left >= 0)
    return graph.call_ml(
        "TreeEnsemble",
        "X",
        n_targets=count,
        aggregate_function=SUM,
        post_transform=NO_TRANSFORM,
        leaf_targetids=targets.tolist(),
        leaf_weights=tensor(weights),
        nodes_featureids=splits.column[inner].tolist(),
        nodes_splits=tensor(splits.limit[inner]),
        nodes_missing_value_tracks_true=(splits.missing_left != splits.flipped)[inner].astype(int).tolist(),
        **_modes(splits, inner),
        **_children(forest, splits, inner),
    )


def _modes(splits: Splits, inner: np.ndarray) -> dict[str, Any]:
    modes = np.where(splits.equal, EQUAL, AT_MOST).astype(np.uint8)
    modes[list(splits.members)] = MEMBER
    members = [value for node in sorted(splits.members) for value in (*splits.members[node], SET_END)]
    sets = {"membership_values": tensor(np.array(members))} if members else {}
    return {"nodes_modes": tensor(modes[inner])} | sets


def _children(forest: Forest, splits: Splits, inner: np.ndarray) -> dict[str, list[int]]:
    """Inner nodes and leaves are numbered each among themselves; a flipped split has its true branch on the right."""
    leaf = forest.left < 0
    number = np.where(leaf, np.cumsum(leaf), np.cumsum(~leaf)) - 1
    when_true = np.where(splits.flipped, forest.right, forest.left)[inner]
    when_false = np.where(splits.flipped, forest.left, forest.right)[inner]
    return {
        "tree_roots": number[forest.roots].tolist(),
        "nodes_truenodeids": number[when_true].tolist(),
        "nodes_trueleafs": leaf[when_true].astype(int).tolist(),
        "nodes_falsenodeids": number[when_false].tolist(),
        "nodes_falseleafs": leaf[when_false].astype(int).tolist(),
    }
