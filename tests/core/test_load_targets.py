"""Limits as people write them: durations, shares, numbers, with what is critical after a comma."""

import pytest

from towpath.core.errors import Faulty, UsageError
from towpath.core.load_targets import Limit, Targets, load_faults, read_limit, read_targets, targets_of


@pytest.mark.parametrize(
    ("name", "written", "limit"),
    [
        ("p95", "50ms, 200ms", Limit(0.05, 0.2)),
        ("p95", "0.5s", Limit(0.5, 2.5)),
        ("p99", "800us", Limit(0.0008, 0.004)),
        ("errors", "0.1%, 1%", Limit(0.001, 0.01)),
        ("errors", 0.002, Limit(0.002, 0.02)),
        ("errors", "30%", Limit(0.3, 0.999)),
        ("rps", 200, Limit(200.0, 100.0)),
        ("rps", "100,50", Limit(100.0, 50.0)),
    ],
)
def test_a_limit_is_read_and_a_critical_one_left_out_is_as_far_away_as_the_defaults_are(
    name: str, written: object, limit: Limit
):
    found = read_limit(name, written)

    assert (found.target, found.critical) == (pytest.approx(limit.target), pytest.approx(limit.critical))


@pytest.mark.parametrize(
    ("name", "written", "says"),
    [
        ("p95", "50", "a duration is meant, such as 100ms"),
        ("p95", "fast", "a duration is meant"),
        ("p95", "0ms", "a duration is meant"),
        ("p95", "500ms,100ms", "easier to break than its target"),
        ("p95", "1ms,2ms,3ms", "a target is meant, and after a comma what is critical"),
        ("errors", "120%", "a share between 0 and 1"),
        ("errors", "0", "a share between 0 and 1"),
        ("rps", "100%", "requests a second are meant"),
        ("rps", "50,100", "easier to break than its target"),
        ("rps", True, "requests a second are meant"),
        ("p50", "1ms", "known are p95, p99, errors, rps"),
    ],
)
def test_what_is_no_limit_is_told_with_an_example(name: str, written: object, says: str):
    with pytest.raises(UsageError) as refused:
        read_limit(name, written)

    assert says in str(refused.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(Faulty) as refused:
        read_targets({"p95": "fast", "rps": "many"}, "the command line")

    assert [path for path, _ in refused.value.faults] == ["p95", "rps"]


def test_what_is_not_said_stays_as_it_was():
    assert read_targets({"p95": "50ms"}, "here") == Targets(p95=Limit(0.05, 0.25))


@pytest.mark.feature("F510")
def test_a_service_has_its_own_limits_then_the_projects_then_the_defaults():
    given = {"p99": "300ms", "service": {"bankchurn": {"p95": "50ms"}}}

    assert targets_of(given, "bankchurn") == Targets(p95=Limit(0.05, 0.25), p99=Limit(0.3, 1.5))
    assert targets_of(given, "carvision") == Targets(p99=Limit(0.3, 1.5))


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("fast", "load"),
        ({"p95": "fast"}, "load.p95"),
        ({"service": "bankchurn"}, "load.service"),
        ({"service": {"bankchurn": {"p42": "1s"}}}, "load.service.bankchurn.p42"),
    ],
)
def test_a_fault_of_the_projects_settings_is_told_with_its_path(given: object, path: str):
    assert [found for found, _ in load_faults(given)] == [path]
