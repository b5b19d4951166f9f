"""The answer vocabulary as a user writes it. Each makes one record of towpath.core.answer, where it is explained."""

from collections.abc import Mapping
from typing import Any

from towpath.core import answer as item
from towpath.core.answer import Space


def class_index() -> item.ClassIndex:
    return item.ClassIndex()


def class_name(unknown: str | None = None) -> item.ClassName:
    return item.ClassName(unknown)


def probability(of: str, *, round: int | None = None) -> item.Probability:
    return item.Probability(of, round)


def probabilities(
    as_: type[list[Any]] | type[dict[str, Any]] = list, *, round: int | None = None
) -> item.Probabilities:
    return item.Probabilities("dict" if as_ is dict else "list", round)


def top(*, round: int | None = None, unknown: float | None = None) -> item.Top:
    return item.Top(round, unknown)


def margin(of: str, *, round: int | None = None) -> item.Margin:
    return item.Margin(of, round)


def decide(of: str, as_: type[int] | type[bool] | tuple[str, str] = bool) -> item.Decide:
    """`decide("churn", as_=int)` gives 0 or 1, `as_=("stays", "leaves")` the names of no and yes."""
    if isinstance(as_, tuple):
        return item.Decide(of, "names", as_)
    return item.Decide(of, "int" if as_ is int else "bool")


def band(of: str, edges: Mapping[str, float]) -> item.Band:
    """`band("churn", {"LOW": 0.3, "MEDIUM": 0.7, "HIGH": 1.0})`: each name with its upper edge, which lies above it."""
    return item.Band(of, tuple((name, float(upper)) for name, upper in edges.items()))


def value(*, round: int | None = None) -> item.Value:
    return item.Value(round)


def interval(level: float = 0.9, *, round: int | None = None) -> item.Interval:
    """`interval(0.8)`: in 8 of 10 records the true value lies between `low` and `high`."""
    return item.Interval(level, round)


def contributions(space: Space = "score", *, top: int | None = None, round: int | None = None) -> item.Contributions:
    return item.Contributions(space, top, round)


def constant(value: Any) -> item.Constant:
    return item.Constant(value)


def release() -> item.Release:
    return item.Release()


def timestamp() -> item.Timestamp:
    return item.Timestamp()


def request_id() -> item.RequestId:
    return item.RequestId()


def answers() -> item.Answers:
    return item.Answers()


def count() -> item.Count:
    return item.Count()


def batch_id() -> item.BatchId:
    return item.BatchId()


def seconds() -> item.Seconds:
    return item.Seconds()
