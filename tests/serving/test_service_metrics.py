"""What operators watch of a service, read from the /metrics of a real worker that was asked known things."""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.conftest import CUSTOMER
from tests.serving.process import Reply, Running, serving

pytestmark = pytest.mark.integration

ASKED, REFUSED = 40, 3


@pytest.fixture(scope="module")
def worker(bundles: dict[str, Path]) -> Iterator[Running]:
    with serving(bundles["bankchurn"]) as running:
        yield running


@pytest.fixture(scope="module")
def replies(worker: Running) -> list[Reply]:
    """The answers to customers of all ages; then some records that are refused."""
    answered = [worker.post("/predict", CUSTOMER | {"Age": 20 + i}) for i in range(ASKED)]
    for _ in range(REFUSED):
        assert worker.post("/predict", {}).status == 422
    return answered


def value(worker: Running, series: str) -> float:
    return worker.metrics(series)[series]


@pytest.mark.feature("F277", "F278")
def test_requests_and_errors_are_counted_by_status_so_that_rates_can_be_taken(worker, replies):
    counts = worker.metrics('towpath_requests_total{service="bankchurn",route="/predict"')
    by_status = {re.search('status="(\\d+)"', series)[1]: int(count) for series, count in counts.items()}

    assert by_status == {"200": ASKED, "422": REFUSED, "400": 0, "500": 0, "503": 0}


@pytest.mark.feature("F279", "F281")
def test_any_quantile_of_the_latency_can_be_taken_from_the_histogram(worker, replies):
    start = 'towpath_request_duration_seconds_bucket{service="bankchurn",route="/predict",le="'
    buckets = [(float(series.split('le="')[1].rstrip('"}')), count) for series, count in worker.metrics(start).items()]
    whole = buckets[-1][1]
    p50, p95, p99 = (next(bound for bound, upto in buckets if upto >= share * whole) for share in (0.5, 0.95, 0.99))

    assert whole == ASKED + REFUSED and buckets[-1][0] == float("inf")
    assert 0 < p50 <= p95 <= p99
    total = value(worker, 'towpath_request_duration_seconds_sum{service="bankchurn",route="/predict"}')
    assert 0 < total / whole < 1


@pytest.mark.feature("F280")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")
def test_memory_and_processor_time_are_those_that_the_system_counts(worker, replies):
    resident = int(Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    before = value(worker, "towpath_process_cpu_seconds_total")
    for _ in range(50):
        worker.post("/predict", CUSTOMER)

    assert value(worker, "towpath_process_resident_bytes") == pytest.approx(resident, rel=0.2)
    assert value(worker, "towpath_process_cpu_seconds_total") > before > 0


@pytest.mark.feature("F282")
def test_the_version_that_answers_is_the_one_that_the_answers_name(worker, replies):
    (series,) = worker.metrics("towpath_bundle_info")
    named = {(reply.headers["x-towpath-release"], reply.headers["x-towpath-bundle"]) for reply in replies}

    assert named == {(re.search('release="([^"]+)"', series)[1], re.search('digest="([^"]+)"', series)[1])}


@pytest.mark.feature("F284")
def test_predictions_are_counted_by_class_and_their_scores_by_bin(bundles):
    with serving(bundles["bankchurn"]) as fresh:
        customers = [CUSTOMER | {"Age": 25 + i, "NumOfProducts": 1 + i % 4} for i in range(ASKED)]
        answers = [fresh.post("/predict", one).json() for one in customers]
        classes = fresh.metrics("towpath_predictions_total").values()
        bins = fresh.metrics("towpath_score_bin_total").values()

    leaving = sum(answer["churn_prediction"] for answer in answers)
    assert sorted(classes) == sorted([leaving, ASKED - leaving]) and 0 < leaving < ASKED
    assert sum(bins) == ASKED and sum(count > 0 for count in bins) > 3
