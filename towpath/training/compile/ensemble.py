"""Folded forests as TreeEnsemble nodes: raw scores directly, or by way of a table with a row for each leaf."""

from dataclasses import dataclass

import numpy as np

from towpath.training.compile.fold import Splits
from towpath.training.compile.forest import Forest, parents_of, path_contributions
from towpath.training.compile.graph import GraphBuilder, tensor

SUM, NO_TRANSFORM = 1, 0
AT_MOST, EQUAL, MEMBER = 0, 4, 6  # node modes of the operator's specification
SET_END = np.nan  # stands behind each set of members
DOUBLE_BYTES = 8
LARGEST_TABLE = 4_000_000  # bytes; a larger one no longer fits a processor's cache, and is most of its bundle


def emit_raw(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits) -> str:
    """Rows to raw: one node where each leaf adds to one output; where to several, the sum of the leaves' rows."""
    if forest.values.shape[1] == 1:
        total = _sum_of_leaves(graph, rows, forest, splits)
    else:
        total = _sum_of_rows(graph, rows, forest, splits, forest.values[forest.leaves])
    return graph.call("Div", total, graph.constant(float(forest.divisor))) if forest.divisor > 1 else total


def emit_contributions(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits, columns: int) -> str:
    """Rows to (n, outputs, columns): what each column adds on the paths to the leaves reached.

    A small forest has a table with a row for each leaf, which is fastest. A large one keeps each node's parent and
    values alone, whatever the number of columns is, and walks up from the leaves.
    """
    if len(forest.leaves) * forest.outputs * columns * DOUBLE_BYTES <= LARGEST_TABLE:
        return _sum_of_rows(graph, rows, forest, splits, path_contributions(forest, splits.column, columns))
    return _walked_up(graph, rows, forest, splits, columns)


def _walked_up(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits, columns: int) -> str:
    parents, depth = parents_of(forest)
    width, outputs = forest.values.shape[1], forest.outputs
    reached = graph.call("Cast", leaves_reached(graph, rows, forest, splits), to=graph.INT32)
    node = graph.call("Gather", graph.constant(forest.leaves, np.int32), reached)  # (n, trees)
    slots = forest.targets[forest.tree_of] * columns + splits.column  # where a step from this node is added
    kept, values = graph.constant(parents, np.int32), graph.constant(forest.values)
    steps, places = [], []
    for _ in range(depth):
        parent = graph.call("Gather", kept, node)
        steps.append(graph.call("Sub", graph.call("Gather", values, node), graph.call("Gather", values, parent)))
        places.append(graph.call("Gather", graph.constant(slots, np.int32), parent))
        node = parent
    added = graph.call("Concat", *steps, axis=1)  # (n, steps x trees, width)
    where = graph.call("Unsqueeze", graph.call("Concat", *places, axis=1), graph.constant([2], np.int64))
    where = graph.call("Add", where, graph.constant(np.arange(width) * columns, np.int32))
    flat = graph.constant([0, -1], np.int64)
    size = graph.call("Concat", graph.call("Shape", node, end=1), graph.constant([outputs * columns], np.int64), axis=0)
    empty = graph.call("Expand", graph.constant(0.0), size)
    total = graph.call(
        "ScatterElements",
        empty,
        graph.call("Reshape", where, flat),
        graph.call("Reshape", added, flat),
        axis=1,
        reduction="add",
    )
    shaped = graph.call("Reshape", total, graph.constant([-1, outputs, columns], np.int64))
    return graph.call("Div", shaped, graph.constant(float(forest.divisor))) if forest.divisor > 1 else shaped


def _sum_of_leaves(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits) -> str:
    trees = forest.tree_of[forest.leaves]
    # The start goes with the first tree of each output: so the sum runs in scikit-learn's order, bit for bit.
    first = np.array([target not in forest.targets[:tree] for tree, target in enumerate(forest.targets)])
    weights = np.where(first[trees], forest.start[forest.targets[trees]], 0.0) + forest.values[forest.leaves, 0]
    return _tree_ensemble(graph, rows, forest, splits, forest.targets[trees], weights, forest.outputs)


def _sum_of_rows(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits, table: np.ndarray) -> str:
    """The rows of the table of the leaves reached are summed in double."""
    reached = leaves_reached(graph, rows, forest, splits)
    found = graph.call("Gather", graph.constant(table), graph.call("Cast", reached, to=graph.INT64))
    return graph.call("ReduceSum", found, graph.constant([1], np.int64), keepdims=0)


def leaves_reached(graph: GraphBuilder, rows: str, forest: Forest, splits: Splits) -> str:
    """Each tree answers with the number of the leaf reached, (n, trees)."""
    trees, numbers = forest.tree_of[forest.leaves], np.arange(len(forest.leaves), dtype=np.float64)
    return _tree_ensemble(graph, rows, forest, splits, trees, numbers, len(forest.roots))


def _tree_ensemble(
    graph: GraphBuilder,
    rows: str,
    forest: Forest,
    splits: Splits,
    targets: np.ndarray,
    weights: np.ndarray,
    count: int,
) -> str:
    nodes = _nodes(forest, splits)
    members = [value for node in sorted(splits.members) for value in (*splits.members[node], SET_END)]
    sets = {"membership_values": tensor(np.array(members))} if members else {}
    return graph.call_ml(
        "TreeEnsemble",
        rows,
        n_targets=count,
        aggregate_function=SUM,
        post_transform=NO_TRANSFORM,
        tree_roots=_numbers(forest)[forest.roots].tolist(),
        leaf_targetids=targets.tolist(),
        leaf_weights=tensor(weights),
        nodes_featureids=nodes.column.tolist(),
        nodes_splits=tensor(nodes.limit),
        nodes_modes=tensor(nodes.mode),
        nodes_missing_value_tracks_true=nodes.missing_true.astype(int).tolist(),
        nodes_truenodeids=nodes.when_true.tolist(),
        nodes_trueleafs=nodes.true_leaf.astype(int).tolist(),
        nodes_falsenodeids=nodes.when_false.tolist(),
        nodes_falseleafs=nodes.false_leaf.astype(int).tolist(),
        **sets,
    )


@dataclass(frozen=True)
class Nodes:
    """The inner nodes as the operator has them: children are numbers of inner nodes or, where so marked, of leaves."""

    column: np.ndarray
    limit: np.ndarray
    mode: np.ndarray
    missing_true: np.ndarray
    when_true: np.ndarray
    true_leaf: np.ndarray
    when_false: np.ndarray
    false_leaf: np.ndarray


def _nodes(forest: Forest, splits: Splits) -> Nodes:
    """A flipped split has its true branch on the right."""
    inner, leaf, number = np.flatnonzero(forest.left >= 0), forest.left < 0, _numbers(forest)
    mode = np.where(splits.equal, EQUAL, AT_MOST).astype(np.uint8)
    mode[list(splits.members)] = MEMBER
    when_true = np.where(splits.flipped, forest.right, forest.left)[inner]
    when_false = np.where(splits.flipped, forest.left, forest.right)[inner]
    plain = Nodes(
        column=splits.column[inner],
        limit=splits.limit[inner],
        mode=mode[inner],
        missing_true=(splits.missing_left != splits.flipped)[inner],
        when_true=number[when_true],
        true_leaf=leaf[when_true],
        when_false=number[when_false],
        false_leaf=leaf[when_false],
    )
    return _kept_apart(plain)


def _kept_apart(nodes: Nodes) -> Nodes:
    """A node that always passes between two questions for values whose missing values go different ways.

    onnxruntime makes one question of two in a row for values of one column that lead to equal leaves, and forgets where
    the second sends a missing value.
    """
    below = np.where(nodes.false_leaf, 0, nodes.when_false)
    asks = nodes.mode != AT_MOST
    apart = ~nodes.false_leaf & asks & asks[below] & (nodes.column == nodes.column[below])
    upper = np.flatnonzero(apart & (nodes.missing_true != nodes.missing_true[below]))
    count, size = len(upper), len(nodes.column)
    when_false = nodes.when_false.copy()
    when_false[upper] = np.arange(size, size + count)
    return Nodes(
        column=np.append(nodes.column, nodes.column[upper]),
        limit=np.append(nodes.limit, np.full(count, np.inf)),
        mode=np.append(nodes.mode, np.full(count, AT_MOST, dtype=np.uint8)),
        missing_true=np.append(nodes.missing_true, np.ones(count, dtype=bool)),
        when_true=np.append(nodes.when_true, nodes.when_false[upper]),
        true_leaf=np.append(nodes.true_leaf, np.zeros(count, dtype=bool)),
        when_false=np.append(when_false, np.zeros(count, dtype=np.int64)),  # to some leaf, which nobody reaches
        false_leaf=np.append(nodes.false_leaf, np.ones(count, dtype=bool)),
    )


def _numbers(forest: Forest) -> np.ndarray:
    """Inner nodes and leaves are numbered each among themselves."""
    leaf = forest.left < 0
    numbers: np.ndarray = np.where(leaf, np.cumsum(leaf), np.cumsum(~leaf)) - 1
    return numbers
