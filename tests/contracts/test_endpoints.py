"""The endpoints of the reference services, each asked as its runbook asks it."""

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.contracts.test_corpus import NAMES, corpus
from tests.serving.conftest import CUSTOMER
from tests.serving.process import Running

pytestmark = pytest.mark.integration

Workers = dict[str, Running]


@pytest.mark.feature("F708")
def test_iris_says_that_it_runs(workers: Workers):
    assert workers["iris"].get("/").json() == {"message": "Iris Classification API is running"}


@pytest.mark.feature("F709")
def test_iris_is_healthy(workers: Workers):
    assert workers["iris"].get("/health").json() == {"status": "healthy"}


@pytest.mark.feature("F710")
def test_iris_names_the_flower_of_four_lengths(workers: Workers):
    reply = workers["iris"].ask("POST", "/predict", '{"features": [5.1, 3.5, 1.4, 0.2]}').json()

    assert (reply["prediction"], reply["class_name"]) == (0, "setosa")
    assert reply["probabilities"] == [1.0, 0.0, 0.0]


@pytest.mark.feature("F714")
def test_sentiment_lists_its_endpoints(workers: Workers):
    home = workers["sentiment"].get("/").json()

    assert home["service"] == "ML Sentiment Inference API"
    assert home["endpoints"] == {"/health": "GET  - Health check", "/predict": "POST - Sentiment prediction"}
    assert home["version"].startswith("bundle:")


@pytest.mark.feature("F715")
def test_sentiment_is_healthy(workers: Workers):
    assert workers["sentiment"].get("/health").json() == {"status": "healthy"}


@pytest.mark.feature("F716")
@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("This movie is great and amazing", "positive"),
        ("This movie is terrible and awful", "negative"),
        ("zzqx wvvk", "neutral"),
    ],
)
def test_sentiment_hears_the_tone_of_a_text(workers: Workers, text: str, label: str):
    reply = workers["sentiment"].ask("POST", "/predict", f'{{"text": "{text}"}}').json()

    assert reply["label"] == label
    assert 0.5 <= reply["confidence"] == round(reply["confidence"], 2) <= 1


@pytest.mark.feature("F719")
def test_bankchurn_says_where_its_documentation_and_health_are(workers: Workers):
    home = workers["bankchurn"].get("/").json()

    assert (home["message"], home["docs"], home["health"]) == ("BankChurn Predictor API", "/docs", "/health")
    assert workers["bankchurn"].get(home["docs"]).status == workers["bankchurn"].get(home["health"]).status == 200


@pytest.mark.feature("F720")
def test_bankchurn_tells_its_health_with_uptime_and_version(workers: Workers):
    health = workers["bankchurn"].get("/health").json()

    assert (health["status"], health["model_loaded"]) == ("healthy", True)
    assert health["uptime_seconds"] > 0
    assert health["version"] == workers["bankchurn"].get("/").json()["version"]


@pytest.mark.feature("F721")
def test_bankchurn_counts_its_predictions_by_class(workers: Workers):
    worker = workers["bankchurn"]

    def predicted() -> float:
        lines = worker.get("/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("towpath_predictions_total"))

    before = predicted()
    worker.ask("POST", "/predict", json.dumps(CUSTOMER))

    assert predicted() == before + 1


@pytest.mark.feature("F722")
def test_bankchurn_tells_about_its_model(workers: Workers):
    about = workers["bankchurn"].get("/model_info").json()

    assert (about["service"], about["model_loaded"]) == ("bankchurn", True)
    assert {"auc", "f1"} <= set(about["model_metadata"]["metrics"])


@pytest.mark.feature("F723")
def test_bankchurn_answers_ten_fields_with_risk_reasons_and_time(workers: Workers):
    reply = workers["bankchurn"].ask("POST", "/predict", json.dumps(CUSTOMER)).json()

    p = reply["churn_probability"]
    assert reply["risk_level"] == ("LOW" if p < 0.3 else "MEDIUM" if p < 0.7 else "HIGH")
    assert reply["confidence"] == pytest.approx(abs(p - 0.5) * 2)
    assert set(reply["feature_contributions"]) == set(CUSTOMER)
    made = datetime.strptime(reply["prediction_timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 10


@pytest.mark.feature("F133")
@pytest.mark.feature("F724")
@pytest.mark.parametrize(("count", "status"), [(0, 422), (1, 200), (3, 200), (1000, 200), (1001, 422)])
def test_bankchurn_takes_batches_of_one_to_a_thousand(workers: Workers, count: int, status: int):
    reply = workers["bankchurn"].ask("POST", "/predict_batch", json.dumps({"customers": [CUSTOMER] * count}))

    assert reply.status == status
    if status == 200:
        assert (reply.json()["total_customers"], len(reply.json()["predictions"])) == (count, count)
        assert reply.json()["batch_id"]
        assert reply.json()["processing_time_seconds"] > 0


@pytest.mark.feature("F132")
def test_the_batch_endpoint_has_the_name_that_the_runbooks_promise(workers: Workers):
    reply = workers["bankchurn"].ask("POST", "/batch-predict", json.dumps({"customers": [CUSTOMER] * 3}))

    assert reply.json()["total_customers"] == 3


@pytest.mark.feature("F524")
@pytest.mark.parametrize("name", NAMES)
def test_every_service_is_tested_with_valid_invalid_missing_mistyped_and_empty_requests(name: str):
    cases = [one for one in corpus(name) if one["request"]["method"] == "POST"]
    statuses = Counter(one["reply"]["status"] for one in cases)
    refused = 400 if name == "sentiment" else 422
    kinds = {kind for one in cases for _, kind in one["reply"].get("faults", [])}

    assert (statuses[200] >= 4, statuses[refused] >= 10) == (True, True)
    assert any(one["request"].get("raw") == "" for one in cases)
    assert any(one["request"].get("json") == {} for one in cases)
    assert name == "sentiment" or {"missing", "json_invalid", "float_type"} <= kinds
