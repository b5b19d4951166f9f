"""Whatever comes, it is answered or refused, and soon; the whole of it is bench/fuzz.py."""

import gc
import itertools
import time
from collections.abc import Iterator

import pytest

from tests.serving.asking import Turns
from tests.serving.fuzzing import asking, bodies, largest
from towpath.serving.limits import DEFAULT
from towpath.serving.model import open_model
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry

SHARE = 4_000  # of the bodies that bench/fuzz.py tries
MOST_SECONDS = 0.1
PATHS = ("/predict", "/predict_batch", "/explain")


@pytest.fixture(params=["bankchurn", "iris", "sentiment"])
def service(request, bundles) -> tuple[Service, Turns]:
    turns, telemetry = Turns(), Telemetry()
    service = Service(request.param, telemetry)
    service.install(open_model(bundles[request.param], turns.append))
    return service, turns


def test_every_body_is_answered_or_refused_as_the_clients_fault(service):
    one, turns = service
    ask, draw = asking(one, turns.run), bodies(one.model.contract, seed=1)
    statuses: dict[int, int] = {}
    for path, body in itertools.starmap(lambda: draw(), itertools.repeat((), SHARE)):
        status = ask(path, body)
        assert status in (200, 400, 422), (status, path, body[:300])
        statuses[status] = statuses.get(status, 0) + 1

    assert statuses[200] > SHARE / 20 and sum(statuses.values()) - statuses[200] > SHARE / 3


def test_the_same_seed_gives_the_same_bodies(service):
    one, _ = service
    first, second = (bodies(one.model.contract, seed=7) for _ in range(2))

    assert [first() for _ in range(200)] == [second() for _ in range(200)]


def test_no_body_of_the_largest_size_stalls_the_worker(service, settled):
    one, turns = service
    ask = asking(one, turns.run)
    slow = []
    for path, (name, body) in itertools.product(PATHS, largest(one.model.contract, DEFAULT.body_bytes).items()):
        spent = min(seconds_of(ask, path, body) for _ in range(2))
        if spent > MOST_SECONDS:
            slow.append((path, name, round(spent, 3)))

    assert slow == []


@pytest.fixture
def settled() -> Iterator[None]:
    """What is loaded is not looked at by the collector, as in a worker: here that is all of pytest and scikit-learn."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def seconds_of(ask, path: str, body: bytes) -> float:
    began = time.process_time()
    assert ask(path, body) in (200, 400, 422), path
    return time.process_time() - began
