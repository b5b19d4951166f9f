"""What the runbooks ask of each of the seven services: health, home, smoke predictions, refusals, batches."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import SERVICES
from tests.serving.conftest import CUSTOMER
from tests.serving.process import Running

pytestmark = pytest.mark.integration

Workers = dict[str, Running]
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
CAR = {"model_year": 2018, "model": "ford f-150", "condition": "good", "cylinders": 6, "odometer": 50000}
MONTH = {"calls": 40.0, "minutes": 311.9, "messages": 83.0, "mb_used": 19915.42}
RECORDS: dict[str, dict[str, Any]] = {
    "iris": {"features": [5.1, 3.5, 1.4, 0.2]},
    "ml-service": FLOWER,
    "ml-api": FLOWER,
    "sentiment": {"text": "This movie is great and amazing"},
    "bankchurn": CUSTOMER,
    "carvision": CAR,
    "telecom": MONTH,
}
every_service = pytest.mark.parametrize("name", SERVICES)


@pytest.mark.feature("F125")
@every_service
def test_every_service_tells_its_health(workers: Workers, name: str):
    reply = workers[name].get("/health")

    assert reply.status == 200
    assert reply.json()["status"] in ("healthy", "ok")
    assert reply.headers["x-towpath-bundle"] == workers[name].event["bundles"][name], "of a model that is loaded"


@pytest.mark.feature("F129")
@every_service
def test_every_service_says_at_its_root_what_it_is_or_where_to_read_it(workers: Workers, name: str):
    home = workers[name].get("/")

    if home.status == 307:
        assert (home.headers["location"], workers[name].get("/docs").status) == ("/docs", 200)
    else:
        assert home.status == 200
        assert {"message", "service"} & set(home.json())


@pytest.mark.feature("F146")
def test_where_probabilities_are_told_they_are_those_that_decide(workers: Workers):
    flower = workers["iris"].post("/predict", {"features": [6.0, 2.9, 4.8, 1.7]}).json()
    sure = workers["ml-api"].post("/predict", FLOWER).json()
    churn = workers["bankchurn"].post("/predict", CUSTOMER).json()

    assert len(flower["probabilities"]) == 3 and sum(flower["probabilities"]) == pytest.approx(1)
    assert flower["probabilities"][flower["prediction"]] == max(flower["probabilities"])
    assert 1 / 3 < sure["confidence"] < 1
    assert churn["confidence"] == pytest.approx(abs(churn["churn_probability"] - 0.5) * 2)


# --- smoke

ANSWERED = {
    "iris": {"prediction": 0, "class_name": "setosa"},
    "ml-service": {"predicted_class": 0, "label": "setosa"},
    "ml-api": {"prediction": 0},
    "sentiment": {"label": "positive"},
    "bankchurn": {"churn_prediction": 0, "risk_level": "LOW"},
    "carvision": {"currency": "USD"},
    "telecom": {"prediction": 0},
}
NUMBERS = {"bankchurn": "churn_probability", "carvision": "prediction", "telecom": "probability_is_ultra"}


@pytest.mark.scenario("S050")
@every_service
def test_the_documented_example_of_a_service_gets_its_documented_answer(workers: Workers, name: str):
    reply = workers[name].post("/predict", RECORDS[name])

    assert reply.status == 200
    assert {key: reply.json().get(key) for key in ANSWERED[name]} == ANSWERED[name]
    if name in NUMBERS:
        assert isinstance(reply.json()[NUMBERS[name]], float)


@pytest.mark.feature("F157")
@every_service
def test_a_request_kept_in_a_file_can_be_sent_as_curl_sends_it(workers: Workers, name: str, tmp_path: Path):
    file = tmp_path / "sample_request.json"
    file.write_text(json.dumps(RECORDS[name], indent=2))
    as_curl = {"Content-Type": "application/x-www-form-urlencoded"}  # of `curl -d @sample_request.json`
    reply = workers[name].ask("POST", "/predict", file.read_bytes(), as_curl)

    assert (reply.status, {key: reply.json().get(key) for key in ANSWERED[name]}) == (200, ANSWERED[name])


# --- wrong requests

WRONG = {
    "iris": [
        ({"features": [5.1, 3.5]}, "features", "it takes 4: sepal_length"),
        ({"features": []}, "features", "it takes 4: sepal_length"),
        ({"features": [5.1, 3.5, 1.4, "wide"]}, "features", "a valid number"),
        ({"features": [5.1, 3.5, 1.4, -1]}, "features", "greater than or equal to 0"),
        ({}, "features", "field required"),
    ],
    "ml-service": [
        (FLOWER | {"petal_width": 11}, "petal_width", "less than or equal to 10"),
        (FLOWER | {"petal_width": -0.1}, "petal_width", "greater than or equal to 0"),
        (FLOWER | {"petal_width": "wide"}, "petal_width", "a valid number"),
        ({}, "sepal_length", "field required"),
    ],
    "ml-api": [
        (FLOWER | {"petal_width": 0}, "petal_width", "greater than 0"),
        (FLOWER | {"petal_width": [1]}, "petal_width", "a valid number"),
        ({}, "sepal_length", "field required"),
    ],
    "sentiment": [
        ({"text": ""}, "text", "non-empty"),
        ({"text": "   "}, "text", "non-empty"),
        ({"text": 5}, "text", "string"),
        ({}, "text", "must include"),
    ],
    "bankchurn": [
        (CUSTOMER | {"CreditScore": 200}, "CreditScore", "greater than or equal to 300"),
        (CUSTOMER | {"Age": 17}, "Age", "greater than or equal to 18"),
        (CUSTOMER | {"Geography": "Italy"}, "Geography", "one of france, germany, spain"),
        (CUSTOMER | {"Balance": "much"}, "Balance", "a valid number"),
        ({name: value for name, value in CUSTOMER.items() if name != "Age"}, "Age", "field required"),
        ({}, "EstimatedSalary", "field required"),
    ],
    "carvision": [
        (CAR | {"model_year": 1500}, "model_year", "greater than or equal to 1900"),
        (CAR | {"condition": "shiny"}, "condition", "one of salvage, fair, good"),
        (CAR | {"odometer": "far"}, "odometer", "a valid number"),
        ({}, "model", "field required"),
    ],
    "telecom": [
        (MONTH | {"calls": -1}, "calls", "greater than or equal to 0"),
        (MONTH | {"calls": "some"}, "calls", "a valid number"),
        (MONTH | {"calls": None}, "calls", "a valid number"),
        ({}, "mb_used", "field required"),
    ],
}
CASES = [pytest.param(name, *case, id=f"{name}-{i}") for name, cases in WRONG.items() for i, case in enumerate(cases)]


@pytest.mark.scenario("S051")
@pytest.mark.parametrize(("name", "record", "field", "reason"), CASES)
def test_a_wrong_record_is_refused_with_the_field_and_the_reason(
    workers: Workers, name: str, record: dict[str, Any], field: str, reason: str
):
    reply = workers[name].post("/predict", record)

    assert 400 <= reply.status < 500
    said = reply.body.decode().lower()
    assert field.lower() in said and reason.lower() in said, said


@pytest.mark.scenario("S051")
@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"text"', "\xff"])
@every_service
def test_a_body_that_is_no_record_is_refused_and_never_a_fault_of_the_server(workers: Workers, name: str, body: str):
    reply = workers[name].ask("POST", "/predict", body.encode("latin-1"))

    assert 400 <= reply.status < 500
    assert len(reply.body) > 10


# --- batches


@pytest.mark.scenario("S052")
@pytest.mark.parametrize("count", [1, 3, 1000])
@every_service
def test_a_batch_is_answered_with_an_answer_for_each_record_an_id_and_its_seconds(
    workers: Workers, name: str, count: int
):
    field = "customers" if name == "bankchurn" else "records"
    reply = workers[name].post("/predict_batch", {field: [RECORDS[name]] * count})
    told = reply.json()

    assert reply.status == 200
    assert [len(value) for value in told.values() if isinstance(value, list)] == [count]
    assert told["batch_id"].startswith("batch_")
    assert told["processing_time_seconds" if name == "bankchurn" else "seconds"] > 0


@pytest.mark.scenario("S052")
@pytest.mark.parametrize(("count", "bound"), [(0, "at least 1"), (1001, "at most 1000")])
@every_service
def test_a_batch_of_too_few_or_too_many_is_refused_with_the_bound(workers: Workers, name: str, count: int, bound: str):
    field = "customers" if name == "bankchurn" else "records"
    reply = workers[name].post("/predict_batch", {field: [RECORDS[name]] * count})

    assert 400 <= reply.status < 500
    assert bound in reply.body.decode(), reply.body
