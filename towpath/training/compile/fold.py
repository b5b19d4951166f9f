"""Splits on features to splits on the row itself, so that a tree needs no preprocessing in its graph.

Every step before a tree either grows with its input (imputed, scaled, cast to float32) or is worked out value by value
(encoded). So `cast((x - mean) / scale) <= threshold` is `x <= t` for one double t, the largest that still goes left,
found by bisection over the doubles; and a split on an encoded category is a set of positions. No rounding changes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from towpath.core.errors import VerificationRefused
from towpath.core.plan import Column
from towpath.training.compile.features import Feature, Lookup, Number, as_number, is_missing, is_refused, run_steps
from towpath.training.compile.forest import Forest

LARGEST = np.finfo(np.float64).max
SIGN = np.int64(-(2**63))
BITS = 64  # halvings until two doubles are neighbours


@dataclass(frozen=True)
class Splits:
    """One split on the row for each node of a forest; at a leaf they mean nothing.

    A row whose column is at most the limit (or equal to it where `equal`, or among `members[node]`) goes to the left,
    or to the right where `flipped`. A missing value goes where `missing_left` says.
    """

    column: np.ndarray
    limit: np.ndarray
    equal: np.ndarray
    flipped: np.ndarray
    missing_left: np.ndarray
    members: dict[int, tuple[float, ...]]


def fold(forest: Forest, features: Sequence[Feature], columns: Sequence[Column]) -> Splits:
    """The forest's splits on the columns. Raises VerificationRefused where the engine cannot tell the values apart."""
    size = len(forest.left)
    flags = {name: np.zeros(size, dtype=bool) for name in ("equal", "flipped", "missing_left")}
    splits = Splits(np.zeros(size, dtype=np.int64), np.zeros(size), members={}, **flags)
    inner = forest.left >= 0
    for position in np.unique(forest.feature[inner]):
        nodes, feature = np.flatnonzero(inner & (forest.feature == position)), features[position]
        splits.column[nodes] = feature.column
        if isinstance(feature, Number):
            _fold_number(forest, splits, nodes, feature)
        else:
            _fold_lookup(forest, splits, nodes, feature, columns[feature.column].name)
    return splits


def largest_at_most(limits: np.ndarray, number: Number, single: bool) -> np.ndarray:
    """For each limit the largest double whose feature is at most it; -inf or inf where none or every one is."""
    if not number.steps and not single:
        return limits
    low = np.full(limits.shape, _order(np.array(-LARGEST)), dtype=np.int64)
    high = np.full(limits.shape, _order(np.array(LARGEST)), dtype=np.int64)
    # Below -inf is nothing, though a step may make -inf of a finite number.
    none = ~_passes(_double(low), limits, number, single) | np.isneginf(limits)
    every = _passes(_double(high), limits, number, single)
    for _ in range(BITS):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        passes = _passes(_double(middle), limits, number, single)
        low, high = np.where(passes, middle, low), np.where(passes, high, middle)
    return np.where(every, np.inf, np.where(none, -np.inf, _double(low)))


def _passes(values: np.ndarray, limits: np.ndarray, number: Number, single: bool) -> np.ndarray:
    with np.errstate(over="ignore"):
        seen = run_steps(number.steps, values)
        return (seen.astype(np.float32).astype(np.float64) if single else seen) <= limits


def _order(values: np.ndarray) -> np.ndarray:
    """Integers in the order of the doubles; both zeros are 0."""
    bits = np.asarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, SIGN - bits, bits)


def _double(order: np.ndarray) -> np.ndarray:
    return np.where(order < 0, SIGN - order, order).view(np.float64)


def _fold_number(forest: Forest, splits: Splits, nodes: np.ndarray, number: Number) -> None:
    if any(int(node) in forest.categories for node in nodes):
        raise VerificationRefused(
            "a number that is no category splits into categories", hint="encode the column with an OrdinalEncoder"
        )
    limits = forest.threshold[nodes]
    splits.limit[nodes] = largest_at_most(limits, number, forest.single)
    missing = float(run_steps(number.steps, np.array([np.nan]))[0])
    goes_left = forest.missing_left[nodes] if is_missing(missing) else _at_most(missing, limits, forest.single)
    splits.missing_left[nodes] = goes_left


def _at_most(value: float, limits: np.ndarray, single: bool) -> np.ndarray:
    return (float(np.float32(value)) if single else value) <= limits


def _fold_lookup(forest: Forest, splits: Splits, nodes: np.ndarray, feature: Lookup, name: str) -> None:
    # A forest asks the same few questions of a category over and over.
    alike: dict[tuple[float, bool, frozenset[float] | None], list[int]] = defaultdict(list)
    for node in map(int, nodes):
        alike[forest.threshold[node], bool(forest.missing_left[node]), forest.categories.get(node)].append(node)
    for same in alike.values():
        _fold_keys(forest, splits, same, feature, name)


def _fold_keys(forest: Forest, splits: Splits, same: list[int], feature: Lookup, name: str) -> None:
    node = same[0]
    keys_left = np.array([_goes_left(forest, node, as_number(value)) for value in feature.values], dtype=bool)
    rest_left = _rest_goes_left(forest, node, feature, keys_left)
    asked = _question(feature, keys_left != rest_left, name)
    splits.limit[same] = asked.limit
    splits.equal[same] = asked.equal
    splits.flipped[same] = rest_left != asked.others
    splits.missing_left[same] = _goes_left(forest, node, as_number(feature.missing))
    if asked.members:
        splits.members.update(dict.fromkeys(same, asked.members))


def _rest_goes_left(forest: Forest, node: int, feature: Lookup, keys_left: np.ndarray) -> bool:
    if is_refused(feature.unlisted):  # goes where most go: that leaves the fewest keys to ask for
        return bool(keys_left.mean() > 0.5)
    return _goes_left(forest, node, as_number(feature.unlisted))


def _goes_left(forest: Forest, node: int, value: float) -> bool:
    if is_missing(value) or (forest.below_zero and node in forest.categories and value < 0):
        return bool(forest.missing_left[node])
    if node in forest.categories:
        return value in forest.categories[node]
    return bool(_at_most(value, forest.threshold[node], forest.single))


@dataclass(frozen=True)
class Question:
    """What the chosen keys pass and all other values fail; the other way round where `others`."""

    limit: float = 0.0
    equal: bool = False
    members: tuple[float, ...] = ()
    others: bool = False


def _question(feature: Lookup, chosen: np.ndarray, name: str) -> Question:
    """The cheapest test there is. Raises VerificationRefused where onnxruntime has none."""
    keys = np.array(feature.keys)[chosen]
    if len(keys) == 0:
        return Question(limit=-np.inf)
    if len(keys) == 1:
        return Question(limit=keys[0], equal=True)
    if feature.coded:
        return Question(members=tuple(keys.tolist()))
    if is_refused(feature.unlisted):
        return _limit(keys, np.setdiff1d(feature.keys, keys), name)
    raise _set_refused(name)


def _limit(keys: np.ndarray, others: np.ndarray, name: str) -> Question:
    # onnxruntime tells only whole numbers apart in a set. But where a number between the keys is refused anyway, a
    # limit can cut the lower keys off.
    if len(others) == 0 or keys.max() < others.min():
        return Question(limit=keys.max())
    if others.max() < keys.min():
        return Question(limit=others.max(), others=True)
    raise _set_refused(name)


def _set_refused(name: str) -> VerificationRefused:
    return VerificationRefused(
        f"a tree splits the number column {name} by a set of values",
        hint="declare the field as Literal, so that it is a category",
    )
