"""Row filters: which rows of a data set are kept, and how many each filter drops."""

import numpy as np
import pandas as pd

from towpath.core.errors import Faulty
from towpath.core.lineage import RowFilter
from towpath.declare.data import Keep
from towpath.declare.service import Service


def keep_rows(service: Service, frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[RowFilter, ...]]:
    """The rows that pass every filter, in their order and numbered anew. Raises Faulty."""
    filters = service.data.keep
    if not filters:
        return frame, ()
    if faults := [(keep.column, fault) for keep in filters if (fault := _fault(keep, frame))]:
        raise Faulty(f"the data of {service.name}", faults, hint="mend keep= of the data in service.py")
    passing = [_passing(keep, frame[keep.column]) for keep in filters]
    told = tuple(RowFilter(str(keep), int((~passed).sum())) for keep, passed in zip(filters, passing, strict=True))
    return frame[np.logical_and.reduce(passing)].reset_index(drop=True), told


def _fault(keep: Keep, frame: pd.DataFrame) -> str | None:
    if keep.column not in frame:
        return f"is not a column of the data, which has {', '.join(map(str, frame.columns))}, but rows are kept by it"
    if not pd.api.types.is_numeric_dtype(frame[keep.column]):
        return "is no column of numbers, so rows cannot be kept by limits of it"
    return None


def _passing(keep: Keep, values: pd.Series) -> np.ndarray:
    """Whether each value lies within the limits; a missing one does not."""
    tests = {"ge": values.ge, "gt": values.gt, "le": values.le, "lt": values.lt}
    given = {keyword: getattr(keep, keyword) for keyword in tests}
    passed = [tests[keyword](limit) for keyword, limit in given.items() if limit is not None]
    return np.logical_and.reduce([values.notna(), *passed])
