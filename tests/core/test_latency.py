"""Durations in bins: quantiles that are right within 1.6 %, in memory that does not grow."""

import random
import sys

import pytest

from towpath.core.latency import Latencies


def counted(*seconds: float) -> Latencies:
    latencies = Latencies()
    for one in seconds:
        latencies.add(one)
    return latencies


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99, 0.999])
def test_a_quantile_is_at_most_two_percent_above_the_duration_that_stood_there(share: float):
    chance = random.Random(7)
    drawn = sorted(chance.lognormvariate(-5, 1.5) for _ in range(20_000))
    exact = drawn[max(0, -(-int(share * 1000) * len(drawn) // 1000) - 1)]

    assert exact <= counted(*drawn).quantile(share) <= exact * 1.02


def test_mean_and_largest_are_exact():
    latencies = counted(0.001, 0.002, 0.006)

    assert (latencies.mean, latencies.largest, latencies.count) == (pytest.approx(0.003), 0.006, 3)
    assert latencies.quantile(1.0) == 0.006


def test_nothing_counted_is_nothing_measured():
    assert (counted().quantile(0.99), counted().mean) == (0.0, 0.0)


def test_what_is_shorter_or_longer_than_any_bin_is_counted_all_the_same():
    assert counted(0.0, 1e-9, 1e9).count == 3
    assert counted(1e9).quantile(0.5) == 1e9


def test_how_many_took_longer_counts_those_that_surely_did():
    latencies = counted(*[0.010] * 90, *[0.500] * 10)

    assert latencies.above(0.1) == 10
    assert latencies.above(0.5) == 0


def test_a_million_durations_take_no_more_room_than_one():
    latencies = counted(0.001)
    before = sys.getsizeof(latencies._bins)
    for i in range(100_000):
        latencies.add(i * 1e-5)

    assert sys.getsizeof(latencies._bins) == before < 40_000
