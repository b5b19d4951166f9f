"""Each service's own corpus: valid, each field broken in each way, empty, malformed, batches of 0, 1, 1000 and 1001.

One exchange a line in <service>.jsonl. A request is `json`, `raw` text, or `record` so many `times` in the batch's
`field`; a reply has a status and may tell its `faults` (path and type, fastapi style), its `error` (flask style) or the
names it `has`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.bundles import SERVICES as NAMES

HERE = Path(__file__).parent

pytestmark = pytest.mark.integration


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / f"{name}.jsonl").read_text().splitlines()]


def body_of(request: dict[str, Any]) -> bytes | None:
    if "raw" in request:
        return request["raw"].encode()
    if "times" in request:
        return json.dumps({request["field"]: [request["record"]] * request["times"]}).encode()
    return json.dumps(request["json"]).encode() if request["method"] == "POST" else None


CASES = [pytest.param(name, one, id=f"{name}-{one['note']}") for name in NAMES for one in corpus(name)]


@pytest.mark.parametrize(("name", "exchange"), CASES)
def test_an_exchange_of_our_own_corpus(workers, name, exchange):
    request, expected = exchange["request"], exchange["reply"]
    reply = workers[name].ask(request["method"], request["path"], body_of(request))

    assert reply.status == expected["status"], reply.body[:500]
    if "faults" in expected:
        assert [[path_of(fault), fault["type"]] for fault in reply.json()["detail"]] == expected["faults"]
    if "error" in expected:
        assert reply.json()["error"] == expected["error"]
    if "has" in expected:
        assert list(reply.json()) == expected["has"]
    if reply.status == 200 and "times" in request:
        lists = [value for value in reply.json().values() if isinstance(value, list)]
        assert [len(answers) for answers in lists] == [request["times"]]


def path_of(fault: dict[str, Any]) -> str:
    first, *rest = fault["loc"]
    assert first == "body"
    return ".".join(map(str, rest))


@pytest.mark.parametrize("name", NAMES)
def test_every_reply_to_a_record_keeps_to_the_description(workers, name):
    described = workers[name].get("/openapi.json").json()
    schemas = {"200": "Answer", "400": "Error", "422": "Error"}
    checked = 0
    for exchange in corpus(name):
        if exchange["request"]["path"] == "/predict" and exchange["request"]["method"] == "POST":
            reply = workers[name].ask("POST", "/predict", body_of(exchange["request"]))
            schema = {
                "$ref": f"#/components/schemas/{schemas[str(reply.status)]}",
                "components": described["components"],
            }
            Draft202012Validator(schema).validate(reply.json())
            checked += 1

    assert checked > 20
