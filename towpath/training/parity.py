"""The parity gate: the compiled model answers as scikit-learn does, or it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from towpath.core.errors import VerificationRefused
from towpath.core.plan import MISSING, UNSEEN, Column
from towpath.training.compile.model import convert
from towpath.training.compile.protocol import EXACT
from towpath.training.complaints import told

TOLERANCE = EXACT
WORST_SHOWN = 3
ROUNDING = 1e-6  # relative; a wrong split or weight is further off, sums of numbers that cancel are not
OVERFLOWN = "scikit-learn's own score is no finite number: numbers around 1e308 overflow; scale them, the target too"
ROUNDED = (
    "this is rounding beyond the tolerance, as where numbers of very different size cancel: scale the numbers first, "
    'columns.encode(numbers="scale")'
)


@dataclass(frozen=True)
class Difference:
    """One row's scores by scikit-learn and by the engine, and how far they are apart in units of max(1, |expected|)."""

    row: int
    size: float
    expected: tuple[float, ...]
    actual: tuple[float, ...]

    def __str__(self) -> str:
        return f"row {self.row}: scikit-learn {list(self.expected)}, engine {list(self.actual)}"


@dataclass(frozen=True)
class Parity:
    """How far the engine is from scikit-learn; broken counts rows beyond the tolerance, flips decisions that differ."""

    rows: int
    worst: float
    broken: int
    flips: int
    tolerance: float
    differences: tuple[Difference, ...]

    def require(self) -> None:
        """Raises VerificationRefused naming the worst rows, unless all are within tolerance and no decision differs."""
        if self.broken or self.flips or not self.rows:
            worst = "; ".join(map(str, self.differences)) or "no row was compared"
            raise VerificationRefused(
                f"parity does not hold on {self.broken} of {self.rows} rows and {self.flips} decisions "
                f"(worst {self.worst:.1e}, allowed {self.tolerance:.0e}): {worst}",
                hint=self._hint(),
            )

    def _hint(self) -> str:
        """A rounded score or one that overflows is no word against the compiled model."""
        if not all(np.isfinite(one.expected).all() for one in self.differences):
            return OVERFLOWN
        if self.rows and self.worst < ROUNDING:
            return ROUNDED
        return "the compiled model is not the fitted one; report these rows"


def prove(
    expected: np.ndarray, actual: np.ndarray, tolerance: float = TOLERANCE, thresholds: Sequence[float] = ()
) -> Parity:
    """Compare scikit-learn's scores with the engine's, both (rows, outputs).

    One output is compared with the thresholds, of several the largest decides. A score within the tolerance of a
    threshold, or of the largest, may fall on either side.
    """
    if expected.shape != actual.shape:
        raise VerificationRefused(f"scikit-learn gives scores of shape {expected.shape}, the engine {actual.shape}")
    sizes = relative_differences(expected, actual)
    order = np.argsort(-sizes, kind="stable")[:WORST_SHOWN]
    return Parity(
        rows=len(expected),
        worst=float(sizes.max(initial=0.0)),
        broken=int((sizes > tolerance).sum()),
        flips=_flips(expected, actual, tolerance, thresholds),
        tolerance=tolerance,
        differences=tuple(_difference(int(row), sizes, expected, actual) for row in order),
    )


def predictions(estimator: Any, inputs: Any) -> np.ndarray:
    """scikit-learn's scores in Towpath's shape: p(positive) (n, 1), all probabilities (n, classes) or values (n, 1)."""
    if not is_classifier(estimator):
        return np.asarray(estimator.predict(inputs), dtype=np.float64).reshape(-1, 1)
    scores = np.asarray(estimator.predict_proba(inputs), dtype=np.float64)
    return scores[:, 1:] if scores.shape[1] == 2 else scores


def thresholds(estimator: Any, columns: Sequence[Column]) -> list[tuple[str, float]]:
    """Where an estimator's trees split the number columns: the largest number that still goes the lower way."""
    return [(columns[position].name, limit) for position, limit in convert(estimator, columns).thresholds()]


def threshold_rows(
    estimator: Any, columns: Sequence[Column], frame: pd.DataFrame, *, most: int, seed: int
) -> pd.DataFrame:
    """For each split of a number a row of the frame that comes to it, once on its limit and once on the next float up.

    Both together find a limit that is off by one bit; a threshold set into any other row mostly finds nothing, as the
    row never comes to that split. At most `most` rows, their splits drawn by the seed; number columns become float64.
    Raises UsageError where a row misses a value that a step before the trees cannot take.
    """
    model = convert(estimator, columns)

    def visited(rows: pd.DataFrame) -> list[tuple[int, int, float]]:
        return model.visits(to_rows(rows, columns))

    with told(type(estimator).__name__, estimator, "following rows through the trees", frame, visited):
        visits = visited(frame)
    chosen = [visits[i] for i in sorted(np.random.default_rng(seed).permutation(len(visits))[: most // 2])]
    rows = frame.iloc[np.repeat([row for row, _, _ in chosen], 2).astype(np.int64)].reset_index(drop=True)
    rows = rows.astype(dict.fromkeys((column.name for column in columns if not column.categories), np.float64))
    for position in sorted({position for _, position, _ in chosen}):
        here = np.array([i for i, (_, other, _) in enumerate(chosen) if other == position])
        limits = np.array([chosen[i][2] for i in here])
        rows.loc[2 * here, columns[position].name] = limits
        rows.loc[2 * here + 1, columns[position].name] = np.nextafter(limits, np.inf)
    return rows


def to_rows(frame: pd.DataFrame, columns: Sequence[Column]) -> np.ndarray:
    """A frame as float64 rows in the coding of the columns, as the engine's encoder makes them of records."""
    return np.column_stack([_coded(frame[column.name], column) for column in columns]).astype(np.float64)


def relative_differences(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Per row the largest |difference| / max(1, |expected|); infinite where either is no finite number."""
    with np.errstate(invalid="ignore"):
        sizes = np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))
    worst: np.ndarray = np.where(np.isfinite(sizes), sizes, np.inf).max(axis=1, initial=0.0)
    return worst


def _flips(expected: np.ndarray, actual: np.ndarray, tolerance: float, thresholds: Sequence[float]) -> int:
    if expected.shape[1] > 1:
        return _changed_winners(expected, actual, tolerance)
    return sum(_crossed(expected[:, 0], actual[:, 0], tolerance, threshold) for threshold in thresholds)


def _crossed(expected: np.ndarray, actual: np.ndarray, tolerance: float, threshold: float) -> int:
    apart = (expected >= threshold) != (actual >= threshold)
    return int((apart & (np.abs(expected - threshold) > tolerance)).sum())


def _changed_winners(expected: np.ndarray, actual: np.ndarray, tolerance: float) -> int:
    winners = np.argmax(actual, axis=1)
    behind = expected.max(axis=1) - expected[np.arange(len(expected)), winners]
    return int((behind > tolerance).sum())


def _difference(row: int, sizes: np.ndarray, expected: np.ndarray, actual: np.ndarray) -> Difference:
    return Difference(row, float(sizes[row]), tuple(expected[row].tolist()), tuple(actual[row].tolist()))


def _coded(values: pd.Series, column: Column) -> np.ndarray:
    if not column.categories:
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    codes = {category: float(code) for code, category in enumerate(column.categories)}
    return np.array([MISSING if pd.isna(value) else codes.get(value, UNSEEN) for value in values])
