"""What the race says of what is promised."""

from bench.racing.verdicts import verdicts
from tests.bench.samples import sample, speeds


def told(cases):
    return [str(verdict) for verdict in verdicts(cases)]


def line(cases, start):
    return next(one for one in told(cases) if one.startswith(start))


def test_a_ratio_is_ours_over_theirs():
    cases = {"bankchurn-four": speeds(ours=50_000, reference=50, nginx=100_000)}

    assert line(cases, "RATIO") == "RATIO bankchurn-four reference=1000 nginx=0.50"


def test_the_median_over_the_rounds_counts():
    rounds = [sample(per_second) for per_second in (30_000, 41_000, 90_000)]
    cases = {"iris": {"ours": rounds, "reference": [sample(100)]}}

    assert line(cases, "RATIO") == "RATIO iris reference=410 nginx=-"


def test_a_missed_figure_is_told_with_what_was_promised():
    cases = {"bankchurn-four": speeds(ours=50_000, reference=50, nginx=200_000)}

    assert line(cases, "RATIO") == "RATIO bankchurn-four reference=1000 nginx=0.25  MISSED nginx at least 0.4"


def test_a_quotient_is_judged_before_it_is_rounded():
    cases = {"batch-1000": speeds(ours=99.7, reference=10)}

    assert line(cases, "RATIO") == "RATIO batch-1000 reference=10.0 nginx=-  MISSED reference at least 10"


def test_a_row_without_a_promise_cannot_miss_it():
    (verdict,) = verdicts({"batch-1000-contributions": speeds(ours=20, reference=10)})

    assert verdict.kept


def test_what_was_not_measured_is_not_told():
    assert told({"alone": speeds(ours=10)}) == []


def test_costs_are_percent_of_the_speed_without():
    cases = {"bankchurn-four-cost": speeds(bare=50_000, ours=48_000, logged=42_000)}

    assert told(cases) == ["COST telemetry=4.0 log=12.5  MISSED log at most 10"]


def test_one_connection_is_compared_with_nginx_by_its_median_time():
    servers = {"ours": [sample(p50=0.12)], "nginx": [sample(p50=0.06)]}

    assert line({"bankchurn-four-one": servers, "bankchurn-one": servers}, "P50") == "P50 one=2.00 full=2.00"


def test_the_slowest_of_a_hundred_has_a_limit_of_its_own():
    servers = {"ours": [sample(p99=1.3)], "reference": [sample()]}

    assert line({"bankchurn": servers}, "P99") == "P99 full=1.30  MISSED full at most 1.2"


def test_refusals_are_compared_with_answers_of_the_same_service():
    cases = {"bankchurn": speeds(ours=40_000, reference=50), "bankchurn-422": speeds(ours=50_000)}

    assert line(cases, "REFUSED") == "REFUSED 422=1.25"


def test_what_waits_beside_a_batch_is_told_beside_what_waits_alone():
    cases = {"alone": {"ours": [sample(p99=0.2, most=0.9)]}, "beside-batch": {"ours": [sample(p99=1.1, most=2.5)]}}

    assert told(cases) == ["BESIDE p99=1.10 max=2.50 alone_p99=0.20 alone_max=0.90  MISSED max at most 2"]


def test_a_start_is_the_median_of_all_starts_with_a_churn_bundle():
    starts = [{"ours": [sample(cold=cold)], "reference": [sample(cold=1500)]} for cold in (180, 210, 400)]
    cases = dict(zip(("bankchurn-four", "bankchurn", "bankchurn-one"), starts, strict=True))
    cases["bankchurn-one"] |= {"nginx": [sample()]}

    assert line(cases, "START") == "START ours=210"
