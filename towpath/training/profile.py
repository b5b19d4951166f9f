"""Where the time of a training goes: the functions that take most of it."""

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

MOST = 20
OUTER = 0.95  # a function that takes nearly all of the time only calls what is listed below it


class Spent(Struct, frozen=True):
    """One function: seconds in it alone and with all that it called, and how often it was called."""

    function: str
    own_seconds: float
    seconds: float
    calls: int


def profiled(work: Callable[[], T]) -> tuple[T, list[Spent]]:
    """The work's result, and the functions by the time with all that they called, the longest first.

    Measuring slows small functions down most, so shares are to be read, not seconds.
    """
    profile = cProfile.Profile()
    result = profile.runcall(work)
    found = [
        Spent(_name(*where), round(own, 3), round(total, 3), calls)
        for where, (_, calls, own, total, _) in pstats.Stats(profile).stats.items()  # type: ignore[attr-defined]  # as print_stats reads it
    ]
    whole = max((one.seconds for one in found), default=0.0)
    inner = [one for one in found if one.seconds < OUTER * whole]
    return result, sorted(inner, key=lambda one: -one.seconds)[:MOST]


def _name(file: str, line: int, function: str) -> str:
    """`towpath/training/fit.py:42 fit`"""
    if line == 0:
        return function
    parts = Path(file).parts
    start = next((i + 1 for i, part in enumerate(parts) if part in ("site-packages", "main")), max(0, len(parts) - 3))
    return f"{'/'.join(parts[start:][-4:])}:{line} {function}"
