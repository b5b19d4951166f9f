"""Fitted tree estimators of scikit-learn to forests, and forests to ONNX."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from towpath.core.plan import Column, Link
from towpath.training.compile import ensemble, single
from towpath.training.compile.encoders import ordinal
from towpath.training.compile.features import Feature, Inputs
from towpath.training.compile.fold import Splits, fold
from towpath.training.compile.forest import Forest, Tree, base_values, mean_below, plant
from towpath.training.compile.graph import GraphBuilder
from towpath.training.compile.guards import guarded, guards_alone
from towpath.training.compile.protocol import EXACT
from towpath.training.compile.reach import NOBODY, visitors
from towpath.training.compile.refusals import setting_not_supported


@dataclass(frozen=True)
class TreeModel:
    """A forest over features of the columns, and the link that makes scores of its raw scores."""

    forest: Forest
    features: Sequence[Feature]
    columns: Sequence[Column]
    link: Link
    tolerance: float = EXACT
    unexplained: str = ""

    @property
    def outputs(self) -> int:
        return self.forest.outputs

    @cached_property
    def splits(self) -> Splits:
        return fold(self.forest, self.features, self.columns)

    def emit(self, graph: GraphBuilder, rows: str) -> str:
        return self._emits.emit_raw(graph, rows, *guarded(self.forest, self.splits, self.features))

    def emit_contributions(self, graph: GraphBuilder, rows: str) -> str:
        """NaN for a row that is refused, as its raw score is: a server sums these up to the score."""
        added = self._emits.emit_contributions(graph, rows, self.forest, self.splits, len(self.columns))
        guards = guards_alone(self.features)
        if guards is None:
            return added
        refused = graph.call("Unsqueeze", ensemble.emit_raw(graph, rows, *guards), graph.constant([2], np.int64))
        return graph.call("Add", added, refused)

    def base(self) -> tuple[float, ...]:
        return tuple(base_values(self.forest).tolist())

    def thresholds(self) -> list[tuple[int, float]]:
        """Columns and the largest numbers that still go left, each once."""
        nodes = self._limits()
        return sorted({(int(self.splits.column[node]), float(self.splits.limit[node])) for node in nodes})

    def visits(self, rows: np.ndarray) -> list[tuple[int, int, float]]:
        """For each split of a number that some row comes to: that row, the column, and the limit."""
        found = visitors(self.forest, self.splits, rows)
        nodes = [node for node in self._limits() if found[node] != NOBODY]
        return [(int(found[node]), int(self.splits.column[node]), float(self.splits.limit[node])) for node in nodes]

    @property
    def _emits(self) -> ModuleType:
        return single if self.forest.sum_single else ensemble

    def _limits(self) -> np.ndarray:
        """The nodes that cut a number column in two."""
        inner = (self.forest.left >= 0) & ~self.splits.equal & np.isfinite(self.splits.limit)
        inner[list(self.splits.members)] = False
        return np.flatnonzero(inner)


def _single_tree(estimator: Any, inputs: Inputs) -> TreeModel:
    return averaged([estimator], estimator, inputs)


def _forest(estimator: Any, inputs: Inputs) -> TreeModel:
    return averaged(estimator.estimators_, estimator, inputs)


def averaged(
    trees: Sequence[Any], owner: Any, inputs: Inputs, chosen: Sequence[Sequence[int]] | None = None
) -> TreeModel:
    """The mean of single trees' values. Each tree may have its own choice of the features, by their positions."""
    if owner.n_outputs_ > 1:
        raise setting_not_supported(owner, inputs.place, f"{owner.n_outputs_} targets")
    classes = getattr(owner, "n_classes_", 1)
    wanted = slice(1, 2) if classes == 2 else slice(0, classes)
    outputs = 1 if classes <= 2 else int(classes)
    made = [sklearn_tree(tree.tree_, wanted) for tree in trees]
    if chosen is not None:
        made = [_over_all(tree, np.asarray(positions)) for tree, positions in zip(made, chosen, strict=True)]
    planted = plant(made, outputs, np.zeros(outputs), len(trees), single=True)
    return TreeModel(planted, inputs.features, inputs.columns, "identity")


def _over_all(tree: Tree, positions: np.ndarray) -> Tree:
    """The tree over all features; at a leaf the feature means nothing."""
    return replace(tree, feature=np.where(tree.left < 0, 0, positions[np.maximum(tree.feature, 0)]))


def sklearn_tree(tree: Any, chosen: slice) -> Tree:
    """A tree of scikit-learn, of whose values these are chosen."""
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        values=tree.value[:, 0, chosen],
    )


def _boosting(estimator: Any, inputs: Inputs) -> TreeModel:
    outputs = estimator.n_trees_per_iteration_
    trees = [_boosted_tree(tree, target) for round_ in estimator._predictors for target, tree in enumerate(round_)]
    start = np.array(estimator._baseline_prediction, dtype=np.float64).reshape(outputs)
    planted = plant(trees, outputs, start, divisor=1, single=False)
    return TreeModel(
        planted, _boosting_features(estimator, inputs), inputs.columns, _boosting_link(estimator, inputs.place)
    )


def _boosting_features(estimator: Any, inputs: Inputs) -> Sequence[Feature]:
    """Categories first, each as its position, then the numbers: the order of scikit-learn's own preprocessor."""
    if estimator._preprocessor is None:
        return inputs.features
    categorical = list(zip(inputs.features, estimator.is_categorical_, strict=True))
    coded = [feature for feature, is_category in categorical if is_category]
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    encoded = ordinal(encoder, coded, f"{inputs.place}'s own encoder")
    return encoded + [feature for feature, is_category in categorical if not is_category]


def _boosting_link(estimator: Any, place: str) -> Link:
    if isinstance(estimator, HistGradientBoostingClassifier):
        return "logistic" if estimator.n_trees_per_iteration_ == 1 else "softmax"
    if estimator.loss in {"poisson", "gamma"}:  # scikit-learn fits the logarithm of the mean
        return "exp"
    if estimator.loss not in {"squared_error", "absolute_error", "quantile"}:
        raise setting_not_supported(estimator, place, f"loss={estimator.loss!r}")
    return "identity"


def _boosted_tree(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    return Tree(
        left=left,
        right=right,
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=mean_below(left, right, nodes["value"], nodes["count"])[:, None],
        target=target,
        categories=_left_categories(predictor, leaf),
    )


def _left_categories(predictor: Any, leaf: np.ndarray) -> dict[int, frozenset[float]]:
    nodes = predictor.nodes
    categorical = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    return {int(node): _bits(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]) for node in categorical}


def _bits(words: np.ndarray) -> frozenset[float]:
    """The set that eight 32-bit words stand for."""
    return frozenset(float(32 * i + bit) for i, word in enumerate(words) for bit in range(32) if int(word) >> bit & 1)


TREES: dict[type, Callable[[Any, Inputs], TreeModel]] = {
    DecisionTreeClassifier: _single_tree,
    DecisionTreeRegressor: _single_tree,
    ExtraTreeClassifier: _single_tree,
    ExtraTreeRegressor: _single_tree,
    RandomForestClassifier: _forest,
    RandomForestRegressor: _forest,
    ExtraTreesClassifier: _forest,
    ExtraTreesRegressor: _forest,
    HistGradientBoostingClassifier: _boosting,
    HistGradientBoostingRegressor: _boosting,
}
