"""Trees as flat arrays, and what can be worked out from them alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Tree:
    """One fitted tree over its own nodes: the root is node 0, `left` is -1 at a leaf, values are (nodes, width).

    A node sends a row to the left if its feature is at most the threshold, or among its categories where it has some.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray
    target: int = 0
    categories: dict[int, frozenset[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Forest:
    """Trees behind each other in the same arrays, node numbers shifted.

    Its raw score is (start + the sum of the values of the leaves reached) / divisor; the values of tree t are added to
    the outputs from targets[t] on. `single` says that the features are cast to float32 before they are compared, and
    `below_zero` that a category below zero counts as a missing one; otherwise it is in no set. `sum_single` says that
    the leaves, of which each has one value then, are added up in float32.
    """

    roots: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    categories: dict[int, frozenset[float]]
    outputs: int
    start: np.ndarray
    divisor: int
    single: bool
    below_zero: bool = True
    sum_single: bool = False

    @property
    def leaves(self) -> np.ndarray:
        """The numbers of the leaf nodes, tree after tree."""
        return np.flatnonzero(self.left < 0)

    @property
    def tree_of(self) -> np.ndarray:
        """For each node, its tree."""
        return np.searchsorted(self.roots, np.arange(len(self.left)), side="right") - 1


def plant(
    trees: Sequence[Tree], outputs: int, start: np.ndarray, divisor: int, single: bool, **settings: bool
) -> Forest:
    """One forest of the trees, in their order, which is the order their leaves are summed in; settings are Forest's."""
    trees = [tree if len(tree.left) > 1 else _with_split(tree) for tree in trees]
    sizes = np.array([len(tree.left) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return Forest(
        roots=roots,
        left=np.concatenate([_shifted(tree.left, root) for tree, root in zip(trees, roots, strict=True)]),
        right=np.concatenate([_shifted(tree.right, root) for tree, root in zip(trees, roots, strict=True)]),
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        missing_left=np.concatenate([tree.missing_left for tree in trees]),
        values=np.concatenate([tree.values for tree in trees]),
        targets=np.array([tree.target for tree in trees]),
        categories={
            int(root) + node: kept
            for tree, root in zip(trees, roots, strict=True)
            for node, kept in tree.categories.items()
        },
        outputs=outputs,
        start=start,
        divisor=divisor,
        single=single,
        **settings,
    )


def base_values(forest: Forest) -> np.ndarray:
    """The raw score before any split: start and the values of all roots, shape (outputs,)."""
    base = forest.start.copy()
    for root, target in zip(forest.roots, forest.targets, strict=True):
        base[target : target + forest.values.shape[1]] += forest.values[root]
    return base / forest.divisor


def path_contributions(forest: Forest, columns: np.ndarray, count: int) -> np.ndarray:
    """For each leaf what each column adds on the way to it, shape (leaves, outputs, count).

    On every step from a node to its child the difference of their values goes to the column that the node splits, so
    base values + contributions = raw score (Saabas 2014; the differences along a path telescope). columns names the
    column that each node splits.
    """
    added = np.zeros((len(forest.left), forest.outputs, count))
    level, outputs = forest.roots[forest.left[forest.roots] >= 0], forest.targets[forest.tree_of]
    while len(level):
        for children in (forest.left[level], forest.right[level]):
            added[children] = added[level]
            for offset in range(forest.values.shape[1]):
                difference = forest.values[children, offset] - forest.values[level, offset]
                added[children, outputs[level] + offset, columns[level]] += difference
        below = np.concatenate([forest.left[level], forest.right[level]])
        level = below[forest.left[below] >= 0]
    below_base: np.ndarray = added[forest.leaves] / forest.divisor
    return below_base


def parents_of(forest: Forest) -> tuple[np.ndarray, int]:
    """Each node's parent, a root being its own; and how many steps the longest path has."""
    parents = np.arange(len(forest.left))
    level, depth = forest.roots, 0
    while len(level := level[forest.left[level] >= 0]):
        for children in (forest.left[level], forest.right[level]):
            parents[children] = level
        level, depth = np.concatenate([forest.left[level], forest.right[level]]), depth + 1
    return parents, depth


def mean_below(left: np.ndarray, right: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nodes' values, an inner node's being the mean of the leaves below it; weights are those of the leaves.

    Children stand behind their parent.
    """
    means, below = values.astype(np.float64).tolist(), weights.astype(np.float64).tolist()
    children = list(zip(left.tolist(), right.tolist(), strict=True))
    for node in reversed(range(len(means))):
        low, high = children[node]
        if low >= 0:
            below[node] = (below[low] + below[high]) or 1.0
            means[node] = (below[low] * means[low] + below[high] * means[high]) / below[node]
    return np.array(means)


def _with_split(leaf: Tree) -> Tree:
    """A tree that is one leaf as a split with that leaf on either side: an ensemble's root must be a split."""
    return Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.array([0, 0, 0]),
        threshold=np.array([-np.inf, 0.0, 0.0]),
        missing_left=np.zeros(3, dtype=bool),
        values=np.repeat(leaf.values, 3, axis=0),
        target=leaf.target,
    )


def _shifted(children: np.ndarray, root: int) -> np.ndarray:
    return np.where(children < 0, -1, children + root)
