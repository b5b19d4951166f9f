"""What an interval of a difference means, and what several mean together."""

import pytest

from towpath.core.comparison import MetricDelta, judge, no_worse, overall, usual_margin
from towpath.core.measures import Measure


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.05, "better"),
        (-0.05, -0.001, "worse"),
        (-0.005, 0.005, "equal"),
        (0.001, 0.009, "equal"),  # better, but by too little to matter
        (-0.02, 0.03, "inconclusive"),
        (-0.02, 0.005, "inconclusive"),
        (0.0, 0.0, "equal"),
    ],
)
def test_an_interval_is_better_equal_worse_or_inconclusive(low: float, high: float, verdict: str):
    assert judge(low, high, 0.01) == verdict


def metric(verdict, decides=True) -> MetricDelta:
    return MetricDelta("f1", verdict, 0.6, 0.6, decides=decides)


def test_only_the_metrics_that_decide_decide():
    assert overall([metric("better"), metric("worse", decides=False)]) == "better"


def test_the_worst_of_several_that_decide_counts():
    assert overall([metric("better"), metric("inconclusive")]) == "inconclusive"
    assert overall([metric("inconclusive"), metric("worse")]) == "worse"
    assert overall([metric("equal"), metric("better")]) == "better"


@pytest.mark.scenario("S063")
def test_a_metric_that_one_side_lacks_is_never_passed_over():
    assert overall([metric("better"), metric("missing", decides=False)]) == "missing"


def test_without_a_metric_that_decides_nothing_is_known():
    assert overall([]) == "inconclusive"


def delta(low: float, high: float, sign: int = 1) -> MetricDelta:
    return MetricDelta("m", "inconclusive", 0.6, 0.61, -0.01, low, high, sign=sign)


def test_no_worse_passes_only_where_the_whole_interval_is_above_the_margin():
    assert no_worse("g", delta(-0.009, 0.02), 0.01).verdict == "pass"
    assert no_worse("g", delta(-0.03, -0.011), 0.01).verdict == "fail"
    assert no_worse("g", delta(-0.03, 0.01), 0.01).verdict == "inconclusive"


def test_of_an_error_less_is_better():
    assert no_worse("g", delta(11.0, 30.0, sign=-1), 10.0).verdict == "fail"
    assert no_worse("g", delta(-30.0, 9.0, sign=-1), 10.0).verdict == "pass"


def test_a_metric_without_a_number_fails():
    assert no_worse("g", None, 0.01).verdict == "fail"
    assert no_worse("g", MetricDelta("m", "missing", None, 0.6), 0.01).verdict == "fail"


def test_the_usual_margin_is_a_hundredth_of_a_share_or_of_the_others_value():
    assert usual_margin(Measure("f1"), 0.64) == 0.01
    assert usual_margin(Measure("mcc"), 0.0) == usual_margin(Measure("r2"), 0.0) == 0.01
    assert usual_margin(Measure("rmse"), 4300.0) == pytest.approx(43.0)
    assert usual_margin(Measure("brier"), 0.1) == pytest.approx(0.001)
