"""The exchanges recorded from the original services, replayed: what carries over is the shape, and where not, why."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.bundles import SERVICES as NAMES
from tests.contracts.shape import shape
from tests.serving.process import Reply, Running

CORPORA = Path(os.environ.get("TOWPATH_DATA", "nowhere")).parent / "corpora"

REFUSED = "the original answers it with nonsense or 500; ours refuses a vector that is not four lengths in cm"
NONSENSE = "the original prices cars of the year 1500 and of 2099, and such that ran -5 miles; ours refuses them"
NO_SUCH = "the original prices a word it has never seen as if nothing were said; ours names the words that there are"
ANY_TYPE = "any content type is read as JSON, so that every documented curl works"
OURS = "our own page, in our own shape"
EXCEPTIONS: dict[tuple[str, str], tuple[int, str]] = {
    ("iris", "three values"): (422, REFUSED),
    ("iris", "no values"): (422, REFUSED),
    ("iris", "five values"): (422, REFUSED),
    ("iris", "negative"): (422, REFUSED),
    ("iris", "huge"): (422, REFUSED),
    ("iris", "no content type"): (200, ANY_TYPE),
    ("bankchurn", "no content type"): (200, ANY_TYPE),
    ("bankchurn", "Tenure null"): (200, "909 of the 10,000 customers have no tenure, so the model takes it as missing"),
    ("bankchurn", "alias"): (200, "documented by the original, and absent there"),
    ("bankchurn", "documented, absent"): (200, "documented by the original, and absent there"),
    ("sentiment", "schema"): (200, "every service describes itself"),
    ("ml-service", "no content type"): (200, ANY_TYPE),
    ("ml-api", "no content type"): (200, ANY_TYPE),
    ("ml-api", "home"): (200, "every service says at its root what it is"),
    ("telecom", "absent"): (200, "documented by the original, and absent there"),
    ("carvision", "absent"): (200, "documented by the original, and absent there"),
    ("carvision", "model_year=1500"): (422, NONSENSE),
    ("carvision", "model_year=2099"): (422, NONSENSE),
    ("carvision", "odometer=-5"): (422, NONSENSE),
    ("carvision", "cylinders=-1"): (422, NONSENSE),
    ("carvision", "fuel=plutonium"): (422, NO_SUCH),
    ("carvision", "condition=wrecked"): (422, NO_SUCH),
}
"""What ours answers otherwise than the original: the status, and the reason."""

ANOTHER_BODY = {
    "schema": OURS,
    "metrics": "metric names of their own are declined; ours are towpath_* with a service label",
}
"""Notes whose status carries over and whose body does not."""


ADDED = {"currency", "interval"}
"""What CarVision's answers say beside the original's price."""


def recorded(name: str) -> list[dict[str, Any]]:
    path = CORPORA / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


EXCHANGES = [pytest.param(name, one, id=f"{name}-{one['note']}") for name in NAMES for one in recorded(name)]
pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not EXCHANGES, reason="there are no recorded corpora beside TOWPATH_DATA"),
]


def ask(worker: Running, exchange: dict[str, Any]) -> Reply:
    request = exchange["request"]
    headers = {"Content-Type": request["content_type"]} if request["content_type"] else {}
    return worker.ask(request["method"], request["path"], whole_body(exchange), headers)


def whole_body(exchange: dict[str, Any]) -> bytes | None:
    """The body as it was sent; two long ones were cut in the recording and are made again."""
    body = exchange["request"]["body"]
    if exchange["note"] == "batch of 1001":
        alone = next(one["request"]["body"] for one in recorded("bankchurn") if one["note"] == "batch of 1")
        return json.dumps({"customers": json.loads(alone)["customers"] * 1001}).encode()
    if exchange["note"] == "long":
        return json.dumps({"text": "great! " * 2000}).encode()
    return None if body is None else body.encode()


@pytest.mark.parametrize(("name", "exchange"), EXCHANGES)
def test_a_recorded_exchange_keeps_its_status_and_shape(workers, name, exchange):
    reply = ask(workers[name], exchange)
    expected, note = exchange["reply"], exchange["note"]
    status, _ = EXCEPTIONS.get((name, note), (expected["status"], ""))

    assert reply.status == status, reply.body
    if (name, note) in EXCEPTIONS or note in ANOTHER_BODY:
        return
    if expected["location"]:
        assert (reply.headers["location"], reply.body) == (expected["location"], b"")
    elif expected["content_type"].startswith("application/json"):
        check_body(reply.json(), original(exchange))
    elif expected["status"] >= 400:
        assert set(reply.json()) == {"error", "request_id"}, "HTML error pages became JSON of the flask style"


def original(exchange: dict[str, Any]) -> Any:
    """The recorded body; of one that was cut, the shape that its beginning shows."""
    body = exchange["reply"]["body"]
    try:
        return json.loads(body)
    except ValueError:
        assert exchange["note"] in ("empty object", "batch of 1001", "batch of 3"), exchange["note"]
        return None


def check_body(ours: Any, theirs: Any) -> None:
    if theirs is None:
        return
    if "detail" in theirs or "error" in theirs:
        assert set(ours) == set(theirs) | {"request_id"}
    if isinstance(theirs.get("detail"), list):
        assert sorted(map(place, ours["detail"])) == sorted(map(place, theirs["detail"]))
        assert all({"type", "loc", "msg"} == set(fault) for fault in ours["detail"])
    elif "detail" in theirs or "error" in theirs:
        assert {name: ours[name] for name in theirs} == theirs
    else:
        assert shape({name: ours[name] for name in theirs}) == shape(theirs)
        assert set(ours) - set(theirs) <= ADDED, "clients of the original get nothing more than is declared"


def place(fault: dict[str, Any]) -> tuple[str, list[Any]]:
    """The kind of a fault and where it is; a place inside broken JSON is the parser's own affair."""
    if fault["type"] == "json_invalid":
        return fault["type"], ["body"]
    return fault["type"], fault["loc"]


@pytest.mark.parametrize("name", NAMES)
def test_every_exception_is_one_of_a_recorded_exchange_that_differs(name):
    originals = {one["note"]: one["reply"]["status"] for one in recorded(name)}
    excepted = {note: status for (service, note), (status, _) in EXCEPTIONS.items() if service == name}

    assert all(originals[note] != status for note, status in excepted.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_record_that_is_answered_keeps_to_the_description(workers, name):
    described = workers[name].get("/openapi.json").json()
    answered = 0
    for exchange in recorded(name):
        if exchange["request"]["path"] == "/predict" and exchange["request"]["method"] == "POST":
            reply = ask(workers[name], exchange)
            if reply.status == 200:
                answered += 1
                validator(described, "Record").validate(json.loads(whole_body(exchange)))
                validator(described, "Answer").validate(reply.json())

    assert answered >= 2


def validator(described: dict[str, Any], name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": described["components"]})
