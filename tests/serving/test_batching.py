"""Loop-turn batching, with a list of callbacks for an event loop."""

from itertools import chain, count

from towpath.serving import batching, journal
from towpath.serving.batching import FEWEST_ROWS, FIRST_ROWS, MOST_ROWS, SLICE_SECONDS, Batcher


class Turns:
    """Callbacks that wait for their turn, and the calls a model got."""

    def __init__(self):
        self.waiting, self.calls, self.outcomes, self.tickets = [], [], [], []
        self.batcher = Batcher(self.double, self.waiting.append)

    def submit(self, row, take=None, began=0.0):
        self.batcher.submit(row, f"ticket {row}", take or self.take, began)

    def submit_batch(self, items):
        self.batcher.submit_batch(items, self.work, self.outcomes.append)

    def take(self, tickets, outcome):
        self.tickets += tickets
        self.outcomes += [outcome] if isinstance(outcome, Exception) else outcome

    def double(self, rows):
        self.calls.append(list(rows))
        return [row * 2 for row in rows]

    def turn(self):
        callbacks, self.waiting[:] = list(self.waiting), []
        for callback in callbacks:
            callback()

    def run(self):
        while self.waiting:
            self.turn()

    def work(self, items):
        return self.double(items)


def test_all_rows_of_a_turn_go_through_the_model_at_once():
    turns = Turns()
    for row in (1, 2, 3):
        turns.submit(row)
    turns.turn()

    assert turns.calls == [[1, 2, 3]] and turns.outcomes == [2, 4, 6]
    assert turns.tickets == ["ticket 1", "ticket 2", "ticket 3"]


def test_each_taker_of_a_turn_gets_its_own_rows():
    turns, others = Turns(), []
    for row, take in enumerate(
        (None, lambda tickets, outcome: others.extend(zip(tickets, outcome, strict=True)), None)
    ):
        turns.submit(row, take)
    turns.turn()

    assert (turns.outcomes, others) == ([0, 4], [("ticket 1", 2)])


def test_the_seconds_that_requests_waited_and_were_in_the_model_are_told(monkeypatch):
    turns, told, now = Turns(), [], [10.0]
    monkeypatch.setattr(batching, "perf_counter", lambda: now[0])
    turns.batcher._run = lambda rows: now.insert(0, now[0] + 0.5) or rows
    turns.batcher.staged = lambda *seconds: told.append(seconds)
    turns.submit(1, began=9.0)
    turns.submit(2, began=7.0)
    turns.turn()

    assert told == [(1.0 + 3.0, 0.5 + 0.5)]


def test_nothing_runs_before_the_turn():
    turns = Turns()
    turns.submit(1)

    assert turns.calls == [] and len(turns.waiting) == 1


def test_rows_of_a_later_turn_are_another_call():
    turns = Turns()
    turns.submit(1)
    turns.turn()
    turns.submit(2)
    turns.turn()

    assert turns.calls == [[1], [2]]


def test_a_row_that_the_model_fails_on_fails_alone():
    turns = Turns()
    for row in (1, "x", {}, 2):
        turns.submit(row)
    turns.run()

    assert turns.outcomes[:2] == [2, "xx"] and isinstance(turns.outcomes[2], TypeError) and turns.outcomes[3] == 4


def test_more_rows_than_fit_one_call_take_another_turn():
    turns = Turns()
    for row in range(MOST_ROWS + 1):
        turns.submit(row)
    turns.turn()
    in_first = len(turns.outcomes)
    turns.run()

    assert in_first == MOST_ROWS and turns.outcomes == [row * 2 for row in range(MOST_ROWS + 1)]


def test_a_large_batch_goes_in_slices_and_lets_single_rows_pass():
    turns, items = Turns(), list(range(10 * MOST_ROWS))
    turns.submit_batch(items)
    turns.turn()
    turns.submit(7)
    turns.turn()

    assert turns.outcomes == [14] and len(turns.calls[0]) == FIRST_ROWS
    turns.run()
    assert list(chain.from_iterable(turns.outcomes[1])) == [item * 2 for item in items]
    assert max(map(len, turns.calls)) <= 2 * MOST_ROWS


def test_a_slice_takes_about_a_millisecond_at_the_pace_of_late():
    turns, sizes = Turns(), []
    for pace in (1e-9, 1e-5, 1e-4, 1.0):
        turns.batcher._row_seconds = pace
        turns.batcher._note(1, pace)
        sizes.append(turns.batcher._slice_rows)

    assert sizes == [2 * MOST_ROWS, round(SLICE_SECONDS / 1e-5), round(SLICE_SECONDS / 1e-4), FEWEST_ROWS]


def test_two_large_batches_take_turns():
    turns, ended = Turns(), []
    turns.batcher.submit_batch(list(range(5_000)), turns.work, lambda outcome: ended.append("large"))
    turns.batcher.submit_batch(list(range(300)), turns.work, lambda outcome: ended.append("small"))
    turns.run()

    assert ended == ["small", "large"]


def test_a_batch_that_fails_is_told_once_and_ends():
    turns = Turns()
    turns.submit_batch([*range(FIRST_ROWS), None, *range(FIRST_ROWS)])
    turns.submit(1)
    turns.run()

    assert [type(outcome) for outcome in turns.outcomes] == [int, TypeError] and turns.waiting == []


def refuse_to_hear(*outcome):
    raise BrokenPipeError("nobody reads this")


def test_who_cannot_take_an_answer_keeps_nobody_else_from_theirs(capfd):
    turns, items = Turns(), list(range(FEWEST_ROWS))
    turns.submit(1, refuse_to_hear)
    turns.submit(2)
    turns.batcher.submit_batch([3], turns.work, refuse_to_hear)
    turns.batcher.submit_batch([None], turns.work, refuse_to_hear)
    turns.submit_batch(items)
    turns.run()
    turns.submit(5)
    turns.run()
    journal.flush()

    assert turns.outcomes == [4, [[item * 2 for item in items]], 10]
    assert capfd.readouterr().err.count('"event": "answer_failed", "error": "BrokenPipeError"') == 3


def test_what_waits_is_told_in_seconds_at_the_pace_of_late():
    turns = Turns()
    turns.submit(1)
    turns.run()
    assert turns.batcher.wait_seconds() == 0

    for row in range(100):
        turns.submit(row)
    singles = turns.batcher.wait_seconds()
    turns.submit_batch(list(range(300)))
    assert singles > 0 and round(turns.batcher.wait_seconds(batch=True) / singles, 6) == 4

    turns.run()
    assert turns.batcher.wait_seconds(batch=True) == 0


def test_a_single_row_waits_for_one_slice_of_what_waits_in_batches():
    turns = Turns()
    turns.submit(1)
    turns.run()
    turns.submit_batch(list(range(100 * turns.batcher._slice_rows)))

    assert round(turns.batcher.wait_seconds(batch=True) / turns.batcher.wait_seconds(), 6) == 100


def test_a_process_that_stood_still_for_a_moment_is_not_believed_to_have_slowed_down(monkeypatch):
    pairs = ((0, 0.001), (1, 1.001), (2, 12), (13, 13.001))  # the third run takes ten seconds
    clock, turns = chain.from_iterable((begin, begin, end, end) for begin, end in pairs), Turns()
    monkeypatch.setattr(batching, "perf_counter", lambda: next(clock))
    for _ in range(4):
        turns.submit(1)
        turns.run()
    for row in range(100):
        turns.submit(row)

    assert turns.batcher.wait_seconds() < 100 * 0.001


def test_a_model_that_became_slower_is_believed_after_some_runs(monkeypatch):
    clock, turns = count(), Turns()
    turns.batcher._row_seconds = 0.01
    monkeypatch.setattr(batching, "perf_counter", lambda: next(clock) / 3)  # each run takes a second
    for _ in range(70):
        turns.submit(1)
        turns.run()
    turns.submit(1)

    assert 0.9 < turns.batcher.wait_seconds() < 1.0


def test_a_batch_that_fails_waits_no_more():
    turns = Turns()
    turns.submit_batch([1, {}, 3])
    turns.run()

    assert isinstance(turns.outcomes[0], TypeError) and turns.batcher.wait_seconds() == 0


def test_each_run_is_told_with_its_rows_and_its_seconds():
    turns, told = Turns(), []
    turns.batcher.ran = lambda rows, seconds: told.append((rows, seconds > 0))
    turns.submit(1)
    turns.submit_batch(list(range(2 * MOST_ROWS + 1)))
    turns.run()

    assert told[0] == (1, True) and sum(rows for rows, _ in told) == 2 * MOST_ROWS + 2 and all(at for _, at in told)
