"""Who gets a request: a header rule decides, else the sticky value, else the shares in percent."""

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from itertools import accumulate

from msgspec import Struct

from towpath.core.routes import WHOLE, Routes, hundredths

STEP = 6181  # the golden ratio of WHOLE, without a common factor: at any point no share is 5 requests off, measured


class Split:
    """Positions 0 to 9,999 cut into an interval for each revision, the newest first.

    So raising the share of the newest takes positions from the end of its own interval and moves nobody off it; and
    where two share the traffic, the same holds for the older one, whose interval grows from the other end.
    """

    def __init__(self, shares: Mapping[int, float], without: Collection[int] = ()):
        newest_first = sorted(((number, hundredths(percent)) for number, percent in shares.items() if percent))[::-1]
        self.revisions = [number for number, _ in newest_first]
        self._ends = list(accumulate(share for _, share in newest_first))
        self._without = frozenset(without)
        kept = {number: share for number, share in newest_first if number not in self._without}
        self._others = Split(_stretched(kept)) if self._without & set(self.revisions) and kept else None

    def at(self, position: int) -> int | None:
        """The revision whose interval it is in; that of one which is left out goes to the others by their shares."""
        index = bisect_right(self._ends, position)
        revision = self.revisions[index]
        if revision not in self._without:
            return revision
        if self._others is None:
            return None
        start = self._ends[index - 1] if index else 0
        return self._others.at((position - start) * WHOLE // (self._ends[index] - start))


def _stretched(shares: Mapping[int, int]) -> dict[int, float]:
    """Hundredths as percents that sum up to 100 again, as nearly as before in proportion.

    Their ends are rounded and not they themselves, whose errors would add up.
    """
    total = sum(shares.values())
    ends = [end * WHOLE // total for end in accumulate(shares.values())]
    return {number: (end - start) / 100 for number, start, end in zip(shares, [0, *ends], ends, strict=False)}


class Chooser:
    """Chooser(routes).choose(headers, b"15634602", turn)       # the number of the revision that answers

    Without some revisions, which are kept from answering, their requests go to the others, and everybody else stays
    where they are.
    """

    def __init__(self, routes: Routes, without: Collection[int] = ()):
        rules = [rule for rule in routes.headers if rule.revision not in without]
        self._rules = [(rule.name.encode(), rule.value.encode(), rule.revision) for rule in rules]
        self._service = routes.service
        self._split = Split({share.revision: share.percent for share in routes.traffic}, without)
        sticky = routes.sticky
        self.sticky_header = sticky.header.encode() if sticky and sticky.header else None
        self.sticky_field = sticky.field if sticky else None
        alive = [number for number in self._split.revisions if number not in without]
        self.only = alive[0] if len(alive) == 1 and not self._rules else None
        self.headers = frozenset(name for name, _, _ in self._rules) | (
            {self.sticky_header} if self.sticky_header else frozenset()
        )

    def choose(self, headers: Mapping[bytes, bytes], key: bytes | None, turns: Iterator[int]) -> int | None:
        """The revision for a request with these headers and this sticky value; None where none is left.

        turns gives the positions of requests that have no sticky value, as `spread` does.
        """
        for name, value, revision in self._rules:
            if headers.get(name) == value:
                return revision
        if key is None and self.sticky_header is not None:
            key = headers.get(self.sticky_header)
        return self._split.at(next(turns) if not key else position(self._service, key))


def position(service: str, key: bytes) -> int:
    """Where a sticky value stands, from 0 to 9,999: the same in every worker, environment and year.

    The first 8 bytes of its BLAKE2b, keyed with the service's name, so that one caller is not first everywhere.
    """
    digest = hashlib.blake2b(key, digest_size=8, key=service.encode()).digest()
    return int.from_bytes(digest, "big") % WHOLE


def spread(start: int) -> Iterator[int]:
    """Positions for requests that come one by one: each once in 10,000, and never many of one share in a row."""
    here = start % WHOLE
    while True:
        yield here
        here = (here + STEP) % WHOLE


class Copies(Struct, frozen=True):
    """Which requests a shadow gets copies of: those whose position is below its share, in hundredths."""

    revision: int
    below: int


def copies(routes: Routes, without: Collection[int] = ()) -> list[Copies]:
    """The shadows that get anything."""
    found = [Copies(one.revision, hundredths(one.percent)) for one in routes.shadows if one.revision not in without]
    return [one for one in found if one.below]
