"""Verdicts of a load test: within the target, between target and critical, beyond, or too few requests to tell."""

import pytest

from towpath.core.latency import Latencies
from towpath.core.load import Check, Counted, judge, needed, rule_of_thumb
from towpath.core.load_targets import Limit, Targets


def counted(
    *, fast: int = 0, slow: int = 0, slow_seconds: float = 0.3, seconds: float = 60.0, **errors: int
) -> Counted:
    """So many answers of 10 ms and so many slow ones."""
    latencies = Latencies()
    for _ in range(fast):
        latencies.add(0.010)
    for _ in range(slow):
        latencies.add(slow_seconds)
    return Counted(latencies, fast + slow, 0, seconds, errors)


def verdicts(measured: Counted, targets: Targets | None = None) -> dict[str, str]:
    return {check.name: check.verdict for check in judge(measured, targets or Targets())}


@pytest.mark.feature("F511")
def test_the_targets_are_those_of_the_runbook_where_nothing_else_is_said():
    assert Targets() == Targets(
        p95=Limit(0.1, 0.5), p99=Limit(0.2, 1.0), errors=Limit(0.001, 0.01), rps=Limit(100.0, 50.0)
    )


def test_within_all_targets_all_is_ok():
    assert verdicts(counted(fast=10_000)) == {"p95": "ok", "p99": "ok", "errors": "ok", "rps": "ok"}


def test_between_target_and_critical_is_a_warning():
    measured = counted(fast=4_000, slow=300, errors=20)

    assert verdicts(measured) == {"p95": "warning", "p99": "warning", "errors": "warning", "rps": "warning"}


def test_beyond_the_critical_limit_is_broken():
    measured = counted(fast=1_000, slow=200, slow_seconds=1.5, HTTP_500=100)

    assert verdicts(measured) == {"p95": "broken", "p99": "broken", "errors": "broken", "rps": "broken"}


@pytest.mark.parametrize(("share", "count"), [(0.05, 59), (0.01, 299), (0.001, 2995)])
def test_so_many_requests_without_an_exception_bound_its_share_with_95_percent_confidence(share: float, count: int):
    assert needed(share) == count
    assert (1 - share) ** count <= 0.05 < (1 - share) ** (count - 1)


def test_too_few_requests_tell_nothing_and_say_how_many_would():
    checks = {check.name: check for check in judge(counted(fast=200, seconds=1.0), Targets())}

    assert checks["p95"].verdict == checks["rps"].verdict == "ok"
    assert (checks["p99"].verdict, checks["p99"].needed) == ("too few", 299)
    assert (checks["errors"].verdict, checks["errors"].needed) == ("too few", 299)


def test_what_is_surely_broken_is_broken_with_few_requests_too():
    assert verdicts(counted(seconds=1.0, refused=20))["errors"] == "broken"
    assert verdicts(counted(slow=20, slow_seconds=2.0, seconds=1.0))["p95"] == "broken"


def test_one_slow_answer_of_few_proves_nothing():
    assert verdicts(counted(fast=19, slow=1, slow_seconds=2.0, seconds=0.1))["p99"] == "too few"


def test_answers_that_came_after_the_end_are_no_throughput():
    measured = counted(fast=100, seconds=1.0)
    measured.late = 40

    assert measured.per_second == 60.0


@pytest.mark.feature("F513")
@pytest.mark.parametrize(
    ("per_second", "instances"), [(20, "1"), (100, "2 to 3"), (499, "2 to 3"), (700, "3 to 5"), (5_000, "5 or more")]
)
def test_the_rule_of_thumb_says_how_many_instances_a_load_takes(per_second: float, instances: str):
    assert rule_of_thumb(per_second) == instances


def test_a_check_keeps_its_limit():
    (p95, *_) = judge(counted(fast=100), Targets(p95=Limit(0.05, 0.2)))

    assert p95 == Check("p95", pytest.approx(0.010, rel=0.02), Limit(0.05, 0.2), "ok")
