"""A fitted LightGBM model to trees, by way of LightGBM's own text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Link
from towpath.training.compile.forest import Tree, mean_below
from towpath.training.compile.refusals import setting_not_supported

LINKS: dict[str, Link] = {
    "binary": "logistic",
    "multiclass": "softmax",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}

# The bits of decision_type, and what its third and fourth say: 0 nothing counts as missing, 1 zeros do, 2 NaN does.
BY_CATEGORY, DEFAULT_LEFT = 1, 2
ZERO_IS_MISSING = 1
NEAR_ZERO = float(np.float32(1e-35))  # up to here a number is zero


@dataclass(frozen=True)
class Boosted:
    """Trees in their order; the raw score is their sum / divisor."""

    trees: list[Tree]
    outputs: int
    divisor: int
    link: Link


def read(estimator: Any, place: str) -> Boosted:
    """Raises VerificationRefused naming an objective or a setting that has no converter."""
    head, *blocks = estimator.booster_.model_to_string().partition("\nend of trees")[0].split("\nTree=")
    told = _pairs(head)
    outputs = int(told["num_tree_per_iteration"])
    link, factor = _objective(estimator, told["objective"].split(), place)
    trees = [_tree(estimator, _pairs(block), i % outputs, factor, place) for i, block in enumerate(blocks)]
    averaged = "average_output" in head.splitlines()
    return Boosted(trees, outputs, len(trees) // outputs if averaged else 1, link)


def _pairs(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


def _objective(estimator: Any, words: list[str], place: str) -> tuple[Link, float]:
    """The link, and what raw scores are multiplied with before it."""
    name, settings = words[0], dict(word.partition(":")[::2] for word in words[1:])
    if name not in LINKS or "sqrt" in settings:
        raise VerificationRefused(
            f"{place}, a {type(estimator).__name__}, has the objective {' '.join(words)!r}, which has no converter",
            hint=f"these have one: {', '.join(LINKS)}",
        )
    return LINKS[name], float(settings.get("sigmoid", 1.0)) if name == "binary" else 1.0


def _tree(estimator: Any, told: Mapping[str, str], target: int, factor: float, place: str) -> Tree:
    if told.get("is_linear", "0") != "0":
        raise setting_not_supported(estimator, place, "linear_tree=True")
    inner, count = int(told["num_leaves"]) - 1, int(told["num_leaves"])
    values = np.array([*[0.0] * inner, *_numbers(told["leaf_value"])]) * factor
    if not inner:
        nothing = np.zeros(1)
        return Tree(nothing - 1, nothing - 1, nothing, nothing, nothing > 0, values[:, None], target)
    decisions = np.array([*map(int, told["decision_type"].split()), *[0] * count])
    threshold = np.array([*_numbers(told["threshold"]), *[0.0] * count])
    left, right = (_children(told[side], inner, count) for side in ("left_child", "right_child"))
    _check_zeros(estimator, decisions[:inner], threshold[:inner], place)
    return Tree(
        left=left,
        right=right,
        feature=np.array([*map(int, told["split_feature"].split()), *[0] * count]),
        threshold=threshold,
        missing_left=_missing_left(decisions, threshold),
        values=mean_below(left, right, values, np.array([*[0.0] * inner, *_numbers(told["leaf_count"])]))[:, None],
        target=target,
        categories=_sets(told, decisions, threshold),
    )


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def _children(text: str, inner: int, leaves: int) -> np.ndarray:
    """Nodes are numbered before leaves; LightGBM writes leaf i as -1 - i."""
    numbers = np.array([*map(int, text.split())])
    return np.concatenate([np.where(numbers < 0, inner - 1 - numbers, numbers), np.full(leaves, -1)])


def _missing_left(decisions: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """What counts as missing goes the default way, what does not is a zero; by categories it goes to the right."""
    default, missing = (decisions & DEFAULT_LEFT) > 0, decisions >> 2
    by_number: np.ndarray = np.where(missing == 0, threshold >= 0.0, default)
    return by_number & ((decisions & BY_CATEGORY) == 0)


def _check_zeros(estimator: Any, decisions: np.ndarray, threshold: np.ndarray, place: str) -> None:
    """A zero that goes another way than its neighbours would need a split of its own."""
    zeros = ((decisions >> 2) == ZERO_IS_MISSING) & ((decisions & BY_CATEGORY) == 0)
    as_neighbours = np.where(decisions & DEFAULT_LEFT, threshold >= NEAR_ZERO, threshold < -NEAR_ZERO)
    if (zeros & ~as_neighbours).any():
        raise setting_not_supported(estimator, place, "zero_as_missing=True")


def _sets(told: Mapping[str, str], decisions: np.ndarray, threshold: np.ndarray) -> dict[int, frozenset[float]]:
    """The categories that go to the left at each node that splits by them; its threshold is their number."""
    nodes = np.flatnonzero(decisions & BY_CATEGORY).tolist()
    if not nodes:
        return {}
    bounds, words = ([int(word) for word in told[name].split()] for name in ("cat_boundaries", "cat_threshold"))
    return {node: _bits(words[bounds[int(threshold[node])] : bounds[int(threshold[node]) + 1]]) for node in nodes}


def _bits(words: list[int]) -> frozenset[float]:
    return frozenset(float(32 * i + bit) for i, word in enumerate(words) for bit in range(32) if word >> bit & 1)
