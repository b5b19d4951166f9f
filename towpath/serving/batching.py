"""Loop-turn batching: all rows that arrived in one turn of the event loop go through the model in one call.

There is no timer: waiting even 1 ms was measured ten times slower at one connection, and slower at 128 as well.
"""

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from towpath.serving import journal

Take = Callable[[Sequence[Any], Any], None]
"""Told the tickets of some rows and what came out for these rows; of one alone it may be the exception that came."""

Done = Callable[[Any], None]
"""Told what came out for the slices of a batch, or the exception that came instead."""

Ran = Callable[[int, float], None]
"""Told how many rows went through the model in one run, and the seconds until all of them were answered."""

Staged = Callable[[float, float], None]
"""Told the seconds that requests waited for the model and those that they spent in it, added up over requests."""

MOST_ROWS = 128  # in one call: about a millisecond, after which sockets get their turn
PATIENCE_SECONDS = 0.25  # that what comes may wait, unless whoever installs the model knows better
PACE_WEIGHT = 0.1  # of the newest run in the pace: after ten runs a new pace is believed
MOST_SLOWER = 2.0  # times the pace that one run may tell of: a process that stood still for a moment did not slow down
SLICE_SECONDS = 0.001  # of a large batch in one turn: single rows wait for one slice at most
FEWEST_ROWS, FIRST_ROWS = 8, 32  # in a slice: of the slowest model, and before anybody knows how slow it is


class Batcher:
    """Rows in, outcomes out, in the same loop turn; large batches take turns and let single rows pass."""

    def __init__(self, run: Callable[[Sequence[Any]], Any], call_soon: Callable[[Callable[[], None]], object]):
        self._run, self._call_soon = run, call_soon
        self.ran: Ran = lambda rows, seconds: None
        self.staged: Staged = lambda waited, modelled: None
        self.patience_seconds = PATIENCE_SECONDS
        self._surely = 0  # so many single rows can wait without a look at the clock
        self._row_seconds = 0.0  # that a row took of late
        self._slice_rows = FIRST_ROWS
        self._batch_rows = 0  # that wait in batches
        self._rows: list[tuple[Any, Any, Take, float]] = []
        self._modelled = 0.0  # seconds in the model of this turn, added up over its rows
        self._batches: deque[_Batch] = deque()
        self._scheduled = False

    def submit(self, row: Any, ticket: Any, take: Take, began: float) -> None:
        """One row, answered before the loop looks at its sockets again; its taker is told of all its rows at once.

        began is when its request was whole, by perf_counter.
        """
        self._rows.append((row, ticket, take, began))
        if not self._scheduled:
            self._schedule()

    def submit_batch(self, items: Sequence[Any], work: Callable[[Sequence[Any]], Any], done: Done) -> None:
        """Many items, worked on slice by slice over some turns; done gets the slices' results, or the first error."""
        self._batches.append(_Batch(items, work, done))
        self._batch_rows += len(items)
        self._schedule()

    def is_busy(self, batch: bool = False) -> bool:
        """Whether more waits before a row, or a batch, that comes now than will be answered in time."""
        if not batch and len(self._rows) < self._surely:
            return False
        return self.wait_seconds(batch) > self.patience_seconds

    def wait_seconds(self, batch: bool = False) -> float:
        """How long what comes now will wait, at the pace of late; a single row lets only slices of batches pass."""
        rows, slices = len(self._rows), len(self._rows) // MOST_ROWS + 1
        ahead = self._batch_rows if batch else min(self._batch_rows, slices * self._slice_rows)
        return (rows + ahead) * self._row_seconds

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        arrived, self._rows = self._rows[:MOST_ROWS], self._rows[MOST_ROWS:]
        if arrived:
            self._answer_all(*zip(*arrived, strict=True))
        if self._batches:
            self._work_on(self._batches.popleft())
        if self._rows or self._batches:
            self._schedule()

    def _work_on(self, batch: "_Batch") -> None:
        before, rows, began = batch.left, self._slice_rows, perf_counter()
        if batch.step(rows):
            self._batches.append(batch)
        self._batch_rows -= before - batch.left
        ended = perf_counter()
        self._note(min(before, rows), ended - began)
        self.staged(began - batch.rested, ended - began)
        batch.rested = ended

    def _note(self, rows: int, seconds: float) -> None:
        known = self._row_seconds
        pace = min(seconds / rows, known * MOST_SLOWER) if known else seconds / rows
        self._row_seconds += (pace - known) * PACE_WEIGHT
        self._slice_rows = max(FEWEST_ROWS, min(int(SLICE_SECONDS / self._row_seconds), 2 * MOST_ROWS))
        self._surely = min(int(self.patience_seconds / self._row_seconds) // 2, MOST_ROWS) - self._slice_rows
        self.ran(rows, seconds)

    def _answer_all(
        self, rows: Sequence[Any], tickets: Sequence[Any], takes: Sequence[Take], begans: Sequence[float]
    ) -> None:
        began, self._modelled = perf_counter(), 0.0
        different = dict.fromkeys(takes)  # nearly always it is one
        for take in different:
            mine = [i for i, one in enumerate(takes) if one == take] if len(different) > 1 else range(len(takes))
            self._answer(take, [rows[i] for i in mine], [tickets[i] for i in mine])
        self._note(len(rows), perf_counter() - began)
        self.staged(len(rows) * began - sum(begans), self._modelled)

    def _answer(self, take: Take, rows: Sequence[Any], tickets: Sequence[Any]) -> None:
        """Run the model and deliver. A row it fails on fails alone."""
        began = perf_counter()
        try:
            outcome = self._run(rows)
        except Exception as error:  # the door to the model: whatever it raises is that row's outcome
            if len(rows) == 1:
                return _deliver(take, tickets, error)
            for row, ticket in zip(rows, tickets, strict=True):
                self._answer(take, [row], [ticket])
        else:
            self._modelled += (perf_counter() - began) * len(rows)
            _deliver(take, tickets, outcome)


class _Batch:
    """A batch under way."""

    def __init__(self, items: Sequence[Any], work: Callable[[Sequence[Any]], Any], done: Done):
        self._items, self._work, self._done = items, work, done
        self._results: list[Any] = []
        self.left = len(items)
        self.rested = perf_counter()  # since when it has waited for its next slice

    def step(self, rows: int) -> bool:
        """Work on the next slice; whether more is to do."""
        start = len(self._items) - self.left
        try:
            self._results.append(self._work(self._items[start : start + rows]))
        except Exception as error:  # the door to the model
            self.left = 0
            _deliver(self._done, error)
            return False
        self.left = max(self.left - rows, 0)
        if self.left:
            return True
        _deliver(self._done, self._results)
        return False


def _deliver(taker: Callable[..., None], *outcome: Any) -> None:
    try:
        taker(*outcome)
    except Exception as error:  # the door: who cannot take an answer keeps nobody else from theirs
        journal.tell("answer_failed", **journal.traced(error))
