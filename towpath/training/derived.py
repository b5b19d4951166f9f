"""Frames with their derived columns, computed value by value by the code that serves."""

from typing import Any

import numpy as np
import pandas as pd

from towpath.core.deriver import Deriver
from towpath.declare.columns import Columns
from towpath.declare.derived import Derived


def with_derived(columns: Columns, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame and its derived columns: numbers as float64, texts as objects, missing as NaN."""
    if not columns.derived:
        return frame
    derive = Deriver([one.derive for one in columns.derived])
    names = [leaf if isinstance(leaf, str) else leaf.name for leaf in derive.inputs]
    rows = [derive(row) for row in zip(*(_values(frame[name]) for name in names), strict=True)]
    made = {one.name: _column(one, [row[i] for row in rows], frame.index) for i, one in enumerate(columns.derived)}
    return frame.assign(**made)


def _values(column: pd.Series) -> list[Any]:
    """As a record has them: None where there is none."""
    return column.astype(object).where(column.notna(), None).tolist()


def _column(one: Derived, values: list[Any], index: pd.Index) -> pd.Series:
    missing = [np.nan if value is None else value for value in values]
    return pd.Series(missing, index=index, dtype=object if one.kind == "text" else np.float64)
