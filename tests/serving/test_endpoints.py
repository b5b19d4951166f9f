"""What each endpoint says, of a real bundle, asked without a socket."""

import re

import numpy as np
import pytest

from tests.serving.asking import Asked, Turns
from tests.serving.conftest import CUSTOMER
from towpath.core.errors import VerificationRefused
from towpath.engine.contributions import ColumnParts
from towpath.serving import journal
from towpath.serving.batching import Batcher
from towpath.serving.model import open_model

HEX = re.compile("[0-9a-f]{64}")


@pytest.fixture
def asked(bundles) -> Asked:
    turns = Turns()
    return Asked(turns, open_model(bundles["bankchurn"], turns.append))


@pytest.fixture
def unready() -> Asked:
    return Asked(Turns(), None)


@pytest.mark.feature("F141")
@pytest.mark.parametrize("path", ["/predict", "/predict_batch", "/explain"])
def test_without_a_model_a_prediction_is_503(unready, path):
    answer = unready.ask("POST", path, CUSTOMER)

    assert answer.status == 503 and answer.json()["error"]["code"] == "no_model"


@pytest.mark.feature("F127")
def test_health_is_503_without_a_model_and_200_with_one(unready, asked):
    bad, good = unready.ask("GET", "/health"), asked.ask("GET", "/health")

    assert bad.status == 503 and bad.json()["status"] == "unhealthy" and "log" in bad.json()["reason"]
    assert good.status == 200 and good.json()["status"] == "healthy"
    assert good.json()["model_loaded"] is True and good.json()["version"].startswith("bundle:")
    assert list(good.json()) == ["status", "model_loaded", "uptime_seconds", "version"]


@pytest.mark.feature("F126")
def test_live_only_says_that_the_process_turns(unready):
    assert unready.ask("GET", "/live").status == 200


def test_ready_ends_when_the_worker_is_on_its_way_out(asked, unready):
    assert asked.ask("GET", "/ready").json() == {"ready": True}
    asked.app.draining = True

    assert asked.ask("GET", "/ready").status == 503 and asked.ask("GET", "/health").status == 200
    assert unready.ask("GET", "/ready").status == 503


def test_every_answer_carries_request_id_release_and_bundle(asked):
    for method, path, value in [
        ("GET", "/health", None),
        ("POST", "/predict", CUSTOMER),
        ("POST", "/predict", {}),
        ("GET", "/docs", None),
    ]:
        headers = asked.ask(method, path, value, request_id="my-id").headers

        assert headers["x-request-id"] == "my-id"
        assert headers["x-towpath-release"].startswith("bundle:") and HEX.fullmatch(headers["x-towpath-bundle"])


@pytest.mark.feature("F148")
def test_contributions_add_up_to_the_score(asked):
    output = asked.ask("POST", "/explain", CUSTOMER).json()["outputs"][0]

    assert output["of"] == "churn" and set(output["contributions"]) == set(CUSTOMER)
    assert abs(output["base"] + sum(output["contributions"].values()) - output["raw"]) < 1e-9


@pytest.mark.feature("F135")
def test_model_info_tells_contract_evaluation_and_data(asked):
    told = asked.ask("GET", "/model_info").json()

    assert told["model_loaded"] and [feature["name"] for feature in told["features_expected"]] == list(CUSTOMER)
    assert 0.5 < told["model_metadata"]["metrics"]["auc"]["low"] < told["model_metadata"]["metrics"]["auc"]["value"] < 1
    assert told["features_expected"][0] == {
        "name": "CreditScore", "type": "integer", "required": True, "nullable": False, "ge": 300.0, "le": 850.0,
    }  # fmt: skip


def test_a_batch_gives_the_answers_of_its_records_in_their_order(asked):
    ages = [20, 40, 60, 80]
    batch = asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER | {"Age": age} for age in ages * 40]}).json()
    singles = [asked.ask("POST", "/predict", CUSTOMER | {"Age": age}).json()["churn_probability"] for age in ages]

    given = [answer["churn_probability"] for answer in batch["predictions"]]
    assert batch["total_customers"] == 160 and given == pytest.approx(singles * 40, abs=1e-12)


@pytest.mark.parametrize("path", ["/batch-predict", pytest.param("/predict/batch", marks=pytest.mark.feature("F134"))])
def test_a_batch_has_other_names_too(asked, path):
    assert asked.ask("POST", path, {"customers": [CUSTOMER]}).json()["total_customers"] == 1


@pytest.mark.feature("F142")
def test_a_failing_prediction_is_500_with_an_id_and_the_next_one_is_answered(asked, capfd):
    good = asked.service.model.batcher

    def fail(rows):
        raise ValueError("the secrets of a record")

    asked.service.model.batcher = Batcher(fail, asked.turns.append)
    failed = asked.ask("POST", "/predict", CUSTOMER, request_id="find-me")
    asked.service.model.batcher = good

    assert failed.status == 500 and failed.json()["request_id"] == "find-me" and b"secret" not in failed.body
    journal.flush()
    logged = capfd.readouterr().err
    assert '"request_id": "find-me"' in logged and "ValueError" in logged and "secrets" not in logged
    assert asked.ask("POST", "/predict", CUSTOMER).status == 200


def test_a_number_that_is_none_is_an_error_and_never_null(asked):
    asked.service.model.engine.finish = lambda raw: raw * float("nan")

    assert asked.ask("POST", "/predict", CUSTOMER).status == 500
    assert asked.ask("POST", "/predict_batch", {"customers": [CUSTOMER]}).status == 500


def test_contributions_that_are_no_numbers_are_an_error_and_never_null(asked):
    model = asked.service.model.engine.model
    explained = model.explained
    model.explained = lambda rows: (explained(rows)[0], ColumnParts((0.0,), ["Age"], np.array([[[float("inf")]]])))

    assert asked.ask("POST", "/predict", CUSTOMER).status == 500


def test_predictions_refusals_and_requests_are_counted(asked):
    probability = asked.ask("POST", "/predict", CUSTOMER).json()["churn_prediction"]
    asked.ask("POST", "/predict", CUSTOMER | {"Age": 5, "note": 1})
    asked.ask("POST", "/predict", CUSTOMER | {"note": 1})

    name = ("not churn", "churn")[probability]
    assert asked.metric(f'towpath_predictions_total{{service="bankchurn",class="{name}"}}') == 2
    assert asked.metric('towpath_rejected_total{service="bankchurn",field="Age",reason="ge"}') == 1
    assert asked.metric('towpath_requests_total{service="bankchurn",route="/predict",status="200"}') == 2
    assert asked.metric('towpath_requests_total{service="bankchurn",route="/predict",status="422"}') == 1
    assert asked.metric('towpath_request_duration_seconds_count{service="bankchurn",route="/predict"}') == 3
    assert asked.metric('towpath_unknown_fields_total{service="bankchurn"}') == 1


def test_series_start_at_zero(asked):
    assert asked.metric('towpath_predictions_total{service="bankchurn",class="churn"}') == 0
    assert asked.metric('towpath_rejected_total{service="bankchurn",field="Geography",reason="choice"}') == 0
    assert asked.metric('towpath_requests_total{service="bankchurn",route="/predict",status="500"}') == 0


def test_a_field_that_a_client_made_up_makes_no_series(asked):
    asked.ask("POST", "/predict", {"zzz": 1})

    assert b"zzz" not in asked.telemetry.exposition()


def test_a_model_without_contributions_says_so(asked, monkeypatch):
    def refuse(records):
        raise VerificationRefused("this model has no contributions")

    monkeypatch.setattr(asked.service.model.engine, "contributions", refuse)

    assert asked.ask("POST", "/explain", CUSTOMER).status == 501


@pytest.mark.feature("F130")
def test_the_docs_page_needs_nothing_from_elsewhere(asked):
    page = asked.ask("GET", "/docs")
    files = page.body + asked.ask("GET", "/docs.js").body + asked.ask("GET", "/docs.css").body

    assert b"http://" not in files and b"https://" not in files and b"<script>" not in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert asked.ask("GET", "/openapi.json").json()["openapi"] == "3.1.0"


def test_what_a_model_answers_is_counted_and_named_as_its_own_though_another_is_installed_meanwhile(asked, bundles):
    old, turns = asked.service.model, asked.turns
    exchanges = [
        asked.begin("POST", "/predict", CUSTOMER),
        asked.begin("POST", "/predict_batch", {"customers": [CUSTOMER]}),
    ]
    new = open_model(bundles["bankchurn"], turns.append)
    new.identity, new.json = b"X-Towpath-Release: other\r\n", b"X-Towpath-Release: other\r\n"
    new.classes, new.short_id = ("neither", "nor"), "0123456789ab"
    asked.service.install(new)
    turns.run()

    assert [asked.ended(one).headers["x-towpath-release"] for one in exchanges] == [old.release] * 2
    assert sum(asked.metrics('towpath_predictions_total{service="bankchurn",class="').values()) == 2
    assert asked.metric('towpath_predictions_total{service="bankchurn",class="neither"}') == 0


def test_a_prediction_that_fails_under_an_old_model_is_told_as_that_ones(asked, bundles):
    def fail(rows):
        raise ValueError

    old = asked.service.model
    old.batcher = Batcher(fail, asked.turns.append)
    exchange = asked.begin("POST", "/predict", CUSTOMER)
    new = open_model(bundles["bankchurn"], asked.turns.append)
    new.json = b"X-Towpath-Release: other\r\n"
    asked.service.install(new)
    asked.turns.run()

    assert asked.ended(exchange).status == 500 and asked.ended(exchange).headers["x-towpath-release"] == old.release


def test_counters_go_on_when_another_model_is_installed_and_when_the_first_one_returns(asked, bundles):
    first, second = asked.service.model, open_model(bundles["bankchurn"], asked.turns.append)
    second.identity = b"another"
    told = [asked.metric("towpath_bundle_info")]
    for model in (first, second, first):
        asked.service.install(model)
        asked.ask("POST", "/predict", CUSTOMER | {"note": 1})
        told.append(asked.metric('towpath_unknown_fields_total{service="bankchurn"}'))

    assert told == [1, 1, 2, 3]
    assert asked.metric('towpath_requests_total{service="bankchurn",route="/predict",status="200"}') == 3


def test_a_service_is_called_as_its_first_model_says_and_its_old_name_is_no_longer_unready(bundles):
    turns = Turns()
    asked = Asked(turns, None, "current")
    asked.service.install(open_model(bundles["bankchurn"], turns.append))

    assert asked.service.name == "bankchurn" and asked.service.prefix == ""
    assert asked.metrics("towpath_ready") == {'towpath_ready{service="bankchurn"}': 1}


def test_more_work_than_can_be_done_in_time_is_refused_at_once_and_told_when_to_come_back(asked):
    asked.service.model.batcher.wait_seconds = lambda batch: 0.251
    replies = [
        asked.ask("POST", path, value)
        for path, value in (
            ("/predict", CUSTOMER),
            ("/predict_batch", {"customers": [CUSTOMER]}),
            ("/v2/models/bankchurn/infer", {"inputs": []}),
        )
    ]

    assert [(reply.status, reply.headers["retry-after"]) for reply in replies] == [(503, "1")] * 3
    assert asked.metric('towpath_errors_total{service="bankchurn",kind="busy"}') == 3
    asked.service.model.batcher.wait_seconds = lambda batch: 0.249
    assert asked.ask("POST", "/predict", CUSTOMER).status == 200


def not_finite():
    raise FloatingPointError


def test_a_model_that_fails_and_one_that_gives_no_number_are_counted_apart(asked):
    def fail(rows):
        raise ValueError

    asked.service.model.batcher = Batcher(fail, asked.turns.append)
    assert asked.ask("POST", "/predict", CUSTOMER).status == 500
    asked.service.model.batcher = Batcher(lambda rows: not_finite(), asked.turns.append)
    assert asked.ask("POST", "/predict", CUSTOMER).status == 500

    told = asked.metrics('towpath_errors_total{service="bankchurn"')
    assert {name.split('kind="')[1][:-2]: value for name, value in told.items() if value} == {
        "failed": 1,
        "not_finite": 1,
    }


def test_contributions_that_are_not_finite_are_an_error_of_the_model_and_never_null(bundles):
    turns = Turns()
    asked = Asked(turns, open_model(bundles["ml-api"], turns.append), "ml-api")
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    answer = asked.ask("POST", "/explain", dict.fromkeys(names, 1.79e308))

    assert answer.status == 500 and b"null" not in answer.body
    assert asked.metric('towpath_errors_total{service="ml-api",kind="not_finite"}') == 1
