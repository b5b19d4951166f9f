"""How stops are summed up, and one real stop of each kind with stuck clients."""

import asyncio
import signal
from collections import Counter

import pytest

from bench.stops import Stopped, broken, stop, summed_up


def stopped(seconds: float = 6.1, code: int = 0, left: int = 0, **under_way: int) -> Stopped:
    statuses = Counter({int(name[1:]): many for name, many in under_way.items()})
    return Stopped(False, seconds, code, statuses, Counter({200: 3, 0: 1}), left)


def test_whatever_was_under_way_and_not_answered_with_200_has_failed():
    told = summed_up([stopped(_200=5), stopped(_200=4, _503=2, _0=1)])

    assert (told["failed"], told["under_way"], told["asked_later"], told["of_these_failed"]) == (3, 12, 8, 2)
    assert broken(told) == ["3 of 12 requests under way were not answered"]


def test_one_late_stop_is_one_too_many():
    assert broken(summed_up([stopped(), stopped(8.01)])) == ["a stop took 8.01 s, promised are 8.0"]


@pytest.mark.parametrize("odd", [stopped(code=-14), stopped(left=1)])
def test_so_is_a_process_that_ended_otherwise_or_not(odd):
    assert len(broken(summed_up([stopped(), odd]))) == 1


def test_orderly_stops_keep_every_promise():
    assert broken(summed_up([stopped(_200=5), stopped(7.9, _200=5)])) == []


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("supervised", [False, True])
def test_stuck_clients_hold_nobody_and_nothing_under_way_is_lost(bundles, supervised):
    told = asyncio.run(stop(bundles["bankchurn"], supervised, signal.SIGTERM))

    assert told.code == 0 and told.left == 0 and told.seconds < 8.0
    assert set(told.under_way) == {200}, told
