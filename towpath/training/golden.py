"""Golden rows: typical, edge, missing and threshold rows, recombined so that no real person's row is in them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from towpath.core.contract import Field
from towpath.core.faults import look_at
from towpath.core.golden import GoldenRow, Why
from towpath.data.plain import plain

TYPICAL = 64
ON_THRESHOLDS = 64
MOST = 256
CROWD = 4  # rows

Record = dict[str, Any]
Thresholds = Sequence[tuple[str, float]]


def golden_records(
    fields: Sequence[Field], frame: pd.DataFrame, thresholds: Thresholds, *, seed: int
) -> list[tuple[Why, Record]]:
    """Why each record is there, and the record; between 64 and 256 of them."""
    random = np.random.default_rng(seed)
    if len(fields) == 1 and fields[0].type == "string" and not fields[0].choices:
        texts = _texts(fields[0], frame, random)
        return list(islice(((why, record) for why, record in texts if _can_be_sent(fields, record)), MOST))
    columns = {name: frame[name].dropna().to_numpy() for field in fields for name in field.columns}
    rows: list[tuple[Why, Record]] = [("typical", _recombined(fields, columns, random)) for _ in range(TYPICAL)]
    rows += [("edge", record) for record in _edges(fields, columns, random)]
    rows += [("missing", record) for record in _missing(fields, columns, random)]
    thresholds = [one for one in thresholds if one[0] in columns]  # a derived column is not in a record to be set
    on = random.permutation(len(thresholds))[:ON_THRESHOLDS]
    rows += [("threshold", record) for i in on for record in _around(fields, columns, random, *thresholds[i])]
    somebody = _people(fields, frame)
    kept = [(why, record) for why, record in rows if _key(fields, record) not in somebody]
    if len(kept) < TYPICAL:  # of a single column every recombination is somebody's: take values between two of theirs
        between = [_between(fields, columns, random) for _ in range(TYPICAL)]
        kept = [("typical", record) for record in between if _key(fields, record) not in somebody] + kept
    return [(why, record) for why, record in kept if _can_be_sent(fields, record)][:MOST]


def with_scores(rows: Sequence[tuple[Why, Record]], scores: np.ndarray, tolerance: float) -> list[GoldenRow]:
    """The rows with the scores that scikit-learn gave them."""
    return [
        GoldenRow(why, record, tuple(row), tolerance) for (why, record), row in zip(rows, scores.tolist(), strict=True)
    ]


def to_frame(fields: Sequence[Field], records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Records as the frame an estimator takes: numbers as float64, strings as objects, missing as NaN."""
    return pd.DataFrame({name: column for field in fields for name, column in _frame_columns(field, records)})


def _frame_columns(field: Field, records: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, pd.Series]]:
    values = [record.get(field.name) for record in records]
    if field.type == "vector":
        for position, name in enumerate(field.names):
            yield name, pd.Series([value[position] for value in values], dtype=np.float64)  # type: ignore[index]  # a vector is a list
    elif field.type == "string" or field.choices:
        yield field.name, pd.Series([np.nan if value is None else value for value in values], dtype=object)
    else:
        yield field.name, pd.Series(values, dtype=np.float64)


def _people(fields: Sequence[Field], frame: pd.DataFrame) -> set[tuple[Any, ...]]:
    """The rows that belong to few; what more than CROWD have in common is nobody's in particular."""
    records = plain(frame)[[name for field in fields for name in field.columns]]
    counts = Counter(records.itertuples(index=False, name=None))
    return {row for row, count in counts.items() if count <= CROWD}


def _key(fields: Sequence[Field], record: Record) -> tuple[Any, ...]:
    return tuple(value for field in fields for value in (record[field.name] if field.names else (record[field.name],)))


def _can_be_sent(fields: Sequence[Field], record: Record) -> bool:
    """Whether a client could send it: limits of strings are easily broken by strange texts."""
    return not any(fault for field in fields for fault in look_at(field, record[field.name]))


def _recombined(fields: Sequence[Field], columns: Mapping[str, np.ndarray], random: np.random.Generator) -> Record:
    """Each value from another row, so that together they are nobody's."""
    return {field.name: _drawn(field, columns, random) for field in fields}


def _drawn(field: Field, columns: Mapping[str, np.ndarray], random: np.random.Generator) -> Any:
    """A value that some row has; None of a field that has none in any row."""
    if not all(len(columns[name]) for name in field.columns):
        return None
    return _value(field, [random.choice(columns[name]) for name in field.columns])


def _between(fields: Sequence[Field], columns: Mapping[str, np.ndarray], random: np.random.Generator) -> Record:
    """Numbers half way between those of two rows; what is no number as in any row."""
    first, second = (_recombined(fields, columns, random) for _ in range(2))
    return first | {
        field.name: _value(field, [(first[field.name] + second[field.name]) / 2])
        for field in fields
        if field.type in ("number", "integer") and not field.choices and first[field.name] is not None
    }


def _edges(fields: Sequence[Field], columns: Mapping[str, np.ndarray], random: np.random.Generator) -> Iterator[Record]:
    """Each field at its limits, or at the ends seen where it has none; and each of its choices."""
    for field in fields:
        for value in _extremes(field, columns):
            yield _recombined(fields, columns, random) | {field.name: value}


def _extremes(field: Field, columns: Mapping[str, np.ndarray]) -> list[Any]:
    if field.choices:
        return list(field.choices)
    if field.type == "string":
        return [str(value) for value in np.unique(columns[field.name])[:3]] + ["", "never seen before"]
    if field.type == "boolean":
        return [True, False]
    if not all(len(columns[name]) for name in field.columns):
        return []
    low = [field.ge if field.ge is not None else float(columns[name].min()) for name in field.columns]
    high = [field.le if field.le is not None else float(columns[name].max()) for name in field.columns]
    return [_value(field, low), _value(field, high)]


def _missing(
    fields: Sequence[Field], columns: Mapping[str, np.ndarray], random: np.random.Generator
) -> Iterator[Record]:
    nullable = [field.name for field in fields if field.nullable]
    for name in nullable:
        for _ in range(3):
            yield _recombined(fields, columns, random) | {name: None}
    if len(nullable) > 1:
        yield _recombined(fields, columns, random) | dict.fromkeys(nullable)


def _around(
    fields: Sequence[Field], columns: Mapping[str, np.ndarray], random: np.random.Generator, name: str, threshold: float
) -> Iterator[Record]:
    """A record exactly on a tree's threshold, and one just beyond, where the field can hold such values."""
    field = next(field for field in fields if name in field.columns)
    beside = (
        (np.floor(threshold), np.ceil(threshold))
        if field.type == "integer"
        else (threshold, np.nextafter(threshold, np.inf))
    )
    for value in beside:
        if _within(field, float(value)):
            record = _recombined(fields, columns, random)
            yield record | {field.name: _at(field, record[field.name], name, float(value))}


def _at(field: Field, current: Any, name: str, value: float) -> Any:
    if field.type != "vector":
        return _value(field, [value])
    return [value if other == name else kept for other, kept in zip(field.names, current, strict=True)]


def _within(field: Field, value: float) -> bool:
    if field.type not in ("number", "integer", "vector") or field.choices:
        return False
    above = (field.ge is None or value >= field.ge) and (field.gt is None or value > field.gt)
    return above and (field.le is None or value <= field.le) and (field.lt is None or value < field.lt)


def _value(field: Field, values: Sequence[Any]) -> Any:
    """A plain JSON value of the field's type."""
    if field.type == "vector":
        return [float(value) for value in values]
    if field.type == "string":
        return str(values[0])
    if field.type == "boolean":
        return bool(values[0])
    return int(values[0]) if field.type == "integer" else float(values[0])


def _texts(field: Field, frame: pd.DataFrame, random: np.random.Generator) -> Iterator[tuple[Why, Record]]:
    """Texts made of words of different texts, then the edges of language."""
    words = [word for text in frame[field.name].iloc[:2000] for word in text.split()]
    for _ in range(2 * TYPICAL):
        yield "typical", {field.name: " ".join(random.choice(words, size=random.integers(3, 30)))}
    for text in (
        "x",
        "...",
        "qzxqzx wvwvwv",
        "ÀÉÎ straße ﬁne İstanbul",
        "good\x00good",
        "good " * 500,
        "not good, not bad!",
        "1 22 333",
        "don't can't",
    ):
        yield "edge", {field.name: text}
