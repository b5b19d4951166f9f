"""Training data against the record: every column that breaks it, with how many rows and the first of them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from towpath.core.contract import Field
from towpath.core.errors import Faulty
from towpath.declare.gates import Slices
from towpath.declare.service import Service

Fault = tuple[str, str]

FEWEST = 20  # rows; fewer cannot be split, tuned and measured
FEWEST_OF_A_CLASS = 10  # so that each fold of the training rows, and the test rows, have some


def check_table(service: Service, frame: pd.DataFrame) -> None:
    """Raises Faulty with every fault of the table."""
    found = list(faults_of(service, frame))
    if found:
        raise Faulty(f"the data of {service.name}", found, hint="mend the data, or widen the record in service.py")


def faults_of(service: Service, frame: pd.DataFrame) -> Iterator[Fault]:
    target = service.target.task.target
    features = [(name, field) for field in service.fields if field.role == "feature" for name in field.columns]
    if len(frame) < FEWEST:
        yield "rows", f"has {len(frame)}; at least {FEWEST} are needed"
    for name in [name for name, _ in features] + [target]:
        if name not in frame:
            yield name, f"is not a column of the data, which has {', '.join(map(str, frame.columns))}"
    for name, field in features:
        if name in frame:
            yield from _column_faults(name, field, frame[name])
    if target in frame:
        yield from _target_faults(service, frame[target])
    held_out = int(len(frame) * service.split.test)
    if held_out < FEWEST // 4 or len(frame) - held_out < FEWEST // 2:
        yield "split.test", f"holds out {held_out} of {len(frame)} rows; too few on one side to learn or to measure"
    for gate in service.gates:
        if isinstance(gate, Slices) and gate.field not in frame:
            yield gate.field, "is not a column of the data, but a gate slices by it"


def _column_faults(name: str, field: Field, values: pd.Series) -> Iterator[Fault]:
    missing = values.isna()
    if missing.any() and not field.nullable:
        yield name, _rows_say("has no value", missing) + "; let the field be missing (`| None`) or fill it"
    if field.choices:
        wrong = ~values.isin(field.choices) & ~missing
        if wrong.any():
            yield name, _rows_say(f"is not one of {', '.join(map(str, field.choices))}", wrong, values)
    elif field.type == "string":
        wrong = ~values.map(lambda value: isinstance(value, str)) & ~missing
        if wrong.any():
            yield name, _rows_say("is not a string", wrong, values)
        else:
            yield from _text_faults(name, field, values[~missing])
    else:
        yield from _number_faults(name, field, values)


def _text_faults(name: str, field: Field, values: pd.Series) -> Iterator[Fault]:
    lengths = values.str.len()
    if field.min_length is not None and (short := lengths < field.min_length).any():
        yield name, _rows_say(f"has fewer than {field.min_length} characters", short, values)
    if field.max_length is not None and (long := lengths > field.max_length).any():
        yield name, _rows_say(f"has more than {field.max_length} characters", long, values)
    if field.pattern is not None and (other := ~values.str.contains(field.pattern, regex=True)).any():
        yield (
            name,
            _rows_say("is blank" if field.pattern == r"\S" else f"does not match {field.pattern}", other, values),
        )


def _number_faults(name: str, field: Field, values: pd.Series) -> Iterator[Fault]:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
    if wrong.any():
        yield name, _rows_say("is not a finite number", wrong, values)
    if field.type == "integer" and (fractions := numbers.notna() & (numbers % 1 != 0)).any():
        yield name, _rows_say("is not whole", fractions, values)
    broken = {"ge": numbers.lt, "gt": numbers.le, "le": numbers.gt, "lt": numbers.ge}
    for keyword, limit in field.bounds().items():
        if (outside := broken[keyword](limit)).any():
            yield name, _rows_say(f"breaks {keyword}={limit:g}", outside, values)


def _target_faults(service: Service, values: pd.Series) -> Iterator[Fault]:
    name, task = service.target.task.target, service.target.task
    if values.isna().any():
        yield name, _rows_say("has no target", values.isna()) + "; drop them"
    if task.kind == "regression":
        return
    wrong = ~values.isin(service.target.labels) & values.notna()
    if wrong.any():
        yield name, _rows_say(f"is none of the labels {', '.join(map(str, service.target.labels))}", wrong, values)
    for label, class_name in zip(service.target.labels, task.classes, strict=True):
        if (count := int((values == label).sum())) < FEWEST_OF_A_CLASS:
            needed = f"at least {FEWEST_OF_A_CLASS} are needed to learn and test"
            yield name, f"is {label!r} ({class_name}) in {count} rows; {needed}"


def _rows_say(what: str, mask: pd.Series, values: pd.Series | None = None) -> str:
    """`is not whole in 3 rows, the first is row 4: 40.5`"""
    count = int(mask.sum())
    first = int(np.flatnonzero(mask.to_numpy())[0])
    shown = "" if values is None else f": {values.iloc[[first]].tolist()[0]!r}"
    return f"{what} in {count} row{'s' if count > 1 else ''}, the first is row {first}{shown}"
