"""Which rows reach which splits: a row on a threshold says nothing of a split that it never comes to."""

import numpy as np

from towpath.training.compile.fold import Splits
from towpath.training.compile.forest import Forest

NOBODY = -1


def visitors(forest: Forest, splits: Splits, rows: np.ndarray) -> np.ndarray:
    """For each node the last row of (n, columns) that comes to it with a value in the column it splits, or NOBODY."""
    found = np.full(len(forest.left), NOBODY)
    for root in forest.roots:
        walking, node = np.arange(len(rows)), np.full(len(rows), root)
        while len(walking):
            values = rows[walking, splits.column[node]]
            told = ~np.isnan(values)
            found[node[told]] = walking[told]
            node = np.where(_goes_left(splits, node, values), forest.left[node], forest.right[node])
            inner = forest.left[node] >= 0
            walking, node = walking[inner], node[inner]
    return found


def _goes_left(splits: Splits, node: np.ndarray, values: np.ndarray) -> np.ndarray:
    passes = np.where(splits.equal[node], values == splits.limit[node], values <= splits.limit[node])
    for asked in np.intersect1d(node, list(splits.members)):
        here = node == asked
        passes[here] = np.isin(values[here], splits.members[int(asked)])
    left: np.ndarray = np.where(np.isnan(values), splits.missing_left[node], passes != splits.flipped[node])
    return left
