"""Records to float64 rows: numbers as they are, categories as the position in their list, missing as NaN."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from towpath.core.plan import MISSING, UNSEEN, Column, Encode


class Encoder:
    """Encodes records of a service, the way its training data was encoded."""

    def __init__(self, step: Encode):
        self.columns = step.columns
        self._values = _getter(step.columns)
        self._coded = [(i, _codes(column)) for i, column in enumerate(step.columns) if column.categories]

    def row(self, record: Struct) -> list[float]:
        """One record as a list of floats, one for each column."""
        values = self._values(record)
        for i, codes in self._coded:
            values[i] = codes.get(values[i], UNSEEN)
        if None in values:
            return [MISSING if value is None else value for value in values]
        return values


def _codes(column: Column) -> Mapping[Any, float]:
    return {None: MISSING} | {category: float(code) for code, category in enumerate(column.categories)}


def _getter(columns: Sequence[Column]) -> Callable[[Struct], list[Any]]:
    """One C call for all plain fields; a vector is spread over its positions."""
    fields = list(dict.fromkeys(column.field for column in columns))
    if len(fields) == 1 and columns[0].position is not None:
        only = attrgetter(fields[0])
        return lambda record: list(only(record))
    if any(column.position is not None for column in columns):
        return lambda record: [_pick(record, column) for column in columns]
    if len(fields) == 1:
        only = attrgetter(fields[0])
        return lambda record: [only(record)]
    several = attrgetter(*(column.field for column in columns))
    return lambda record: list(several(record))


def _pick(record: Struct, column: Column) -> Any:
    value = getattr(record, column.field)
    return value if column.position is None or value is None else value[column.position]
