"""Copies of requests for revisions that nobody hears: after the reply, in a thread of their own, within a budget."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from typing import NamedTuple

import msgspec
from msgspec import Struct

from towpath.engine.answers import Seen, together
from towpath.serving import journal
from towpath.serving.exchange import Exchange
from towpath.serving.model import NOT_FINITE, Model
from towpath.serving.reading import BreaksContract
from towpath.serving.recording import PredictionLog, Source
from towpath.serving.routing.table import Table
from towpath.serving.running import MARK, SHADOW
from towpath.serving.telemetry import Telemetry

ROOM = 1_024  # records that wait; what a model of 100 us works off in a tenth of a second
ROOM_BYTES = 32 << 20  # of the requests that these came in: long texts are large
SLICE = 64  # records of a batch in one run, so that one large batch keeps no thread from Python for long
BURST_SECONDS = 0.1  # of the budget that may be saved up
QUIET_SECONDS = 1.0  # between two failures that are told
OUTCOMES = ("answered", "failed", "refused", "dropped")

_COPIES = ("towpath_shadow_total", "Records copied to a shadow, by what became of them.")
_SECONDS = ("towpath_shadow_seconds_total", "Seconds that shadows worked.")

CallSoon = Callable[[Callable[[], None]], object]
"""The loop's call_soon_threadsafe."""


class Shadowing:
    """Shadowing(...).use(table) at a swap, .offer(exchanges, live, records, turns) after answers, both in the loop.

    Its thread waits for nobody and nobody waits for it: where it is slow, fails or hangs, copies are dropped.
    """

    def __init__(
        self, service: str, telemetry: Telemetry, call_soon: CallSoon, log: PredictionLog | None, share: float
    ):
        self._call_soon, self._log, self._share = call_soon, log, share
        self._counters = {one: telemetry.counter(*_COPIES, service=service, outcome=one) for one in OUTCOMES}
        telemetry.reading(*_SECONDS, lambda: self._spent, service=service)
        self._spent = self._saved = 0.0
        self._looked, self._told = time.monotonic(), 0.0
        self._wants: list[tuple[int, Model, Source]] = []
        self._line = Line()
        self._thread: threading.Thread | None = None

    def use(self, table: Table) -> None:
        """The copies that this table asks for from now on."""
        shadows = [(one.below, table.shadows[one.revision]) for one in table.copies]
        self._wants = [(below, model, Source(model, shadow=True)) for below, model in shadows]
        if self._wants and self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._line,), name="shadow", daemon=True)
            self._thread.start()
        elif not self._wants and self._thread is not None:
            self._line.tasks.put(None)
            self._line, self._thread = Line(), None  # another one, should this thread hang

    @property
    def wanted(self) -> bool:
        """Whether anything is copied at all."""
        return bool(self._wants)

    def offer(
        self, exchanges: Sequence[Exchange], live: Model, records: Sequence[Struct], turns: Iterator[int]
    ) -> None:
        """Copy what was answered to each shadow whose turn it is: requests of a record each, or one of many."""
        places = [next(turns) for _ in exchanges]
        for below, model, source in self._wants:
            chosen = [i for i, place in enumerate(places) if place < below]
            if chosen and len(exchanges) == len(records):
                asked = Asked([exchanges[i] for i in chosen], live, [records[i] for i in chosen])
                self._copy(asked, model, source)
            elif chosen:
                self._copy(Asked(exchanges, live, records), model, source)

    def _copy(self, asked: "Asked", model: Model, source: Source) -> None:
        line, rows, size = self._line, len(asked.records), asked.size
        if line.rows + rows > ROOM or line.bytes + size > ROOM_BYTES or not self._affords():
            self._counters["dropped"].add(rows)
            return
        line.rows += rows
        line.bytes += size
        line.tasks.put(partial(self._run, asked, model, source, line))

    def _affords(self) -> bool:
        """Whether the thread has worked less than its share of the time, but for what is saved up."""
        now = time.monotonic()
        self._saved = min(BURST_SECONDS, self._saved + (now - self._looked) * self._share)
        self._looked = now
        return self._saved > 0

    def _run(self, asked: "Asked", model: Model, source: Source, line: "Line") -> None:
        """In the thread: what the shadow would have answered; where it fails on some, each is tried by itself."""
        began = time.perf_counter()
        outcomes = [(asked, *self._outcome(asked, model))]
        if outcomes[0][1] != "answered" and len(asked.exchanges) > 1:
            outcomes = [(one, *self._outcome(one, model)) for one in asked.each()]
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever would count this
            self._call_soon(partial(self._done, asked, outcomes, source, line, time.perf_counter() - began))

    def _outcome(self, asked: "Asked", model: Model) -> tuple[str, Sequence[Struct], Seen | None]:
        """What became of it, with the records as the shadow reads them and what it sees of them."""
        lane = MARK.lane(SHADOW)
        lane.enter(MARK.index(model.bundle.id))
        try:
            records = _as_its_own(asked.records, asked.live, model)
            return "answered", records, _seen(records, model)
        except BreaksContract:
            return "refused", (), None
        except Exception as error:  # the door: a shadow's fault is nobody's
            self._tell(asked, model, error)
            return "failed", (), None
        finally:
            lane.leave()

    def _tell(self, asked: "Asked", model: Model, error: Exception) -> None:
        """At most once a second: a shadow that fails on everything would fill the log."""
        if (now := time.monotonic()) - self._told < QUIET_SECONDS:
            return
        self._told = now
        request, revision = asked.exchanges[0].request_id, model.revision
        journal.tell("shadow_failed", request_id=request, revision=revision, **journal.traced(error))

    def _done(
        self,
        whole: "Asked",
        outcomes: Sequence[tuple["Asked", str, Sequence[Struct], Seen | None]],
        source: Source,
        line: "Line",
        seconds: float,
    ) -> None:
        """Back in the loop, whose counters and log these are."""
        self._spent += seconds
        self._saved -= seconds
        line.rows -= len(whole.records)
        line.bytes -= whole.size
        for asked, outcome, records, seen in outcomes:
            self._counters[outcome].add(len(asked.records))
            if seen is not None and self._log:
                self._log.put(source, asked.exchanges, records, seen)


class Line:
    """What waits for one thread, and how much of it the loop has not heard of yet."""

    def __init__(self) -> None:
        self.tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.rows = self.bytes = 0


class Asked(NamedTuple):
    """Requests of a record each, or one of many, and the model that answered them."""

    exchanges: Sequence[Exchange]
    live: Model
    records: Sequence[Struct]

    @property
    def size(self) -> int:
        """Bytes of the requests, which is about what they take while they wait."""
        return sum(len(exchange.body) for exchange in self.exchanges)

    def each(self) -> Iterator["Asked"]:
        for exchange, record in zip(self.exchanges, self.records, strict=True):
            yield Asked([exchange], self.live, [record])


def _work(line: Line) -> None:
    while (task := line.tasks.get()) is not None:
        task()


def _seen(records: Sequence[Struct], model: Model) -> Seen:
    """Raises FloatingPointError, or what the engine does."""
    parts = []
    for start in range(0, len(records), SLICE):
        # Not the model's own see: its mark is the loop's.
        parts.append(model.engine.see([model.prepare(one) for one in records[start : start + SLICE]]))
        if not parts[-1].finite:
            raise FloatingPointError(NOT_FINITE)
    return together(parts)


def _as_its_own(records: Sequence[Struct], live: Model, shadow: Model) -> Sequence[Struct]:
    """The records as the shadow's contract reads them. Raises BreaksContract."""
    if live.contract.record == shadow.contract.record:
        return records
    return [shadow.reader.plain(msgspec.to_builtins(one)) for one in records]
