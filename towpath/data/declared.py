"""The rules that a service declares about columns, held against its data."""

from collections.abc import Iterator, Sequence

import pandas as pd

from towpath.core.quality import Severity
from towpath.data.counting import rows_say
from towpath.declare.rules import Between, Rule, ShareMissing, Unique

NUMBERS = {Between: "Q09", Unique: "Q16", ShareMissing: "Q17"}

Found = tuple[str, str, str, int, Severity]
"""Rule, column, reason, rows, severity."""


def numbers(rules: Sequence[Rule]) -> set[str]:
    """Which numbered rules are asked for."""
    return {NUMBERS[type(rule)] for rule in rules if type(rule) in NUMBERS}


def broken(rules: Sequence[Rule], frame: pd.DataFrame) -> Iterator[Found]:
    """What each rule finds wrong; a column that is not there is an error of the columns, whatever the severity."""
    for rule in rules:
        if not isinstance(rule, Between | Unique | ShareMissing):
            continue
        wanted = rule.columns if isinstance(rule, Unique) else (rule.column,)
        absent = [name for name in wanted if name not in frame]
        for name in absent:
            yield "Q02", name, "is not a column of the data, but a rule is about it", 0, "error"
        if not absent and len(frame):
            yield from _found(rule, frame)


def _found(rule: Between | Unique | ShareMissing, frame: pd.DataFrame) -> Iterator[Found]:
    match rule:
        case Between(column, low, high, severity):
            values = pd.to_numeric(frame[column], errors="coerce")
            outside = values.notna() & ~values.between(low, high)
            if outside.any():
                reason = rows_say(f"is not from {low:g} to {high:g}", outside, frame[column])
                yield "Q09", column, reason, int(outside.sum()), severity
        case Unique(columns, severity):
            again = frame.duplicated(list(columns))
            if again.any():
                yield "Q16", ", ".join(columns), rows_say("is not unique", again), int(again.sum()), severity
        case ShareMissing(column, at_most, severity):
            missing = int(frame[column].isna().sum())
            if missing / len(frame) > at_most:
                reason = f"is missing in {missing / len(frame):.1%} of the rows, more than {at_most:.1%}"
                yield "Q17", column, reason, missing, severity
