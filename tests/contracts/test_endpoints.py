"""The endpoints of the reference services, each asked as its runbook asks it."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundles import portfolio
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


@pytest.mark.feature("F711", "F725", "F729")
@pytest.mark.parametrize("name", ["ml-service", "carvision", "telecom"])
def test_three_of_the_services_send_their_visitors_on_to_their_documentation(workers: Workers, name: str):
    home = workers[name].get("/")

    assert (home.status, home.headers["location"]) == (307, "/docs")
    assert workers[name].get(home.headers["location"]).status == 200


@pytest.mark.feature("F712", "F717")
@pytest.mark.parametrize("name", ["ml-service", "ml-api"])
def test_the_two_small_iris_services_are_ok(workers: Workers, name: str):
    assert workers[name].get("/health").json() == {"status": "ok"}


FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


@pytest.mark.feature("F713")
def test_ml_service_names_a_flower_with_its_class(workers: Workers):
    large = {"sepal_length": 6.9, "sepal_width": 3.1, "petal_length": 5.4, "petal_width": 2.1}

    assert workers["ml-service"].post("/predict", FLOWER).json() == {"predicted_class": 0, "label": "setosa"}
    assert workers["ml-service"].post("/predict", large).json() == {"predicted_class": 2, "label": "virginica"}


@pytest.mark.feature("F718")
def test_ml_api_says_how_sure_it_is_of_a_class(workers: Workers):
    reply = workers["ml-api"].post("/predict", FLOWER).json()

    assert reply["prediction"] == 0
    assert 0.95 < reply["confidence"] < 1


@pytest.mark.feature("F726")
def test_carvision_tells_its_health_with_uptime(workers: Workers):
    health = workers["carvision"].get("/health").json()

    assert (list(health), health["status"]) == (["status", "uptime_seconds"], "ok")


@pytest.mark.feature("F730")
def test_telecom_tells_its_health_with_model_and_uptime(workers: Workers):
    health = workers["telecom"].get("/health").json()

    assert (health["status"], health["model_loaded"]) == ("ok", True)
    assert health["uptime_seconds"] > 0


@pytest.mark.feature("F727", "F731")
@pytest.mark.parametrize("name", ["carvision", "telecom"])
def test_carvision_and_telecom_count_their_requests(workers: Workers, name: str):
    def answered() -> float:
        return sum(workers[name].metrics(f'towpath_requests_total{{service="{name}",route="/predict"').values())

    before = answered()
    workers[name].post("/predict", {"CarVision": "not a record"})

    assert answered() == before + 1


CAR = {
    "model_year": 2018, "model": "ford f-150", "condition": "good", "cylinders": 6, "fuel": "gas", "odometer": 50000,
    "transmission": "automatic", "drive": "4wd", "type": "truck", "paint_color": "white",
}  # fmt: skip


@pytest.mark.feature("F150", "F728")
def test_carvision_prices_a_car_in_dollars_with_the_range_that_it_lies_in(workers: Workers):
    reply = workers["carvision"].post("/predict", CAR).json()

    assert reply["currency"] == "USD"
    assert 10_000 < reply["interval"]["low"] < reply["prediction"] < reply["interval"]["high"] < 80_000


@pytest.mark.feature("F728")
def test_carvision_takes_the_originals_word_for_what_a_client_leaves_out(workers: Workers):
    said = {"condition": "good", "cylinders": 4, "fuel": "gas", "odometer": 0, "transmission": "automatic"}
    said |= {"type": "sedan", "paint_color": "white", "drive": "fwd"}
    short = {"model_year": 2018, "model": "ford f-150"}

    alone, whole = (workers["carvision"].post("/predict", record).json() for record in (short, short | said))

    assert alone == whole


@pytest.mark.parametrize("wrong", [{"model_year": 1500}, {"model_year": 2099}, {"odometer": -5}])
def test_carvision_refuses_what_the_original_priced(workers: Workers, wrong: dict[str, int]):
    reply = workers["carvision"].post("/predict", CAR | wrong)

    assert reply.status == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["body", *wrong]]


@pytest.mark.feature("F732")
def test_telecom_decides_with_the_probability_that_it_tells(workers: Workers):
    months = [
        {"calls": 40.0, "minutes": 311.9, "messages": 83.0, "mb_used": 19915.42},
        {"calls": 120, "minutes": 900, "messages": 150, "mb_used": 40000},
    ]
    replies = [workers["telecom"].post("/predict", month).json() for month in months]

    assert [reply["prediction"] for reply in replies] == [0, 1]
    assert replies[0]["probability_is_ultra"] < replies[1]["probability_is_ultra"]


@pytest.mark.feature("F523")
def test_every_reference_service_has_tests_of_its_own():
    assert set(NAMES) == set(portfolio(Path("nowhere")).service_folders())
    assert all(len(corpus(name)) > 40 for name in NAMES)


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
