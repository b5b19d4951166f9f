"""What a worker remembers of records that come again."""

import pytest

from tests.serving.asking import Asked, Turns
from tests.serving.conftest import CUSTOMER
from towpath.serving.app import App
from towpath.serving.model import Model, open_model
from towpath.serving.remembering import LONGEST
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry


def remembering(bundles, most: int) -> tuple[Asked, Model, list[int]]:
    """An app that remembers, its model, and how many rows each of the model's runs had."""
    turns, telemetry, runs = Turns(), Telemetry(), []
    model = open_model(bundles["bankchurn"], turns.append)
    see = model.engine.see
    model.engine.see = lambda rows: runs.append(len(rows)) or see(rows)
    service = Service("bankchurn", telemetry, remember=most)
    service.install(model)
    return Asked(turns, model, app=App([service], telemetry)), model, runs


@pytest.mark.feature("F154")
def test_a_record_that_comes_again_is_answered_alike_without_the_model(bundles):
    asked, _, runs = remembering(bundles, 10)
    first, again = (asked.ask("POST", "/predict", CUSTOMER, request_id=one) for one in ("a", "b"))

    drop = {"prediction_timestamp"}
    assert {k: v for k, v in first.json().items() if k not in drop} == {
        k: v for k, v in again.json().items() if k not in drop
    }
    assert (len(runs), again.headers["x-request-id"]) == (1, "b")
    assert asked.metric('towpath_remembered_total{service="bankchurn",found="yes"}') == 1
    assert asked.metric('towpath_remembered_total{service="bankchurn",found="no"}') == 1


def test_what_is_answered_from_memory_is_counted_like_any_other_answer(bundles):
    asked, _, _ = remembering(bundles, 10)
    for _ in range(3):
        asked.ask("POST", "/predict", CUSTOMER)

    assert sum(asked.metrics("towpath_predictions_total").values()) == 3
    assert asked.metric('towpath_requests_total{service="bankchurn",route="/predict",status="200"}') == 3


def test_the_record_that_was_not_asked_for_the_longest_is_forgotten(bundles):
    asked, model, runs = remembering(bundles, 2)
    for age in (30, 40, 30, 50, 30, 40):
        asked.ask("POST", "/predict", CUSTOMER | {"Age": age})

    assert len(runs) == 4 and len(model.remembered._kept) == 2


def test_a_record_that_is_refused_or_too_long_is_not_remembered(bundles):
    asked, model, _ = remembering(bundles, 10)
    assert asked.ask("POST", "/predict", CUSTOMER | {"Age": 7}).status == 422
    assert asked.ask("POST", "/predict", CUSTOMER | {"note": "x" * LONGEST}).status == 200

    assert model.remembered._kept == {}


def test_another_model_has_another_memory(bundles):
    asked, _, _ = remembering(bundles, 10)
    asked.ask("POST", "/predict", CUSTOMER)
    other = open_model(bundles["bankchurn"], asked.turns.append)
    asked.service.install(other)

    assert other.remembered._kept == {}


def test_without_being_asked_to_it_remembers_nothing(bundles):
    asked, model, _ = remembering(bundles, 0)
    asked.ask("POST", "/predict", CUSTOMER)

    assert model.remembered is None and asked.metrics("towpath_remembered_total") == {}
