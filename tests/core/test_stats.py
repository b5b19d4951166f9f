"""Intervals and p values of resampled numbers."""

import numpy as np
import pytest

from towpath.core import stats


def test_values_that_are_not_defined_do_not_count():
    assert stats.interval(np.r_[np.nan, np.linspace(0, 1, 101)]) == pytest.approx((0.025, 0.975))


def test_values_that_are_infinite_do_not_count():
    """As an r2 is, of a resample whose rows all have one true value."""
    assert stats.interval(np.r_[[-np.inf] * 40, np.linspace(0, 1, 101)]) == pytest.approx((0.025, 0.975))


def test_a_reflected_interval_lies_on_the_other_side_and_never_below_zero():
    low, high = stats.reflected_interval(0.1, np.linspace(0.12, 0.18, 1001))
    assert (low, high) == pytest.approx((0.0215, 0.0785), abs=1e-3)

    assert stats.reflected_interval(0.01, np.linspace(0.02, 0.08, 1001))[0] == 0.0


def test_a_difference_on_one_side_of_zero_only_is_as_unlikely_as_the_resamples_can_tell():
    assert stats.two_sided_p(np.full(1000, 0.3)) == pytest.approx(2 / 1001)


def test_differences_as_often_above_zero_as_below_are_no_difference():
    assert stats.two_sided_p(np.r_[np.full(500, 0.1), np.full(500, -0.1)]) == pytest.approx(1.0)


def test_the_p_value_of_no_difference_is_small_as_seldom_as_it_should_be():
    random = np.random.default_rng(1)
    weights = np.concatenate(list(stats.resamples(80, seed=2, count=400)))
    found = [stats.two_sided_p(weights @ random.normal(0, 1, 80) / 80) for _ in range(300)]

    assert 0.01 <= np.mean(np.array(found) < 0.05) <= 0.11
