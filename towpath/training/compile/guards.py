"""Trees that answer NaN for what scikit-learn would raise an error for, as a tree by itself would send it either way.

A row with a category that the encoder never saw must not get a score that nobody proved. To every other row a guard
adds 0.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from towpath.core.plan import UNSEEN
from towpath.training.compile.features import Feature, Number, Value, is_refused
from towpath.training.compile.fold import Splits
from towpath.training.compile.forest import Forest

LEAF = -1


@dataclass(frozen=True)
class Probe:
    """A row that passes gets the value: it equals the key, or is missing where the key is None."""

    key: float | None
    value: float


def guarded(forest: Forest, splits: Splits, features: Sequence[Feature]) -> tuple[Forest, Splits]:
    """The forest with a guard for each feature that refuses some value of its column."""
    for column, probes in _guards(features):
        forest, splits = _with_guard(forest, splits, column, probes)
    return forest, splits


def guards_alone(features: Sequence[Feature]) -> tuple[Forest, Splits] | None:
    """The guards as a forest of one output: 0.0, or NaN for a row that is refused. None where nothing is."""
    if not _guards(features):
        return None
    none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    empty = Forest(none, none, none, none, np.zeros(0), no, np.zeros((0, 1)), none, {}, 1, np.zeros(1), 1, False)
    return guarded(empty, Splits(none, np.zeros(0), no, no, no, {}), features)


def _guards(features: Sequence[Feature]) -> list[tuple[int, tuple[Probe, ...]]]:
    """Column and probes of each guard that is needed."""
    guards = {(feature.column, _probes(feature)) for feature in features}
    return [guard for guard in sorted(guards, key=repr) if any(np.isnan(probe.value) for probe in guard[1])]


def _probes(feature: Feature) -> tuple[Probe, ...]:
    """The probes in their order; the last one's key is not looked at, its value is for all other rows."""
    if isinstance(feature, Number):
        return (Probe(None, np.nan if feature.strict else 0.0), Probe(None, 0.0))
    missing = Probe(None, _mark(feature.missing))
    if is_refused(feature.unlisted) and not feature.coded:
        accepted = [key for key, value in zip(feature.keys, feature.values, strict=True) if not is_refused(value)]
        return (missing, *(Probe(key, 0.0) for key in accepted), Probe(None, np.nan))
    refused = [key for key, value in zip(feature.keys, feature.values, strict=True) if is_refused(value)]
    refused += [UNSEEN] if is_refused(feature.unlisted) else []
    return (missing, *(Probe(key, np.nan) for key in refused), Probe(None, 0.0))


def _mark(value: Value) -> float:
    return np.nan if is_refused(value) else 0.0


def _with_guard(forest: Forest, splits: Splits, column: int, probes: Sequence[Probe]) -> tuple[Forest, Splits]:
    """A chain: every second node is a leaf on the left of a probe, the last one the leaf for all that pass none."""
    root, size = len(forest.left), 2 * len(probes) - 1
    test = np.arange(size) % 2 == 0
    test[-1] = False
    after = np.arange(root, root + size)
    values = np.zeros((size, forest.values.shape[1]))
    values[1::2, :] = np.array([one.value for one in probes[:-1]])[:, None]
    values[-1, :] = probes[-1].value
    grown = replace(
        forest,
        roots=np.append(forest.roots, root),
        left=np.append(forest.left, np.where(test, after + 1, LEAF)),
        right=np.append(forest.right, np.where(test, after + 2, LEAF)),
        values=np.concatenate([forest.values, values]),
        targets=np.append(forest.targets, 0),
    )
    return grown, _with_probes(splits, column, probes, size)


def _with_probes(splits: Splits, column: int, probes: Sequence[Probe], size: int) -> Splits:
    limit, equal, missing = np.full(size, np.inf), np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for position, probe in zip(range(0, size, 2), probes[:-1], strict=False):
        if probe.key is None:
            missing[position] = True
        else:
            limit[position], equal[position] = probe.key, True
    return replace(
        splits,
        column=np.append(splits.column, np.full(size, column)),
        limit=np.append(splits.limit, limit),
        equal=np.append(splits.equal, equal),
        # No number is above infinity: flipped, only a missing value goes to the left.
        flipped=np.append(splits.flipped, missing),
        missing_left=np.append(splits.missing_left, missing),
    )
