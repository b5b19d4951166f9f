"""Derived columns as a user writes them: `Service(features={"brand": first_word("model"), ...})`.

Each word makes one record of towpath.core.derive. An operand is the name of a feature, of a vector's position or of
another derived column; a number; or another of these words.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from towpath.core import derive
from towpath.core.derive import Derive, Operand, Part


def ratio(a: Operand, b: Operand) -> derive.Ratio:
    """a / b; missing where b is 0."""
    return derive.Ratio(_operand(a), _operand(b))


def product(a: Operand, b: Operand) -> derive.Product:
    """a * b"""
    return derive.Product(_operand(a), _operand(b))


def add(a: Operand, b: Operand) -> derive.Add:
    """a + b"""
    return derive.Add(_operand(a), _operand(b))


def subtract(a: Operand, b: Operand) -> derive.Subtract:
    """a - b, such as `subtract(2019, "model_year")`."""
    return derive.Subtract(_operand(a), _operand(b))


def log(of: Operand) -> derive.Log:
    """The natural logarithm; missing where the number is not above 0."""
    return derive.Log(_operand(of))


def log1p(of: Operand) -> derive.Log:
    """The natural logarithm of 1 + the number; missing where the number is not above -1."""
    return derive.Log(_operand(of), 1)


def clip(of: Operand, low: float | None = None, high: float | None = None) -> derive.Clip:
    """The number, or the limit that it is beyond."""
    return derive.Clip(_operand(of), _limit(low), _limit(high))


def bins(of: Operand, edges: Sequence[float]) -> derive.Bins:
    """A category for each bin, here `below 18`, `18 to 65` and `from 65`: `bins("age", [18, 65])`."""
    return derive.Bins(_operand(of), tuple(map(float, edges)), tuple(_labels(edges)))


def date_part(of: Operand, part: Part) -> derive.DatePart:
    """Of an ISO 8601 date or time: year, quarter, month, week, day, day_of_year, weekday (1 is Monday), hour."""
    return derive.DatePart(_operand(of), part)


def years_since(of: Operand, until: str) -> derive.Elapsed:
    """The years of 365.2425 days from a date in ISO 8601 until a fixed one: `years_since("born", "2019-04-19")`."""
    return derive.Elapsed(_operand(of), until, "years")


def days_since(of: Operand, until: str) -> derive.Elapsed:
    """The days from a date in ISO 8601 until a fixed one."""
    return derive.Elapsed(_operand(of), until, "days")


def lower(of: Operand) -> derive.Lower:
    """The text in lower case."""
    return derive.Lower(_operand(of))


def strip(of: Operand) -> derive.Strip:
    """The text without white space at its ends."""
    return derive.Strip(_operand(of))


def first_word(of: Operand) -> derive.FirstWord:
    """The text up to its first white space; missing where there is no word."""
    return derive.FirstWord(_operand(of))


def contains(of: Operand, what: str) -> derive.Contains:
    """1 where the text has these characters in it, 0 where not; upper and lower case are different."""
    return derive.Contains(_operand(of), what)


def length(of: Operand) -> derive.Length:
    """How many characters the text has."""
    return derive.Length(_operand(of))


def lookup(of: Operand, table: Mapping[str | float, str | float], default: str | float | None = None) -> derive.Lookup:
    """What the table says of a value, a number or a category; the default, or missing, for a value that it lacks."""
    return derive.Lookup(
        _operand(of),
        tuple((_plain(key), _plain(said)) for key, said in table.items()),
        None if default is None else _plain(default),
    )


def is_missing(of: Operand) -> derive.IsMissing:
    """1 where the value is missing, 0 where not."""
    return derive.IsMissing(_operand(of))


VOCABULARY = (
    ratio, product, add, subtract, log, log1p, clip, bins, date_part, years_since, days_since,
    lower, strip, first_word, contains, length, lookup, is_missing,
)  # fmt: skip


def _operand(given: Operand) -> Operand:
    """Numbers as floats, so that plan.json reads the same after it was read once."""
    return float(given) if isinstance(given, int | float) else given


def _limit(given: float | None) -> float | None:
    return None if given is None else float(given)


def _plain(value: str | float) -> str | float:
    return value if isinstance(value, str) else float(value)


def _labels(edges: Sequence[float]) -> list[str]:
    told = [f"{edge:g}" if float(f"{edge:g}") == edge else repr(float(edge)) for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(told)]
    return [f"below {told[0]}", *between, f"from {told[-1]}"] if told else []


__all__ = ["Derive", "Operand", *(word.__name__ for word in VOCABULARY)]
