"""A fitted XGBoost model to trees, by way of XGBoost's own JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.training.compile.forest import Tree, mean_below
from towpath.training.compile.refusals import setting_not_supported

LINKS: dict[str, Link] = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
}


@dataclass(frozen=True)
class Boosted:
    """Trees in their order; the raw score before them, float64 (outputs,); and the link."""

    trees: list[Tree]
    start: np.ndarray
    link: Link


def read(estimator: Any, place: str) -> Boosted:
    """Raises VerificationRefused naming a booster, an objective or a setting that has no converter."""
    model = json.loads(estimator.get_booster().save_raw(raw_format="json"))["learner"]
    link = _link(estimator, model["objective"]["name"], place)
    _check(estimator, model, place)
    grown, weights = _booster(estimator, model["gradient_booster"], place)
    last = grown["iteration_indptr"][_rounds(estimator, grown)]
    chosen = zip(grown["trees"][:last], grown["tree_info"], weights, strict=False)
    trees = [_tree(tree, target, weight) for tree, target, weight in chosen]
    start = _start(model["learner_model_param"], link)
    if not np.isfinite(start).all():
        raise VerificationRefused(
            f"{place}, a {type(estimator).__name__}, starts from a score of {start[0]:g}: "
            "all its training rows had one and the same target",
            hint="each class, or a target above 0, must be in each fold that it learns from: fewer or stratified folds",
        )
    return Boosted(trees, start, link)


def _link(estimator: Any, objective: str, place: str) -> Link:
    if objective not in LINKS:
        raise VerificationRefused(
            f"{place}, a {type(estimator).__name__}, has objective={objective!r}, which has no converter",
            hint=f"these have one: {', '.join(LINKS)}",
        )
    return LINKS[objective]


def _check(estimator: Any, model: Mapping[str, Any], place: str) -> None:
    if not np.isnan(estimator.missing):
        raise setting_not_supported(estimator, place, f"missing={estimator.missing!r}")
    if int(model["learner_model_param"]["num_target"]) > 1:
        raise setting_not_supported(estimator, place, f"{model['learner_model_param']['num_target']} targets")


def _booster(estimator: Any, booster: Mapping[str, Any], place: str) -> tuple[Mapping[str, Any], list[float]]:
    """The trees' part of the JSON, and what each tree counts."""
    if booster["name"] == "gblinear":
        raise VerificationRefused(
            f"{place}, a {type(estimator).__name__}, has booster='gblinear', which has no converter",
            hint="scikit-learn's LogisticRegression, Ridge or ElasticNet are linear models that have one",
        )
    grown = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in grown["trees"]):
        raise setting_not_supported(estimator, place, "multi_strategy='multi_output_tree'")
    return grown, booster.get("weight_drop") or [1.0] * len(grown["trees"])


def _rounds(estimator: Any, grown: Mapping[str, Any]) -> int:
    """Where training stopped early it is the best round that answers."""
    best: int | None = getattr(estimator, "best_iteration", None)
    return len(grown["iteration_indptr"]) - 1 if best is None else best + 1


def _start(learned: Mapping[str, str], link: Link) -> np.ndarray:
    """base_score as a raw score, worked out in float32 as XGBoost does; of several classes it is raw already."""
    base = np.atleast_1d(np.array(json.loads(learned["base_score"]), dtype=np.float32))
    with np.errstate(divide="ignore"):  # 0, or 1 of a class, is told by who asks
        if link == "logistic":
            base = -np.log(np.float32(1.0) / base - np.float32(1.0))
        elif link == "exp":
            base = np.log(base)
    return np.broadcast_to(base, max(int(learned["num_class"]), 1)).astype(np.float64)


def _tree(tree: Mapping[str, Any], target: int, weight: float) -> Tree:
    nodes = _reached(tree)
    number = np.full(len(tree["left_children"]), -1)
    number[nodes] = np.arange(len(nodes))
    left, right = (_renumbered(tree[side], nodes, number) for side in ("left_children", "right_children"))
    splits = np.array(tree["split_conditions"], dtype=np.float32)[nodes]
    missing_left = np.array(tree["default_left"], dtype=bool)[nodes]
    sets = {int(number[node]): kept for node, kept in _sets(tree).items() if number[node] >= 0}
    # A set of XGBoost's goes to the right, ours to the left, so there the sides change places.
    swapped = np.isin(np.arange(len(nodes)), list(sets))
    leaves = np.where(left < 0, splits * np.float32(weight), np.float32(0.0))
    cover = np.array(tree["sum_hessian"], dtype=np.float64)[nodes]
    return Tree(
        left=np.where(swapped, right, left),
        right=np.where(swapped, left, right),
        feature=np.array(tree["split_indices"], dtype=np.int64)[nodes],
        # Below the split goes to the left: that is at most the float32 before it.
        threshold=np.nextafter(splits, np.float32(-np.inf)).astype(np.float64),
        missing_left=missing_left != swapped,
        values=mean_below(left, right, leaves, cover)[:, None],
        target=int(target),
        categories=sets,
    )


def _reached(tree: Mapping[str, Any]) -> np.ndarray:
    """The nodes in use, parents first: what pruning has cut off still stands in the lists."""
    nodes, todo = [], [0]
    while todo:
        node = todo.pop()
        nodes.append(node)
        if tree["left_children"][node] >= 0:
            todo += [tree["right_children"][node], tree["left_children"][node]]
    return np.array(nodes)


def _renumbered(children: list[int], nodes: np.ndarray, number: np.ndarray) -> np.ndarray:
    chosen = np.array(children, dtype=np.int64)[nodes]
    return np.where(chosen < 0, -1, number[chosen])


def _sets(tree: Mapping[str, Any]) -> dict[int, frozenset[float]]:
    """The categories of each node that splits by them."""
    parts = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    return {
        node: frozenset(float(category) for category in tree["categories"][begin : begin + size])
        for node, begin, size in parts
    }
