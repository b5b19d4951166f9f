"""Rules about the training data as a user writes them, beside those that hold for every data set."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from towpath.core.quality import Severity

FEWEST = 20  # rows; fewer cannot be split, tuned and measured, whatever a rule says


class AtLeastRows(Struct, frozen=True, tag="rows"):
    """How many rows are needed; 100 where nothing says otherwise."""

    rows: int


class MinorityShare(Struct, frozen=True, tag="minority"):
    """The share of the rarest class."""

    at_least: float
    severity: Severity


class NoDuplicates(Struct, frozen=True, tag="duplicates"):
    """No row equals an earlier one in every column."""

    severity: Severity


class Between(Struct, frozen=True, tag="range"):
    """Every number of a column lies between two, both included."""

    column: str
    low: float
    high: float
    severity: Severity


class Unique(Struct, frozen=True, tag="unique"):
    """No two rows have the same values in these columns."""

    columns: tuple[str, ...]
    severity: Severity


class ShareMissing(Struct, frozen=True, tag="missing"):
    """How many of a column's values may be missing, as a share."""

    column: str
    at_most: float
    severity: Severity


Rule = AtLeastRows | MinorityShare | NoDuplicates | Between | Unique | ShareMissing


def at_least_rows(rows: int) -> AtLeastRows:
    """`at_least_rows(1000)`, in place of the 100 that are asked for otherwise."""
    return AtLeastRows(rows)


def minority_share(at_least: float, *, severity: Severity = "error") -> MinorityShare:
    """`minority_share(0.10)`: the rarest class has a tenth of the rows; otherwise below 5 % is warned of."""
    return MinorityShare(at_least, severity)


def no_duplicates(*, severity: Severity = "error") -> NoDuplicates:
    """Rows that repeat an earlier one are refused; otherwise they are warned of."""
    return NoDuplicates(severity)


def between(column: str, low: float, high: float, *, severity: Severity = "error") -> Between:
    """`between("CreditScore", 300, 900, severity="warning")`: narrower than the record allows, or of another column."""
    return Between(column, low, high, severity)


def unique(*columns: str, severity: Severity = "error") -> Unique:
    """`unique("CustomerId")`, or several columns together: `unique("shop", "receipt")`."""
    return Unique(columns, severity)


def share_missing(column: str, *, at_most: float, severity: Severity = "error") -> ShareMissing:
    """`share_missing("Tenure", at_most=0.2)`"""
    return ShareMissing(column, at_most, severity)


def rules_faults(rules: Sequence[Rule], kind: str) -> Iterator[tuple[str, str]]:
    """What is wrong with rules as they are written, for a target of this kind; each with its path."""
    for number, rule in enumerate(rules):
        yield from ((f"rules[{number}]", fault) for fault in _faults(rule))
        if isinstance(rule, MinorityShare) and kind == "regression":
            yield f"rules[{number}]", "is about the rarest class, but the target is a number"


def _faults(rule: object) -> Iterator[str]:
    if not isinstance(rule, Rule):
        yield f"is {rule!r}; use at_least_rows(), between(), unique() or another of its kind"
        return
    if getattr(rule, "severity", "error") not in ("error", "warning"):
        yield f'has severity {getattr(rule, "severity", "")!r}; it is "error" or "warning"'
    match rule:
        case AtLeastRows(rows) if rows < FEWEST:
            yield f"asks for {rows} rows; fewer than {FEWEST} cannot be split and measured"
        case MinorityShare(share, _) if not 0 < share <= 0.5:
            yield f"asks for a share of {share:g}; the rarest class can have one above 0 and up to 0.5"
        case ShareMissing(_, share, _) if not 0 <= share <= 1:
            yield f"allows a share of {share:g}; it lies between 0 and 1"
        case Between(column, low, high, _) if not low < high:
            yield f"lets {column} lie from {low:g} to {high:g}; the first should be the smaller"
        case Unique(columns, _) if not columns:
            yield "names no column"
