"""XGBoost and LightGBM, by the names of their classes: to compile a model of theirs neither is imported."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.training.compile import lightgbm_trees, xgboost_trees
from towpath.training.compile.features import Inputs
from towpath.training.compile.forest import Tree, plant
from towpath.training.compile.protocol import EXACT, NEAR
from towpath.training.compile.trees import TreeModel


def booster(kind: type) -> Callable[[Any, Inputs], TreeModel] | None:
    """The converter of a class of xgboost or lightgbm; None for any other class."""
    name = (kind.__module__.partition(".")[0], kind.__name__)
    return _no_ranking if name in RANKERS else BOOSTERS.get(name)


def _xgboost(estimator: Any, inputs: Inputs) -> TreeModel:
    """To the bit as far as the raw score, which XGBoost adds up in float32; only its link works in float32 as well."""
    if inputs.sparse:
        raise VerificationRefused(
            f"{inputs.place}, a {type(estimator).__name__}, gets a sparse matrix, in which it takes each 0 for missing",
            hint="OneHotEncoder(sparse_output=False), or ColumnTransformer(..., sparse_threshold=0)",
        )
    read = xgboost_trees.read(estimator, inputs.place)
    trees, start = _one_for_two(read.trees, read.start, read.link)
    settings = {"below_zero": False, "sum_single": trees is read.trees}
    planted = plant(trees, len(start), start, divisor=1, single=True, **settings)
    return TreeModel(planted, inputs.features, inputs.columns, _link(start, read.link), NEAR)


def _lightgbm(estimator: Any, inputs: Inputs) -> TreeModel:
    """To the last bits: LightGBM compares and adds up in double."""
    read = lightgbm_trees.read(estimator, inputs.place)
    trees, start = _one_for_two(read.trees, np.zeros(read.outputs), read.link)
    planted = plant(trees, len(start), start, read.divisor, single=False)
    return TreeModel(planted, inputs.features, inputs.columns, _link(start, read.link), EXACT)


def _one_for_two(trees: Sequence[Tree], start: np.ndarray, link: Link) -> tuple[Sequence[Tree], np.ndarray]:
    """Of two classes by softmax only the difference tells; so the trees of the first count against the second."""
    if (link, len(start)) != ("softmax", 2):
        return trees, start
    signed = [replace(tree, values=tree.values if tree.target else -tree.values, target=0) for tree in trees]
    return signed, start[1:] - start[:1]


def _link(start: np.ndarray, link: Link) -> Link:
    return "logistic" if link == "softmax" and len(start) == 1 else link


def _no_ranking(estimator: Any, inputs: Inputs) -> TreeModel:
    raise VerificationRefused(
        f"{inputs.place} is a {type(estimator).__name__}, whose scores only order rows of one group",
        hint="a service answers with a class or a value: use the library's Classifier or Regressor",
    )


RANKERS = {("xgboost", "XGBRanker"), ("lightgbm", "LGBMRanker")}

BOOSTERS: dict[tuple[str, str], Callable[[Any, Inputs], TreeModel]] = {
    ("xgboost", "XGBClassifier"): _xgboost,
    ("xgboost", "XGBRegressor"): _xgboost,
    ("xgboost", "XGBRFClassifier"): _xgboost,
    ("xgboost", "XGBRFRegressor"): _xgboost,
    ("lightgbm", "LGBMClassifier"): _lightgbm,
    ("lightgbm", "LGBMRegressor"): _lightgbm,
}
