"""A worker that may start without its bundles: what it says meanwhile, and how they come in."""

import asyncio
import json
import shutil
import socket
import time
from pathlib import Path

import pytest

from tests.serving.conftest import CUSTOMER, FLOWER
from tests.serving.process import serving
from towpath.core.errors import InfrastructureError
from towpath.serving import journal, worker
from towpath.serving.app import App
from towpath.serving.edge import Edge
from towpath.serving.model import open_model
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry
from towpath.serving.worker import Worker

pytestmark = pytest.mark.integration


@pytest.mark.scenario("S053")
def test_a_worker_that_may_start_without_its_bundle_is_unready_until_the_bundle_is_there(bundles, tmp_path):
    place = tmp_path / "iris"
    with serving(place, "--allow-unready") as worker:
        assert str(place) in worker.before[0] and "towpath train" in worker.before[0]
        assert worker.get("/live").status == 200
        assert worker.get("/health").status == 503 and worker.get("/ready").status == 503
        assert worker.post("/predict", FLOWER).status == 503

        shutil.copytree(bundles["iris"], place)
        until = time.monotonic() + 10
        while worker.get("/ready").status != 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert worker.post("/predict", FLOWER).json()["class_name"] == "setosa"


PACKED = "0f3a5b7c9d1e"  # the first twelve digits of a bundle's id, which name its folder


def test_a_bundle_that_is_not_there_yet_is_unready_under_its_services_name(bundles, tmp_path):
    with serving(bundles["iris"], tmp_path / "bankchurn" / PACKED, "--allow-unready") as worker:
        assert worker.get("/bankchurn/health").status == 503 and worker.get("/bankchurn/ready").status == 503
        assert worker.get("/iris/health").status == 200 and worker.get("/health").status == 503
        assert worker.get(f"/{PACKED}/health").status == 404


def test_a_bundle_that_comes_late_begins_no_counter_anew(bundles, tmp_path):
    place = tmp_path / "bankchurn" / PACKED
    with serving(bundles["iris"], place, "--allow-unready") as worker:
        for _ in range(3):
            worker.post("/iris/predict", FLOWER)
        worker.get("/bankchurn/health")
        place.parent.mkdir()
        shutil.copytree(bundles["bankchurn"], place)

        assert worker.told("ready")["service"] == "bankchurn"
        assert worker.metrics("towpath_ready") == {
            'towpath_ready{service="iris"}': 1,
            'towpath_ready{service="bankchurn"}': 1,
        }
        assert worker.post("/bankchurn/predict", CUSTOMER).status == 200
        asked = 'towpath_requests_total{service="%s",route="%s",status="%s"}'
        assert list(worker.metrics(asked % ("iris", "/predict", 200)).values()) == [3]
        assert list(worker.metrics(asked % ("bankchurn", "/health", 503)).values()) == [1]
        assert worker.metrics("towpath_connections ")["towpath_connections"] >= 1


def test_a_worker_whose_bundle_came_late_is_unready_while_it_drains(bundles, tmp_path):
    place = tmp_path / "iris"
    with serving(place, "--allow-unready") as worker:
        shutil.copytree(bundles["iris"], place)
        worker.told("ready")
        with socket.create_connection(("127.0.0.1", worker.port)) as busy:
            busy.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n")
            time.sleep(0.1)
            worker.process.terminate()
            time.sleep(0.2)
            busy.sendall(b"\r\n")

            assert busy.recv(4096).startswith(b"HTTP/1.1 503")


def test_a_late_bundle_of_a_service_that_is_served_already_is_refused_until_another_comes(bundles, tmp_path):
    place = tmp_path / "late"
    with serving(bundles["iris"], place, "--allow-unready") as worker:
        put(bundles["iris"], place)
        assert "two of the bundles are of iris" in worker.told("unready")["problem"]
        assert worker.post("/iris/predict", FLOWER).status == 200

        shutil.rmtree(place)
        put(bundles["sentiment"], place)
        worker.told("ready")
        assert worker.post("/sentiment/predict", {"text": "good"}).status == 200
        assert worker.get("/late/health").status == 404
        assert worker.metrics("towpath_ready") == {
            'towpath_ready{service="iris"}': 1,
            'towpath_ready{service="sentiment"}': 1,
        }


def put(bundle: Path, place: Path) -> None:
    """All at once, so that nobody finds a part of it."""
    shutil.copytree(bundle, place.with_suffix(".part"))
    place.with_suffix(".part").rename(place)


def test_whatever_goes_wrong_with_a_late_bundle_it_is_looked_for_again(bundles, tmp_path, monkeypatch, capfd):
    troubles = [InfrastructureError("there is no bundle"), RuntimeError("a library's"), RuntimeError("a library's")]

    def open_in_the_end(path, call_soon):
        if troubles:
            raise troubles.pop(0)
        return open_model(bundles["iris"], call_soon)

    monkeypatch.setattr(worker, "open_model", open_in_the_end)
    monkeypatch.setattr(worker, "RETRY_SECONDS", 0.01)
    service = Service("iris", Telemetry())
    app = App([service], service.telemetry)
    edge = Edge(app.routes(), app.refuse, app.front.observe_unmatched())
    asyncio.run(Worker([tmp_path], True).keep_trying({tmp_path: service}, app, edge))
    journal.flush()
    told = [json.loads(line) for line in capfd.readouterr().err.splitlines()]

    assert service.model is not None
    assert [one["event"] for one in told] == ["unready", "unready", "ready"]
    assert told[0]["problem"] == "there is no bundle" and told[1]["error"] == "RuntimeError" and told[1]["at"]
