"""Loop-turn batching: all rows that arrived in one turn of the event loop go through the model in one call.

There is no timer: waiting even 1 ms was measured ten times slower at one connection, and slower at 128 as well.
"""

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from towpath.serving import journal

Done = Callable[[Any], None]
"""Told what came out for one row, or the exception that came instead."""

Ran = Callable[[int, float], None]
"""Told how many rows went through the model in one run, and the seconds until all of them were answered."""

MOST_ROWS = 128  # in one call: about a millisecond, after which sockets get their turn
PACE_WEIGHT = 0.1  # of the newest run in the pace: after ten runs a new pace is believed
MOST_SLOWER = 2.0  # times the pace that one run may tell of: a process that stood still for a moment did not slow down
SLICE_ROWS = 64  # of a large batch in one turn: single rows wait for one slice at most


class Batcher:
    """Rows in, outcomes out, in the same loop turn; large batches take turns and let single rows pass."""

    def __init__(
        self, run: Callable[[Sequence[Any]], Sequence[Any]], call_soon: Callable[[Callable[[], None]], object]
    ):
        self._run, self._call_soon = run, call_soon
        self.ran: Ran = lambda rows, seconds: None
        self._row_seconds = 0.0  # that a row took of late
        self._batch_rows = 0  # that wait in batches
        self._rows: list[tuple[Any, Done]] = []
        self._batches: deque[_Batch] = deque()
        self._scheduled = False

    def submit(self, row: Any, done: Done) -> None:
        """One row, answered before the loop looks at its sockets again."""
        self._rows.append((row, done))
        self._schedule()

    def submit_batch(self, items: Sequence[Any], work: Callable[[Sequence[Any]], list[Any]], done: Done) -> None:
        """Many items, worked on slice by slice over several turns; done gets all results, or the first error."""
        self._batches.append(_Batch(items, work, done))
        self._batch_rows += len(items)
        self._schedule()

    def wait_seconds(self, batch: bool = False) -> float:
        """How long what comes now will wait, at the pace of late; a single row lets only slices of batches pass."""
        rows, slices = len(self._rows), len(self._rows) // MOST_ROWS + 1
        ahead = self._batch_rows if batch else min(self._batch_rows, slices * SLICE_ROWS)
        return (rows + ahead) * self._row_seconds

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        arrived, self._rows = self._rows[:MOST_ROWS], self._rows[MOST_ROWS:]
        if arrived:
            began = perf_counter()
            for (_, done), outcome in zip(arrived, self._outcomes([row for row, _ in arrived]), strict=True):
                _deliver(done, outcome)
            self._note(len(arrived), perf_counter() - began)
        if self._batches:
            self._work_on(self._batches.popleft())
        if self._rows or self._batches:
            self._schedule()

    def _work_on(self, batch: "_Batch") -> None:
        before, began = batch.left, perf_counter()
        if batch.step():
            self._batches.append(batch)
        self._batch_rows -= before - batch.left
        self._note(min(before, SLICE_ROWS), perf_counter() - began)

    def _note(self, rows: int, seconds: float) -> None:
        known = self._row_seconds
        pace = min(seconds / rows, known * MOST_SLOWER) if known else seconds / rows
        self._row_seconds += (pace - known) * PACE_WEIGHT
        self.ran(rows, seconds)

    def _outcomes(self, rows: Sequence[Any]) -> Sequence[Any]:
        """What the model gives for each row. A row it fails on fails alone."""
        try:
            return self._run(rows)
        except Exception as error:  # the door to the model: whatever it raises is that row's outcome
            return [error] if len(rows) == 1 else [self._outcomes([row])[0] for row in rows]


class _Batch:
    """A batch under way."""

    def __init__(self, items: Sequence[Any], work: Callable[[Sequence[Any]], list[Any]], done: Done):
        self._items, self._work, self._done = items, work, done
        self._results: list[Any] = []
        self.left = len(items)

    def step(self) -> bool:
        """Work on the next slice; whether more is to do."""
        start = len(self._results)
        try:
            self._results += self._work(self._items[start : start + SLICE_ROWS])
        except Exception as error:  # the door to the model
            self.left = 0
            _deliver(self._done, error)
            return False
        self.left = len(self._items) - len(self._results)
        if len(self._results) < len(self._items):
            return True
        _deliver(self._done, self._results)
        return False


def _deliver(done: Done, outcome: Any) -> None:
    try:
        done(outcome)
    except Exception as error:  # the door: who cannot take an answer keeps nobody else from theirs
        journal.tell("answer_failed", **journal.traced(error))
