"""Loop-turn batching, with a list of callbacks for an event loop."""

from itertools import count

from towpath.serving import batching, journal
from towpath.serving.batching import MOST_ROWS, SLICE_ROWS, Batcher


class Turns:
    """Callbacks that wait for their turn, and the calls a model got."""

    def __init__(self):
        self.waiting, self.calls, self.outcomes = [], [], []
        self.batcher = Batcher(self.double, self.waiting.append)

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
        turns.batcher.submit(row, turns.outcomes.append)
    turns.turn()

    assert turns.calls == [[1, 2, 3]] and turns.outcomes == [2, 4, 6]


def test_nothing_runs_before_the_turn():
    turns = Turns()
    turns.batcher.submit(1, turns.outcomes.append)

    assert turns.calls == [] and len(turns.waiting) == 1


def test_rows_of_a_later_turn_are_another_call():
    turns = Turns()
    turns.batcher.submit(1, turns.outcomes.append)
    turns.turn()
    turns.batcher.submit(2, turns.outcomes.append)
    turns.turn()

    assert turns.calls == [[1], [2]]


def test_a_row_that_the_model_fails_on_fails_alone():
    turns = Turns()
    for row in (1, "x", {}, 2):
        turns.batcher.submit(row, turns.outcomes.append)
    turns.run()

    assert turns.outcomes[:2] == [2, "xx"] and isinstance(turns.outcomes[2], TypeError) and turns.outcomes[3] == 4


def test_more_rows_than_fit_one_call_take_another_turn():
    turns = Turns()
    for row in range(MOST_ROWS + 1):
        turns.batcher.submit(row, turns.outcomes.append)
    turns.turn()
    in_first = len(turns.outcomes)
    turns.run()

    assert in_first == MOST_ROWS and turns.outcomes == [row * 2 for row in range(MOST_ROWS + 1)]


def test_a_large_batch_goes_in_slices_and_lets_single_rows_pass():
    turns, items = Turns(), list(range(3 * SLICE_ROWS + 5))
    turns.batcher.submit_batch(items, turns.work, turns.outcomes.append)
    turns.turn()
    turns.batcher.submit(7, turns.outcomes.append)
    turns.turn()

    assert turns.outcomes == [14]
    turns.run()
    assert turns.outcomes[1] == [item * 2 for item in items]
    assert max(map(len, turns.calls)) == SLICE_ROWS


def test_two_large_batches_take_turns():
    turns, ended = Turns(), []
    turns.batcher.submit_batch(list(range(10 * SLICE_ROWS)), turns.work, lambda outcome: ended.append("large"))
    turns.batcher.submit_batch(list(range(2 * SLICE_ROWS)), turns.work, lambda outcome: ended.append("small"))
    turns.run()

    assert ended == ["small", "large"]


def test_a_batch_that_fails_is_told_once_and_ends():
    turns = Turns()
    turns.batcher.submit_batch([*range(SLICE_ROWS), None, *range(SLICE_ROWS)], turns.work, turns.outcomes.append)
    turns.batcher.submit(1, turns.outcomes.append)
    turns.run()

    assert [type(outcome) for outcome in turns.outcomes] == [int, TypeError] and turns.waiting == []


def refuse_to_hear(outcome):
    raise BrokenPipeError("nobody reads this")


def test_who_cannot_take_an_answer_keeps_nobody_else_from_theirs(capfd):
    turns, items = Turns(), list(range(SLICE_ROWS + 1))
    turns.batcher.submit(1, refuse_to_hear)
    turns.batcher.submit(2, turns.outcomes.append)
    turns.batcher.submit_batch([3], turns.work, refuse_to_hear)
    turns.batcher.submit_batch([None], turns.work, refuse_to_hear)
    turns.batcher.submit_batch(items, turns.work, turns.outcomes.append)
    turns.run()
    turns.batcher.submit(5, turns.outcomes.append)
    turns.run()
    journal.flush()

    assert turns.outcomes == [4, [item * 2 for item in items], 10]
    assert capfd.readouterr().err.count('"event": "answer_failed", "error": "BrokenPipeError"') == 3


def test_what_waits_is_told_in_seconds_at_the_pace_of_late():
    turns = Turns()
    turns.batcher.submit(1, turns.outcomes.append)
    turns.run()
    assert turns.batcher.wait_seconds() == 0

    for row in range(100):
        turns.batcher.submit(row, turns.outcomes.append)
    singles = turns.batcher.wait_seconds()
    turns.batcher.submit_batch(list(range(300)), turns.work, turns.outcomes.append)
    assert singles > 0 and round(turns.batcher.wait_seconds(batch=True) / singles, 6) == 4

    turns.run()
    assert turns.batcher.wait_seconds(batch=True) == 0


def test_a_single_row_waits_for_one_slice_of_what_waits_in_batches():
    turns = Turns()
    turns.batcher.submit(1, turns.outcomes.append)
    turns.run()
    turns.batcher.submit_batch(list(range(100 * SLICE_ROWS)), turns.work, turns.outcomes.append)

    assert round(turns.batcher.wait_seconds(batch=True) / turns.batcher.wait_seconds(), 6) == 100


def test_a_process_that_stood_still_for_a_moment_is_not_believed_to_have_slowed_down(monkeypatch):
    clock, turns = iter([0, 0.001, 1, 1.001, 2, 12, 13, 13.001]), Turns()  # the third run takes ten seconds
    monkeypatch.setattr(batching, "perf_counter", lambda: next(clock))
    for _ in range(4):
        turns.batcher.submit(1, turns.outcomes.append)
        turns.run()
    for row in range(100):
        turns.batcher.submit(row, turns.outcomes.append)

    assert turns.batcher.wait_seconds() < 100 * 0.001


def test_a_model_that_became_slower_is_believed_after_some_runs(monkeypatch):
    clock, turns = count(), Turns()
    turns.batcher._row_seconds = 0.01
    monkeypatch.setattr(batching, "perf_counter", lambda: next(clock))  # each run takes a second
    for _ in range(70):
        turns.batcher.submit(1, turns.outcomes.append)
        turns.run()
    turns.batcher.submit(1, turns.outcomes.append)

    assert 0.9 < turns.batcher.wait_seconds() < 1.0


def test_a_batch_that_fails_waits_no_more():
    turns = Turns()
    turns.batcher.submit_batch([1, {}, 3], turns.work, turns.outcomes.append)
    turns.run()

    assert isinstance(turns.outcomes[0], TypeError) and turns.batcher.wait_seconds() == 0


def test_each_run_is_told_with_its_rows_and_its_seconds():
    turns, told = Turns(), []
    turns.batcher.ran = lambda rows, seconds: told.append((rows, seconds > 0))
    turns.batcher.submit(1, turns.outcomes.append)
    turns.batcher.submit_batch(list(range(SLICE_ROWS + 1)), turns.work, turns.outcomes.append)
    turns.run()

    assert told == [(1, True), (SLICE_ROWS, True), (1, True)]
