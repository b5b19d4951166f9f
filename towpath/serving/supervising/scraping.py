"""A worker that is scraped answers for all: its supervisor asks the others, adds up, and waits for nobody long."""

from collections.abc import Callable, Iterable
from itertools import count
from typing import Protocol

from towpath.core.errors import TowpathError
from towpath.serving.supervising.channel import Channel
from towpath.serving.supervising.sums import (
    Exposition,
    Family,
    kept,
    read_exposition,
    summed,
    without_retired,
    written_exposition,
)

WAIT_SECONDS = 0.05  # for a worker that is asked what it counted; then what it said last counts
NOTHING: Exposition = {}


class Counting(Protocol):
    """A worker as far as its counts go."""

    slot: int
    channel: Channel


class _Scrape:
    """One question, until all have answered or the time is up."""

    def __init__(self, asker: Counting, number: int, waiting: set[Counting], until: float):
        self.asker, self.number, self.waiting, self.until = asker, number, waiting, until


class Scraping:
    """`workers` gives those that serve, the ones that leave their slot marked False; `own` the supervisor's figures."""

    def __init__(self, workers: Callable[[], Iterable[tuple[Counting, bool]]], own: Callable[[], dict[str, Family]]):
        self._workers, self._own = workers, own
        self._numbers = count(1)
        self._open: dict[int, _Scrape] = {}
        self._last: dict[Counting, Exposition] = {}
        self._gone: Exposition = {}

    def begin(self, asker: Counting, number: int, text: str, now: float) -> None:
        """A worker is scraped: it tells its own counts and the number by which it knows the question."""
        self._note(asker, text)
        others = {worker for worker, _ in self._workers() if worker is not asker}
        mine = next(self._numbers)
        self._open[mine] = _Scrape(asker, number, others, now + WAIT_SECONDS)
        for worker in others:
            worker.channel.say(tell=mine)
        self._finish(mine)

    def take(self, worker: Counting, number: int, text: str) -> None:
        """Another worker's answer, late ones too: it counts next time."""
        self._note(worker, text)
        if scrape := self._open.get(number):
            scrape.waiting.discard(worker)
            self._finish(number)

    def take_last(self, worker: Counting, text: str) -> None:
        """The last words of a worker that ends."""
        self._note(worker, text)

    def forget(self, worker: Counting) -> None:
        """It is gone, what it has counted stays."""
        self._gone = kept(self._gone, self._last.pop(worker, NOTHING))
        for number, scrape in list(self._open.items()):
            scrape.waiting.discard(worker)
            self._finish(number)

    def expire(self, now: float) -> None:
        """Answer those that have waited long enough."""
        for number, scrape in list(self._open.items()):
            if now >= scrape.until:
                scrape.waiting.clear()
                self._finish(number)

    def until(self) -> float | None:
        """When the next has waited long enough."""
        return min((scrape.until for scrape in self._open.values()), default=None)

    def _finish(self, number: int) -> None:
        scrape = self._open[number]
        if not scrape.waiting:
            del self._open[number]
            scrape.asker.channel.say(sum=scrape.number, text=written_exposition(self._sum()))

    def _sum(self) -> Exposition:
        told = [(worker, stays) for worker, stays in self._workers() if worker in self._last]
        if len(told) == len(list(self._workers())):
            self._gone = without_retired(self._gone, [self._last[worker] for worker, _ in told])
        # Of one that leaves its slot only the counts: what is true of its slot is its successor's to tell.
        here = [(one.slot, self._last[one] if stays else kept(NOTHING, self._last[one])) for one, stays in told]
        return summed(here, self._gone) | self._own()

    def _note(self, worker: Counting, text: str) -> None:
        try:
            self._last[worker] = read_exposition(text)
        except TowpathError:  # a worker of newer code may write otherwise; what it said before stands
            self._last.setdefault(worker, NOTHING)
