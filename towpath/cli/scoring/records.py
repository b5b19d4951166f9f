"""Rows of files to records of a service, and every fault of those that are none."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from towpath.cli.scoring.inputs import Batch, Broken, Input, Row
from towpath.core.contract import Contract, Field, record_type
from towpath.core.errors import UsageError
from towpath.core.faults import Fault, SecondLook

Column = Sequence[Any]
Cast = Callable[[Column], Column]
"""What makes of a column of cells the values that a client would send; None where one is missing, and as they are those
that make no sense, since they are faults."""


@dataclass(frozen=True)
class Reading:
    """One batch: its records with their positions in it, and the positions and faults of the rows that are none."""

    records: list[msgspec.Struct]
    positions: Sequence[int]
    rejected: list[tuple[int, list[Fault]]]


class Reader:
    """Reads rows of one file as records of one contract.

    In csv and parquet an empty cell or NaN is a missing value, and a vector has a column for each of its positions, or
    one of its own name with a list. A line of jsonl is taken as the service takes it over HTTP.
    """

    def __init__(self, contract: Contract, file: Input):
        self._look = SecondLook(contract)
        self._type = record_type(contract)
        self._list: Any = list[self._type]  # type: ignore[name-defined]  # made from the contract
        self._is_table = file.columns is not None
        self._nullable = {one.name for one in contract.record if one.nullable}
        if file.columns is not None:
            require_columns(contract, file.columns)
            self._casts = casts_of(contract, file.columns, file.is_text)

    def read(self, batch: Batch) -> Reading:
        """A whole batch at once where every row is in order; row by row where one is not."""
        given = self._given(batch)
        try:
            return Reading(msgspec.convert(given, self._list), range(len(batch)), [])
        except msgspec.ValidationError:
            return self._read_each(given)

    def _read_each(self, given: Sequence[Row | Broken]) -> Reading:
        looked = [(position, *self._read_one(row)) for position, row in enumerate(given)]
        return Reading(
            records=[record for _, record, faults in looked if not faults],
            positions=[position for position, _, faults in looked if not faults],
            rejected=[(position, faults) for position, _, faults in looked if faults],
        )

    def _read_one(self, row: Row | Broken) -> tuple[Any, list[Fault]]:
        if isinstance(row, Broken):
            return None, [Fault((), "object", row.reason)]
        try:
            return msgspec.convert(row, self._type), []
        except msgspec.ValidationError:
            understood, faults = self._look(row)
            return (None, faults) if faults else (msgspec.convert(understood, self._type), [])

    def _given(self, batch: Batch) -> Sequence[Row | Broken]:
        """What a client would send in place of each row."""
        columns = batch.columns() if self._is_table else None
        if columns is not None:
            return self._understand(columns)
        rows = [batch.row(position) for position in range(len(batch))]
        whole_rows = [row for row in rows if isinstance(row, dict)]
        if not self._is_table or not whole_rows:
            return rows
        understood = iter(self._understand({name: [row[name] for row in whole_rows] for name in whole_rows[0]}))
        return [next(understood) if isinstance(row, dict) else row for row in rows]

    def _understand(self, columns: dict[str, Column]) -> list[Row]:
        """Rows as a client would send them: values of the fields' types, missing ones null or left out."""
        found = {name: self._cast(columns, name) for name in self._casts}
        rows = [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]
        for name in [name for name, values in found.items() if name not in self._nullable and None in values]:
            for row in rows:
                if row[name] is None:
                    del row[name]
        return rows

    def _cast(self, columns: dict[str, Column], name: str) -> Column:
        taken, cast = self._casts[name]
        if taken == (name,):
            return cast(columns[name])
        return list(zip(*(cast(columns[position]) for position in taken), strict=True))


def casts_of(contract: Contract, columns: tuple[str, ...], is_text: bool) -> dict[str, tuple[tuple[str, ...], Cast]]:
    """For each field that the file has: the columns it is taken from, and what makes values of their cells."""
    found: dict[str, tuple[tuple[str, ...], Cast]] = {}
    for one in contract.record:
        if one.name in columns:
            found[one.name] = (one.name,), cast_of(one, is_text)
        elif one.names and set(one.names) <= set(columns):
            found[one.name] = one.names, numbers if is_text else present
    return found


def require_columns(contract: Contract, columns: tuple[str, ...]) -> None:
    """Raises UsageError naming every required field without a column: not one row could be a record."""
    missing = [
        ", ".join(one.names) or one.name
        for one in contract.record
        if one.required and one.name not in columns and not (one.names and set(one.names) <= set(columns))
    ]
    if missing:
        raise UsageError(
            f"the input has no column for {', '.join(missing)}; it has {', '.join(columns)}",
            hint=f"towpath bundle inspect BUNDLE shows what {contract.service} takes",
        )


def cast_of(one: Field, is_text: bool) -> Cast:
    if one.role == "id":
        return each(identity_number if one.type == "integer" else str)
    if one.type == "integer" and one.choices:
        return each(whole)
    if not is_text:
        return present
    if one.type == "string":
        return strings
    return each(boolean) if one.type == "boolean" else each(json_list) if one.type == "vector" else numbers


def each(cast: Callable[[Any], Any]) -> Cast:
    return lambda column: [None if is_missing(value) else cast(value) for value in column]


def present(column: Column) -> Column:
    """Typed values as they are."""
    return [None if is_missing(value) else value for value in column]


def is_missing(value: Any) -> bool:
    """Null, an empty cell, or NaN, which is how tables say missing."""
    return value is None or value == "" or value != value


def strings(column: Column) -> Column:
    return [text or None for text in column] if "" in column else column


def numbers(column: Column) -> Column:
    """All at once where all are finite numbers, else one by one."""
    try:
        found = list(map(float, column))
    except ValueError:
        return one_by_one(column)
    return found if all(map(math.isfinite, found)) else one_by_one(column)


def number(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    if math.isfinite(value):
        return value
    return None if value != value else text


one_by_one = each(number)


def whole(value: Any) -> Any:
    """A whole number for choices among whole numbers, which are not floats to msgspec."""
    found = number(value) if isinstance(value, str) else value
    return int(found) if isinstance(found, float) and found.is_integer() else found


def identity_number(value: Any) -> Any:
    """`15634602`, and `15634602.0` as pandas writes it, as the same id; another text as it is."""
    text = str(value)
    bare = text.removesuffix(".0")
    return int(bare) if bare.isascii() and bare.isdigit() and (bare == "0" or bare[0] != "0") else text


def boolean(text: str) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)


def json_list(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
