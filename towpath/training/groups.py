"""The groups of a field's values: categories one by one, numbers and texts in quarters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FEW = 12  # values of a number that are groups of their own, as years with the bank; more are taken in quarters
QUARTERS = 4
FEWEST = 30  # rows of a group; below, its metric says more about chance than about the group
MISSING = "missing"


@dataclass(frozen=True)
class Group:
    """Rows that have something in common: the field, what it is in words, and their positions, int64."""

    field: str
    name: str
    rows: np.ndarray

    @property
    def is_small(self) -> bool:
        return len(self.rows) < FEWEST


def groups_of(name: str, values: pd.Series) -> list[Group]:
    """Every row is in one group; rows without a value are one of their own, last."""
    labels, order = _labels(values)
    missing = np.flatnonzero(values.isna().to_numpy())
    found = [Group(name, str(label), np.flatnonzero((labels == label).to_numpy())) for label in order]
    return found + ([Group(name, MISSING, missing)] if len(missing) else [])


def all_groups(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[Group]:
    """The groups of several columns; columns that the rows do not have give none."""
    for name in names:
        if name in frame:
            yield from groups_of(name, frame[name])


def _labels(values: pd.Series) -> tuple[pd.Series, list[str]]:
    """A label for each row, and the labels in their order."""
    known = values.dropna()
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _number_labels(values, "")
    if known.nunique() > FEW * FEW and known.nunique() > len(known) / 2:
        return _number_labels(values.map(len, na_action="ignore").astype(np.float64), " characters")
    labels = values.map(_plain, na_action="ignore")
    return labels, [_plain(value) for value in sorted(known.unique().tolist())]


def _number_labels(values: pd.Series, unit: str) -> tuple[pd.Series, list[str]]:
    known = np.sort(values.dropna().to_numpy(np.float64))
    distinct = np.unique(known)
    if not len(distinct):  # pandas adds no text to a column that holds numbers for want of anything
        return values, []
    if len(distinct) <= FEW:
        return values.map(_plain, na_action="ignore") + unit, [_plain(value) + unit for value in distinct]
    cuts = np.unique(known[[len(known) * quarter // QUARTERS for quarter in range(1, QUARTERS)]])
    place = np.searchsorted(cuts, values.to_numpy(np.float64), side="right")
    ends = [distinct[np.searchsorted(cuts, distinct, side="right") == part] for part in range(len(cuts) + 1)]
    names = [f"{_plain(part[0])} to {_plain(part[-1])}{unit}" if len(part) else "" for part in ends]
    labels = pd.Series([names[part] for part in place], index=values.index, dtype=object).where(values.notna())
    return labels, [one for one in names if one]


def _plain(value: object) -> str:
    """`2`, not `2.0`."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
