"""An estimator's own errors while it fits or predicts, told as faults of data and declaration: column, row and step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from towpath.core.errors import TowpathError, UsageError

Again = Callable[[pd.DataFrame], object]
"""The same once more, with other rows."""


class NotTaken(UsageError):
    """An estimator does not take its own parameters, or these rows."""


@contextmanager
def told(subject: str, estimator: Any, doing: str, given: Any, again: Again | None = None) -> Iterator[None]:
    """Raises NotTaken for the estimator's error: which columns miss values that nothing takes, or the library's words.

    subject: whose estimator. doing: `predicting the test rows`. given: the rows, a frame or a series of texts. again
    finds among the columns that miss values those that are in the way; without it they are told together.
    """
    try:
        yield
    except (TowpathError, MemoryError):
        raise
    except Exception as error:  # of the user's estimator: every library has errors of its own
        words = str(error).strip().split("\n")[0] or type(error).__name__
        says = f"{step_of(error, estimator)} says: {words}"
        missing = _missing(given, again) if "NaN" in words or "missing" in words else []
        if not missing:
            raise NotTaken(f"{subject}: {doing} fails: {says}", hint=_hint(words)) from error
        raise NotTaken(
            f"{subject}: {doing} fails, as a step takes no missing value: {'; '.join(missing)} ({says})",
            hint='put an imputer before it: columns.encode(numbers="impute")',
        ) from error


def step_of(error: BaseException, estimator: Any) -> str:
    """The innermost part of the estimator that was at work: `logisticregression (LogisticRegression)`.

    Pipelines fit copies of their steps, so a part is known by its class.
    """
    named = [(name, part) for name, part in _parts(estimator).items() if isinstance(part, BaseEstimator)]
    found = type(estimator).__name__
    trace = error.__traceback__
    while trace is not None:
        worker = trace.tb_frame.f_locals.get("self")
        names = [name for name, part in named if type(part) is type(worker)]
        if names:
            kind = type(worker).__name__
            found = f"{names[0]} ({kind})" if len(names) == 1 else kind
        trace = trace.tb_next
    return found


def _parts(estimator: Any) -> dict[str, Any]:
    return estimator.get_params(deep=True) if hasattr(estimator, "get_params") else {}


def _missing(given: Any, again: Again | None) -> list[str]:
    """For each column in the way: how many rows miss it, and the first of them."""
    if not isinstance(given, pd.DataFrame):
        return []
    holes = given.isna()
    names = [name for name in given if holes[name].any()]
    blamed = [name for name in names if again is None or _fails_alone(given, name, names, again)]
    return [_counted(str(name), holes[name]) for name in blamed or names]


def _counted(name: str, missing: pd.Series) -> str:
    count, first = int(missing.sum()), missing.index[int(np.argmax(missing.to_numpy()))]
    return f"{name} is missing in 1 row, row {first}" if count == 1 else f"{name} in {count} rows, first in row {first}"


def _fails_alone(given: pd.DataFrame, name: Any, names: list[Any], again: Again) -> bool:
    """Whether a row that misses this column, and no other, is refused."""
    row = given[given[name].isna()].head(1).copy()
    for other in names:
        known = given[other].dropna()
        if other != name and len(known):
            row[other] = known.iloc[[0]].to_numpy()
    try:
        again(row)
    except ValueError:
        return True
    return False


def _hint(words: str) -> str:
    if "unknown categor" in words:
        return 'columns.encode() takes categories never seen; of your own encoder set handle_unknown, as "ignore"'
    if "inf" in words:
        return "numbers of this size are beyond what the step takes: limit the field with Meta(ge=..., le=...)"
    return "change the step in build(), or the data; the same command with --debug shows where"
