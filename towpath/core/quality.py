"""Data quality: which numbered rule said what about the rows that a service learns from."""

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning"]

RULES = {
    "Q01": "present",
    "Q02": "columns",
    "Q03": "target present",
    "Q04": "target labels",
    "Q05": "rows",
    "Q06": "minority",
    "Q07": "duplicates",
    "Q08": "range",
    "Q09": "expected range",
    "Q10": "missing",
    "Q11": "type",
    "Q12": "choices",
    "Q13": "text",
    "Q14": "class rows",
    "Q15": "split",
    "Q16": "unique",
    "Q17": "share missing",
    "Q18": "test rows seen",
}
"""Numbers are for ever: a rule that goes leaves a gap. docs/data.md says what each asks for."""


MEND = "mend the data, or widen the record in service.py"


class RuleResult(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule's word: `pass`, `warn`, or `fail`, which stops a training. rows is how many break it.

    hint: what to write, where that is known better than in general.
    """

    rule: str
    name: str
    severity: Severity
    verdict: Literal["pass", "warn", "fail"]
    column: str = ""
    reason: str = ""
    rows: int = 0
    hint: str = ""

    def __str__(self) -> str:
        about = f"{self.column}: " if self.column else ""
        return f"{self.rule} {self.name}: {about}{self.reason}"


class DataQuality(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What every rule said about so many rows; a rule that is broken in several columns has a result for each."""

    rows: int = 0
    results: tuple[RuleResult, ...] = ()

    @property
    def errors(self) -> list[RuleResult]:
        return [result for result in self.results if result.verdict == "fail"]

    @property
    def mend(self) -> str:
        """What to do about what failed, in words; "" where nothing did."""
        hints = list(dict.fromkeys(one.hint or MEND for one in self.errors))
        return "; ".join(hints)

    @property
    def warnings(self) -> list[RuleResult]:
        return [result for result in self.results if result.verdict == "warn"]
