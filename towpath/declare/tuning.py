"""What may be tried for a parameter: the search space of `towpath candidate tune`, declared with the service."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Plain = bool | int | float | str | None


class Whole(Struct, frozen=True, tag="whole"):
    """Whole numbers from low to high, both included; log tries small ones as often as large ones."""

    low: int
    high: int
    step: int = 1
    log: bool = False


class Real(Struct, frozen=True, tag="real"):
    """Numbers between low and high; log tries each power of ten as often as any other."""

    low: float
    high: float
    log: bool = False


class Choice(Struct, frozen=True, tag="choice"):
    """One of these values, without an order."""

    values: tuple[Plain, ...]


Space = Whole | Real | Choice


class Search(Struct, frozen=True):
    """What is searched, by the names that set_params takes, and the metric that says which is best."""

    space: dict[str, Space]
    metric: str = ""


def whole(low: int, high: int, *, step: int = 1, log: bool = False) -> Whole:
    """`whole(30, 200)`: any whole number from 30 to 200."""
    return Whole(low, high, step, log)


def real(low: float, high: float, *, log: bool = False) -> Real:
    """`real(0.01, 0.3, log=True)`: any number between, its logarithm evenly tried."""
    return Real(low, high, log)


def choice(*values: Plain) -> Choice:
    """`choice("sqrt", "log2", None)`: one of these."""
    return Choice(values)


def search(space: Mapping[str, Space], *, metric: str = "") -> Search:
    """A search space with the metric to be best at, one of those the service measures; its first where none is named.

    A dict alone, `tune={...}`, says the same without a metric.
    """
    return Search(dict(space), metric)


def as_search(given: Any) -> Search | None:
    """What a user wrote for `tune=`."""
    if given is None or isinstance(given, Search):
        return given
    return Search(dict(given))


def space_fault(space: Any) -> str | None:
    """What is wrong with one entry of a search space, and what to write instead."""
    match space:
        case Choice(values=values):
            if len(values) < 2:
                return f"has {len(values)} values; a choice has two at least"
            wrong = [value for value in values if not isinstance(value, Plain)]
            return f"may be {wrong[0]!r}; use numbers, strings, True, False or None" if wrong else None
        case Whole() | Real():
            if not space.low < space.high:
                return f"goes from {space.low} to {space.high}; the first must be the smaller one"
            if space.log and space.low <= 0:
                return f"is logarithmic from {space.low} on; it must begin above 0"
            if isinstance(space, Whole) and (space.step < 1 or (space.log and space.step != 1)):
                return f"goes in steps of {space.step}; use 1 or more, and 1 with log=True"
            return None
    return f"is {space!r}; use whole(), real() or choice()"
