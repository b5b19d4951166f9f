"""Durations counted in bins of equal relative width: any number of them in 20 kB, and quantiles within 1.6 %."""

import math

PARTS = 64  # bins in each doubling: a bin is at most 1/64, 1.6 %, wide
UNIT = 1e-6  # seconds in the first doubling; what is shorter counts as one microsecond
DOUBLINGS = 40  # up to 12 days


class Latencies:
    """Durations in seconds, by bin; the largest and the sum are kept exactly."""

    def __init__(self) -> None:
        self.count = 0
        self.total = self.largest = 0.0
        self._bins = [0] * (PARTS * DOUBLINGS)

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.largest = max(self.largest, seconds)
        self._bins[_bin(seconds)] += 1

    @property
    def mean(self) -> float:
        """In seconds; 0 where nothing was counted."""
        return self.total / self.count if self.count else 0.0

    def quantile(self, share: float) -> float:
        """The duration within which this share of them lies: the upper edge of its bin, 0 where nothing was counted.

        The nearest rank, so that a quantile is never shorter than the duration that really stood there.
        """
        rank, seen = max(1, math.ceil(share * self.count)), 0
        for position, count in enumerate(self._bins):
            seen += count
            if count and seen >= rank:
                return min(_upper(position), self.largest)
        return 0.0

    def above(self, seconds: float) -> int:
        """How many took longer, counted by whole bins: those that surely did."""
        return sum(self._bins[_bin(seconds) + 1 :])


def _bin(seconds: float) -> int:
    """frexp gives value = part * 2^doubling with part in [0.5, 1)."""
    part, doubling = math.frexp(max(seconds / UNIT, 1.0))
    return min((doubling - 1) * PARTS + int((part - 0.5) * 2 * PARTS), PARTS * DOUBLINGS - 1)


def _upper(position: int) -> float:
    if position == PARTS * DOUBLINGS - 1:
        return math.inf
    doubling, part = divmod(position, PARTS)
    return math.ldexp(1.0 + (part + 1) / PARTS, doubling) * UNIT
