"""The quality rules: training data against the record and the rules of its service; everything broken at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from towpath.core.contract import Field
from towpath.core.errors import Faulty
from towpath.core.quality import RULES, DataQuality, RuleResult, Severity
from towpath.data import declared
from towpath.data.counting import rows_say
from towpath.declare.gates import Slices
from towpath.declare.rules import FEWEST, AtLeastRows, MinorityShare, NoDuplicates
from towpath.declare.service import Service

ROWS = 100  # needed where a service says nothing: below, a test set of a fifth measures hardly anything
MINORITY = 0.05  # a class rarer than that is warned of: it is learnt badly, and accuracy hides it
FEWEST_OF_A_CLASS = 10  # so that each fold of the training rows, and the test rows, have some

ALWAYS = [rule for rule in RULES if rule not in ("Q09", "Q16", "Q17", "Q18")]  # the others where declared, or split


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold, in one column or in the whole table."""

    rule: str
    column: str
    reason: str
    rows: int = 0
    severity: Severity = "error"
    hint: str = ""


def check_table(service: Service, frame: pd.DataFrame) -> DataQuality:
    """What every rule says, warnings included. Raises Faulty with everything that is an error."""
    quality = examine(service, frame)
    require(service.name, quality)
    return quality


def examine(service: Service, frame: pd.DataFrame) -> DataQuality:
    """What every rule says about a table."""
    return gather(len(frame), list(_broken(service, frame)), {*ALWAYS, *declared.numbers(service.rules)})


def require(name: str, quality: DataQuality) -> None:
    """Raises Faulty with every rule that failed, each with its number and name."""
    if quality.errors:
        faults = [(one.column or "rows", f"{one.reason} ({one.rule} {one.name})") for one in quality.errors]
        raise Faulty(f"the data of {name}", faults, hint=quality.mend)


def nothing_there(files: Iterable[str]) -> DataQuality:
    """What there is to say about files without content: the first rule fails, and no other can be asked."""
    return gather(0, [Broken("Q01", name, "is empty") for name in files], set())


def cannot_filter(service: Service, frame: pd.DataFrame, faults: Iterable[tuple[str, str]]) -> DataQuality:
    """What there is to say where rows cannot be kept by their filters: the columns, and nothing about the rows."""
    broken = [Broken("Q02", name, reason) for name, reason in faults]
    told = {one.column for one in broken}
    features = [name for field in service.fields if field.role == "feature" for name in field.columns]
    return gather(
        len(frame), [*broken, *(one for one in _columns(service, frame, features) if one.column not in told)], set()
    )


def gather(rows: int, broken: list[Broken], applied: set[str]) -> DataQuality:
    """Results by the rules' numbers: one for each broken place, one `pass` for each applied rule that holds."""
    results: list[RuleResult] = []
    for rule, name in RULES.items():
        found = [one for one in broken if one.rule == rule]
        results += [_result(one, name) for one in found]
        if not found and rule in applied:
            results.append(RuleResult(rule, name, "warning" if rule in ("Q06", "Q07") else "error", "pass"))
    return DataQuality(rows, tuple(results))


def _result(one: Broken, name: str) -> RuleResult:
    verdict = "fail" if one.severity == "error" else "warn"
    return RuleResult(one.rule, name, one.severity, verdict, one.column, one.reason, one.rows, one.hint)  # type: ignore[arg-type]  # of the two words above


def _broken(service: Service, frame: pd.DataFrame) -> Iterator[Broken]:
    features = [(name, field) for field in service.fields if field.role == "feature" for name in field.columns]
    if frame.empty:
        yield Broken("Q01", "", "there is a header and no row" if len(frame.columns) else "there is nothing in it")
    yield from _columns(service, frame, [name for name, _ in features])
    yield from _size(service, frame)
    yield from (Broken(*found) for found in declared.broken(service.rules, frame))
    if frame.empty:
        return
    for name, field in features:
        if name in frame:
            yield from _column(name, field, frame[name])
    if service.target.task.target in frame:
        yield from _target(service, frame[service.target.task.target])
    yield from _duplicates(service, frame)


def _columns(service: Service, frame: pd.DataFrame, features: list[str]) -> Iterator[Broken]:
    for name in [*features, service.target.task.target]:
        if name not in frame:
            there = ", ".join(map(str, frame.columns)) or "none"
            yield Broken("Q02", name, f"is not a column of the data, which has {there}")
    for gate in service.gates:
        if isinstance(gate, Slices) and gate.field not in frame:
            yield Broken("Q02", gate.field, "is not a column of the data, but a gate slices by it")


def _size(service: Service, frame: pd.DataFrame) -> Iterator[Broken]:
    asked = next((rule.rows for rule in service.rules if isinstance(rule, AtLeastRows)), ROWS)
    if len(frame) < asked:
        fewer = "" if asked <= FEWEST else "; rules=[at_least_rows(...)] in service.py asks for fewer"
        yield Broken("Q05", "", f"has {len(frame)}; at least {asked} are needed{fewer}", len(frame))
    held_out = int(len(frame) * service.split.test)
    if held_out < FEWEST // 4 or len(frame) - held_out < FEWEST // 2:
        reason = f"holds out {held_out} of {len(frame)} rows; too few on one side to learn or to measure"
        yield Broken("Q15", "split.test", reason)


def _column(name: str, field: Field, values: pd.Series) -> Iterator[Broken]:
    missing = values.isna()
    if missing.any() and not field.nullable:
        mend = "; let the field be missing (`| None`) or fill it"
        yield _told("Q10", name, "has no value", missing, mend=mend)
    if field.choices:
        wrong = ~values.isin(field.choices) & ~missing
        yield from _any("Q12", name, f"is not one of {', '.join(map(str, field.choices))}", wrong, values)
    elif field.type == "string":
        wrong = ~values.map(lambda value: isinstance(value, str)) & ~missing
        yield from _any("Q11", name, "is not a string", wrong, values)
        if not wrong.any():
            yield from _text(name, field, values[~missing])
    else:
        yield from _number(name, field, values)


def _text(name: str, field: Field, values: pd.Series) -> Iterator[Broken]:
    lengths = values.str.len()
    if field.min_length is not None:
        fewer = f"has fewer than {field.min_length} characters"
        yield from _any("Q13", name, fewer, lengths < field.min_length, values)
    if field.max_length is not None:
        yield from _any("Q13", name, f"has more than {field.max_length} characters", lengths > field.max_length, values)
    if field.pattern is not None:
        what = "is blank" if field.pattern == r"\S" else f"does not match {field.pattern}"
        yield from _any("Q13", name, what, ~values.str.contains(field.pattern, regex=True), values)


def _number(name: str, field: Field, values: pd.Series) -> Iterator[Broken]:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
    yield from _any("Q11", name, "is not a finite number", wrong, values)
    if field.type == "integer":
        yield from _any("Q11", name, "is not whole", numbers.notna() & (numbers % 1 != 0), values)
    broken = {"ge": numbers.lt, "gt": numbers.le, "le": numbers.gt, "lt": numbers.ge}
    for keyword, limit in field.bounds().items():
        yield from _any("Q08", name, f"breaks {keyword}={limit:g}", broken[keyword](limit), values)


def _target(service: Service, values: pd.Series) -> Iterator[Broken]:
    name, task = service.target.task.target, service.target.task
    if values.isna().any():
        yield _told("Q03", name, "has no target", values.isna(), mend="; drop them")
    if task.kind == "regression":
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
        yield from _any("Q04", name, "is not a finite number", wrong, values)
        return
    wrong = ~values.isin(service.target.labels) & values.notna()
    if wrong.any():
        what = f"is none of the labels {', '.join(map(str, service.target.labels))}"
        yield replace(_told("Q04", name, what, wrong, values), hint=_labels_hint(service, values))
    counts = [int((values == label).sum()) for label in service.target.labels]
    for label, class_name, count in zip(service.target.labels, task.classes, counts, strict=True):
        if count < FEWEST_OF_A_CLASS and not wrong.any():
            needed = f"at least {FEWEST_OF_A_CLASS} are needed to learn and test"
            yield Broken("Q14", name, f"is {label!r} ({class_name}) in {count} rows; {needed}", count)
    yield from _minority(service, name, counts)


def _labels_hint(service: Service, values: pd.Series) -> str:
    """The labels that the data holds, where it holds as many values as there are classes; the positive one last."""
    known = values.dropna().unique().tolist()
    classes = [name.casefold() for name in service.target.task.classes]
    if len(known) != len(classes):
        return ""
    held = sorted((_plain(one) for one in known), key=lambda one: (_place(one, classes), str(one)))
    written = ", ".join(f'"{one}"' if isinstance(one, str) else repr(one) for one in held)
    order = "the positive one last" if service.target.task.kind == "binary" else "in the order of the classes"
    return f"the data holds other labels; write in service.py: labels=({written}), {order}"


def _place(label: object, classes: list[str]) -> int:
    """That of the class that is called so; of a name that is no class, between those before and after."""
    name = str(label).casefold()
    return 2 * classes.index(name) if name in classes else 1


def _plain(value: object) -> object:
    """`1`, not `1.0`, which only missing values beside it make of it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _minority(service: Service, name: str, counts: list[int]) -> Iterator[Broken]:
    usual = MinorityShare(MINORITY, "warning")
    asked = next((rule for rule in service.rules if isinstance(rule, MinorityShare)), usual)
    rarest, total = min(counts), sum(counts)
    if total and rarest / total < asked.at_least:
        class_name = service.target.task.classes[counts.index(rarest)]
        reason = f"{class_name} has {rarest / total:.1%} of the rows, less than {asked.at_least:.0%}"
        yield Broken("Q06", name, reason, rarest, asked.severity)


def _duplicates(service: Service, frame: pd.DataFrame) -> Iterator[Broken]:
    """Rows that a model cannot tell apart; a new number or context makes no new example of a row."""
    asked = next((rule for rule in service.rules if isinstance(rule, NoDuplicates)), NoDuplicates("warning"))
    learnt = [name for field in service.fields if field.role == "feature" for name in field.columns]
    again = frame.duplicated([name for name in [*learnt, service.target.task.target] if name in frame])
    if again.any():
        count = int(again.sum())
        first = int(np.flatnonzero(again.to_numpy())[0])
        repeat = "1 row repeats" if count == 1 else f"{count} rows repeat"
        reason = f"{repeat} an earlier one in features and target, the first is row {first}"
        yield Broken("Q07", "", reason, count, asked.severity)


def _any(rule: str, name: str, what: str, mask: pd.Series, values: pd.Series) -> Iterator[Broken]:
    if mask.any():
        yield _told(rule, name, what, mask, values)


def _told(rule: str, name: str, what: str, mask: pd.Series, values: pd.Series | None = None, mend: str = "") -> Broken:
    return Broken(rule, name, rows_say(what, mask, values) + mend, int(mask.sum()))
