"""Where requests spend their time, read from a worker's metrics before and after."""

from pathlib import Path

import pytest

from tests.serving.asking import Asked, Turns
from tests.serving.conftest import CUSTOMER
from towpath.cli.loadtest.stages import Breakdown, Told, advice, break_down, endpoint, read_told
from towpath.serving.model import open_model


@pytest.mark.parametrize(
    ("path", "prefix", "route"),
    [
        ("/predict", "", "/predict"),
        ("/iris/predict", "/iris", "/predict"),
        ("/iris/predict/batch", "/iris", "/predict_batch"),
        ("/batch-predict", "", "/predict_batch"),
        ("/iris/explain", "/iris", "/explain"),
        ("/v2/models/iris/infer", "", "/v2/models/infer"),
        ("/iris/v2/models/iris/infer", "/iris", "/v2/models/infer"),
    ],
)
def test_the_metrics_of_an_endpoint_are_those_of_its_service_and_route(path: str, prefix: str, route: str):
    assert endpoint(path) == (prefix, route)


def test_what_a_worker_counted_is_read_from_its_own_exposition(bundles: dict[str, Path]):
    turns = Turns()
    asked = Asked(turns, open_model(bundles["bankchurn"], turns.append))
    for _ in range(5):
        asked.ask("POST", "/predict", CUSTOMER)
    asked.ask("GET", "/health")
    told = read_told(asked.telemetry.exposition().decode(), "bankchurn", "/predict")

    assert (told.requests, told.runs, told.run_rows) == (5, 5, 5)
    assert told.seconds >= 0 < told.run_seconds
    assert set(told.stages) == {"wait", "model"}
    assert read_told(asked.telemetry.exposition().decode(), "iris", "/predict") == Told()


TWO_WORKERS = """
# TYPE towpath_stage_seconds_total counter
towpath_stage_seconds_total{worker="1",service="iris",stage="wait"} 1.5
towpath_stage_seconds_total{worker="2",service="iris",stage="wait"} 0.5
towpath_stage_seconds_total{worker="2",service="iris",stage="model"} 1
towpath_stage_seconds_total{worker="2",service="other",stage="model"} 100
towpath_request_duration_seconds_sum{worker="1",service="iris",route="/predict"} 4
towpath_request_duration_seconds_count{worker="1",service="iris",route="/predict"} 1000
"""


def test_series_of_several_workers_add_up():
    told = read_told(TWO_WORKERS, "iris", "/predict")

    assert (told.stages, told.seconds, told.requests) == ({"wait": 2.0, "model": 1.0}, 4.0, 1000.0)


def test_workers_of_one_supervisor_share_their_processor_time():
    before, after = Told(), Told(requests=10, seconds=0.1, cpu_seconds=18.0, workers=2)

    assert break_down(before, after, 0.01, 10.0).busy == pytest.approx(0.9)


def test_the_mean_request_is_taken_apart_and_the_parts_add_up():
    found = break_down(Told(), read_told(TWO_WORKERS, "iris", "/predict"), 0.005, 10.0)

    assert found.stages == {
        "outside the worker": pytest.approx(0.001),
        "waiting for the model": pytest.approx(0.002),
        "in the model": pytest.approx(0.001),
        "answering": pytest.approx(0.001),
    }
    assert sum(found.stages.values()) == pytest.approx(0.005)


def test_a_worker_without_stages_tells_at_least_its_runs():
    after = Told(requests=100, seconds=1.0, runs=10, run_seconds=0.02, run_rows=100)
    found = break_down(Told(), after, 0.015, 1.0)

    assert found.stages["in the model"] == pytest.approx(0.002)
    assert (found.rows_a_run, sum(found.stages.values())) == (10.0, pytest.approx(0.015))


def test_a_worker_that_answered_nothing_meanwhile_has_no_breakdown():
    assert break_down(Told(requests=5), Told(requests=5), 0.01, 1.0) is None


@pytest.mark.parametrize(
    ("stages", "busy", "own", "helps"),
    [
        ({"in the model": 0.9, "answering": 0.1}, 0.5, 0.2, ["a smaller one helps"]),
        (
            {"waiting for the model": 0.9, "in the model": 0.1},
            0.95,
            0.2,
            ["wait for each other: more workers"],
        ),
        ({"answering": 0.9, "in the model": 0.1}, 0.95, 0.2, ["always busy"]),
        ({"outside the worker": 0.9, "in the model": 0.1}, 0.95, 0.2, ["requests wait to be read: more workers"]),
        ({"outside the worker": 0.9, "in the model": 0.1}, 0.3, 0.2, ["outside the worker: the network"]),
        ({"outside the worker": 0.9, "in the model": 0.1}, 0.3, 0.97, ["this load generator itself took 97%"]),
        ({"answering": 0.9, "in the model": 0.1}, 0.3, 0.2, []),
    ],
)
def test_what_would_help_follows_from_where_the_time_goes(
    stages: dict[str, float], busy: float, own: float, helps: list[str]
):
    told = advice(Breakdown(1000, stages, 1.0, busy), 1000, own, troubled=True)

    assert len(told) == len(helps)
    assert all(part in line for part, line in zip(helps, told, strict=True))


def test_where_all_limits_are_kept_no_help_is_offered():
    assert advice(Breakdown(1000, {"in the model": 1.0}, 1.0, 0.9), 1000, 0.2, troubled=False) == []


def test_a_worker_that_others_ask_too_is_told():
    (told,) = advice(Breakdown(2000, {"answering": 1.0}, 1.0, 0.3), 1000, 0.2, troubled=False)

    assert "counted 2,000 requests and this test sent 1,000" in told
