"""Derived columns: a closed list of functions from a record's values to one more value.

Training and serving compute them by this very code, so there are no two versions that could differ. A missing value is
None. What arithmetic has no finite answer for (a division by zero, the logarithm of nothing, an overflow) is missing
too, never an infinity; no function raises.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, TypeAlias, Union

from msgspec import Struct, structs

Value: TypeAlias = float | str | None
Kind = Literal["number", "text", "any"]
Part = Literal["year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour"]
Function: TypeAlias = Callable[[Any], Value]

DAYS = {"days": 1.0, "years": 365.2425}  # the mean year of the Gregorian calendar
SECONDS_A_DAY = 86_400.0


class Position(Struct, frozen=True, tag_field="do", tag="position", forbid_unknown_fields=True):
    """One position of a vector field, and the name it goes by."""

    name: str
    field: str
    index: int


class Single(Struct, frozen=True, tag_field="do", omit_defaults=True, forbid_unknown_fields=True):
    """A function of one operand."""

    of: "Operand"

    takes: ClassVar[Kind] = "number"
    gives: ClassVar[Kind] = "number"

    def function(self) -> Function:
        """The function of a value that is not missing."""
        raise NotImplementedError


class Pair(Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """Arithmetic on two numbers; missing where either is, or where the result is no finite number."""

    a: "Operand"
    b: "Operand"

    takes: ClassVar[Kind] = "number"
    gives: ClassVar[Kind] = "number"


class Add(Pair, frozen=True, tag="add"):
    """a + b"""


class Subtract(Pair, frozen=True, tag="subtract"):
    """a - b"""


class Product(Pair, frozen=True, tag="product"):
    """a * b"""


class Ratio(Pair, frozen=True, tag="ratio"):
    """a / b; missing where b is 0."""


class Log(Single, frozen=True, tag="log"):
    """The natural logarithm of value + plus; missing where that is not above 0."""

    plus: Literal[0, 1] = 0

    def function(self) -> Function:
        if self.plus:
            return lambda value: math.log1p(value) if -1.0 < value < math.inf else None
        return lambda value: math.log(value) if 0.0 < value < math.inf else None


class Clip(Single, frozen=True, tag="clip"):
    """The number, or the limit it is beyond."""

    low: float | None = None
    high: float | None = None

    def function(self) -> Function:
        low = -math.inf if self.low is None else float(self.low)
        high = math.inf if self.high is None else float(self.high)
        return lambda value: low if value < low else high if value > high else float(value)


class Bins(Single, frozen=True, tag="bins"):
    """The label of the bin: the first is below the first edge, each edge belongs to the bin above it."""

    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    gives: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return lambda value: self.labels[bisect_right(self.edges, value)]


class DatePart(Single, frozen=True, tag="date_part"):
    """One number of a date or time as ISO 8601 writes it; weekday 1 is Monday, week is the ISO week."""

    part: Part = "year"

    takes: ClassVar[Kind] = "text"

    def function(self) -> Function:
        part = PARTS[self.part]
        return lambda text: None if (when := read_time(text)) is None else float(part(when))


class Elapsed(Single, frozen=True, tag="elapsed"):
    """How long before `until` a date or time was, in days or in years of 365.2425 days; negative where it was after."""

    until: str = ""
    unit: Literal["days", "years"] = "years"

    takes: ClassVar[Kind] = "text"

    def function(self) -> Function:
        until, unit = read_time(self.until), SECONDS_A_DAY * DAYS[self.unit]
        if until is None:
            return lambda text: None
        return lambda text: None if (when := read_time(text)) is None else (until - when).total_seconds() / unit


class Lower(Single, frozen=True, tag="lower"):
    """The text in lower case."""

    takes: ClassVar[Kind] = "text"
    gives: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return str.lower


class Strip(Single, frozen=True, tag="strip"):
    """The text without white space at its ends."""

    takes: ClassVar[Kind] = "text"
    gives: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return str.strip


class FirstWord(Single, frozen=True, tag="first_word"):
    """The text up to its first white space; missing where there is no word."""

    takes: ClassVar[Kind] = "text"
    gives: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return _first_word


class Contains(Single, frozen=True, tag="contains"):
    """1.0 where the text has these characters in it, 0.0 where not; upper and lower case are different."""

    what: str = ""

    takes: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return lambda text: 1.0 if self.what in text else 0.0


class Length(Single, frozen=True, tag="length"):
    """How many characters (code points) the text has."""

    takes: ClassVar[Kind] = "text"

    def function(self) -> Function:
        return lambda text: float(len(text))


class Lookup(Single, frozen=True, tag="lookup"):
    """What the table says of a value, the default of any other; values are all numbers or all texts."""

    table: tuple[tuple[str | float, str | float], ...] = ()
    default: str | float | None = None

    takes: ClassVar[Kind] = "any"
    gives: ClassVar[Kind] = "any"

    def function(self) -> Function:
        found, default = {key: _plain(value) for key, value in self.table}, _plain(self.default)
        return lambda value: found.get(value, default)


class IsMissing(Single, frozen=True, tag="is_missing"):
    """1.0 where the value is missing, 0.0 where not; never missing itself."""

    takes: ClassVar[Kind] = "any"


Derive = (
    Add | Subtract | Product | Ratio | Log | Clip | Bins | DatePart | Elapsed
    | Lower | Strip | FirstWord | Contains | Length | Lookup | IsMissing
)  # fmt: skip
Operand = Union[str, float, Position, Derive]  # noqa: UP007  # a string names a field, or in a declaration any column


def operands(one: Operand) -> tuple[Operand, ...]:
    """What an expression is made of directly."""
    if isinstance(one, Pair):
        return one.a, one.b
    return (one.of,) if isinstance(one, Single) else ()


def with_operands(one: Operand, change: Callable[[Operand], Operand]) -> Operand:
    """The same expression of other operands."""
    if isinstance(one, Pair):
        return structs.replace(one, a=change(one.a), b=change(one.b))
    return structs.replace(one, of=change(one.of)) if isinstance(one, Single) else one


def leaves(one: Operand) -> Iterator[str | Position]:
    """The fields, and positions of vectors, that an expression reads."""
    if isinstance(one, str | Position):
        yield one
    for operand in operands(one):
        yield from leaves(operand)


def constants(one: Operand) -> Iterator[float]:
    """The numbers that stand as operands in an expression."""
    if isinstance(one, int | float):
        yield one
    for operand in operands(one):
        yield from constants(operand)


def sources(one: Operand) -> tuple[str, ...]:
    """The names of the record's columns that an expression reads, each once."""
    return tuple(dict.fromkeys(leaf if isinstance(leaf, str) else leaf.name for leaf in leaves(one)))


def read_time(text: str) -> datetime | None:
    """A date or a time of ISO 8601, in UTC where it names a zone; None where it is neither."""
    try:
        when = datetime.fromisoformat(text)
        return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
    except (ValueError, OverflowError):
        return None


def _first_word(text: str) -> str | None:
    words = text.split(maxsplit=1)
    return words[0] if words else None


def _plain(value: str | float | None) -> Value:
    return value if value is None or isinstance(value, str) else float(value)


PARTS: dict[Part, Callable[[datetime], int]] = {
    "year": lambda when: when.year,
    "quarter": lambda when: (when.month + 2) // 3,
    "month": lambda when: when.month,
    "week": lambda when: when.isocalendar().week,
    "day": lambda when: when.day,
    "day_of_year": lambda when: when.timetuple().tm_yday,
    "weekday": lambda when: when.isoweekday(),
    "hour": lambda when: when.hour,
}
