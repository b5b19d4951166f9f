"""Records to float64 rows: numbers as they are, categories as the position in their list, missing as NaN."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec import Struct

from towpath.core.derive import Operand, Position
from towpath.core.deriver import Deriver
from towpath.core.plan import MISSING, UNSEEN, Column, Encode


class Encoder:
    """Encodes records of a service, the way its training data was encoded."""

    def __init__(self, step: Encode):
        self.columns = step.columns
        derives = any(column.derive for column in step.columns)
        self._values = (_deriving if derives else _getter)(step.columns)
        self._coded = [(i, _codes(one)) for i, one in enumerate(step.columns) if one.categories or one.unused]

    def row(self, record: Struct) -> list[float]:
        """One record as a list of floats, one for each column."""
        values = self._values(record)
        for i, codes in self._coded:
            values[i] = codes.get(values[i], UNSEEN)
        if None in values:
            return [MISSING if value is None else value for value in values]
        return values


class _Unused(dict[Any, float]):
    """The codes of a column that the model does not look at."""

    def get(self, value: Any, default: Any = None) -> float:
        return MISSING


def _codes(column: Column) -> Mapping[Any, float]:
    if column.unused:
        return _Unused()
    return {None: MISSING} | {category: float(code) for code, category in enumerate(column.categories)}


def _getter(columns: Sequence[Column]) -> Callable[[Struct], list[Any]]:
    """One C call for all plain fields; a vector is spread over its positions."""
    fields = list(dict.fromkeys(column.field for column in columns))
    if len(fields) == 1 and columns[0].position is not None:
        only = attrgetter(fields[0])
        return lambda record: list(only(record))
    return _picker([(column.field, column.position) for column in columns])


def _deriving(columns: Sequence[Column]) -> Callable[[Struct], list[Any]]:
    """The same where some columns are derived."""
    derive = Deriver([_operand(column) for column in columns])
    values = _picker([(leaf, None) if isinstance(leaf, str) else (leaf.field, leaf.index) for leaf in derive.inputs])
    return lambda record: derive(values(record))


def _operand(column: Column) -> Operand:
    if column.unused:
        return 0.0  # nothing is computed for what is overwritten anyway
    if column.derive:
        return column.derive
    return column.field if column.position is None else Position(column.name, column.field, column.position)


def _picker(places: Sequence[tuple[str, int | None]]) -> Callable[[Struct], list[Any]]:
    """The values of fields, or of positions in them."""
    if any(position is not None for _, position in places):
        return lambda record: [_pick(record, *place) for place in places]
    if len(places) == 1:
        only = attrgetter(places[0][0])
        return lambda record: [only(record)]
    several = attrgetter(*(field for field, _ in places))
    return lambda record: list(several(record))


def _pick(record: Struct, field: str, position: int | None) -> Any:
    value = getattr(record, field)
    return value if position is None or value is None else value[position]
