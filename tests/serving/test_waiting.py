"""Requests that wait while a service is paused: in order, bounded in number, bytes and time."""

from types import SimpleNamespace

import pytest

from towpath.serving.routing import waiting
from towpath.serving.routing.waiting import AT_ONCE, Waiting


class Clock:
    """A loop's call_later whose time passes when it is told."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def call_later(self, seconds, call):
        timer = SimpleNamespace(at=self.now + seconds, call=call, cancelled=False)
        timer.cancel = lambda: setattr(timer, "cancelled", True)
        self.timers.append(timer)
        return timer

    def turn(self, seconds=0.0):
        self.now += seconds
        due, self.timers = [t for t in self.timers if t.at <= self.now], [t for t in self.timers if t.at > self.now]
        for timer in sorted(due, key=lambda timer: timer.at):
            if not timer.cancelled:
                timer.call()


@pytest.fixture
def clock():
    return Clock()


def held(waiting, count, again, seconds=5.0, body=b"x"):
    return [waiting.hold(SimpleNamespace(body=body, number=i), again, seconds) for i in range(count)]


def test_what_waits_goes_on_in_its_order_some_in_every_turn(clock):
    answered, refused = [], []
    queue = Waiting(clock.call_later, 1000, refused.append)
    held(queue, 100, lambda one: answered.append(one.number))
    queue.release()
    clock.turn()

    assert answered == list(range(AT_ONCE))
    clock.turn()
    assert answered == list(range(100)) and refused == [] and len(queue) == 0


def test_what_waits_too_long_is_given_up(clock):
    refused = []
    queue = Waiting(clock.call_later, 1000, lambda one: refused.append(one.number))
    held(queue, 2, pytest.fail, seconds=5.0)
    clock.turn(4.9)

    assert refused == []
    clock.turn(0.2)
    assert refused == [0, 1] and len(queue) == 0


def test_only_so_many_wait(clock):
    queue = Waiting(clock.call_later, 3, pytest.fail)

    assert held(queue, 5, pytest.fail) == [True, True, True, False, False]


def test_only_so_many_bytes_wait_and_what_leaves_makes_room(clock, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_BYTES", 100)
    queue = Waiting(clock.call_later, 1000, lambda one: None)

    assert held(queue, 3, pytest.fail, body=b"x" * 50) == [True, True, False]
    clock.turn(6)
    assert held(queue, 1, pytest.fail, body=b"x" * 100) == [True]


def test_who_is_paused_again_while_they_go_on_waits_on(clock):
    answered = []
    queue = Waiting(clock.call_later, 1000, pytest.fail)
    held(queue, 100, lambda one: answered.append(one.number))
    queue.release()
    clock.turn()
    queue.stop_releasing()
    clock.turn()

    assert len(answered) == AT_ONCE and len(queue) == 100 - AT_ONCE
    queue.release()
    clock.turn()
    assert answered == list(range(100))


def test_a_worker_that_stops_keeps_nobody_waiting(clock):
    refused = []
    queue = Waiting(clock.call_later, 1000, refused.append)
    held(queue, 10, pytest.fail)
    queue.hold_no_more()
    clock.turn(60)

    assert len(refused) == 10
