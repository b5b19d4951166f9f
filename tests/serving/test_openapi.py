"""The OpenAPI description: valid JSON Schemas that hold for what the service takes and gives."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.serving.conftest import CUSTOMER
from tests.serving.process import Running
from towpath.bundle.read import read_bundle
from towpath.core.openapi import _NUMERIC, error_schema, openapi, record_schema, reply_schema
from towpath.serving import head
from towpath.serving.access import NO_KEY
from towpath.serving.meter import ASKED, EXPLAINED
from towpath.serving.model import open_model

NAMES = ("iris", "bankchurn", "sentiment")
UNTOLD = {"flask": {422}, "fastapi": set(), "towpath": set()}  # which that style never answers with


@pytest.fixture(params=NAMES)
def contract(request, bundles):
    return read_bundle(bundles[request.param]).contract


def test_every_schema_is_a_valid_one_and_every_reference_leads_somewhere(contract):
    described = openapi(contract, "/x")
    schemas = described["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(described)

    assert all(f"#/components/schemas/{name}" in text or name == "Record" for name in schemas)
    assert text.count("#/components/schemas/") == sum(text.count(f'#/components/schemas/{name}"') for name in schemas)
    assert all(path.startswith("/x/") for path in described["paths"])


def test_every_operation_has_a_name_of_its_own(contract):
    operations = [
        operation["operationId"] for verbs in openapi(contract)["paths"].values() for operation in verbs.values()
    ]

    assert len(operations) == len(set(operations)) >= 11


def test_every_status_that_the_endpoints_are_metered_with_is_described(contract):
    paths = openapi(contract)["paths"]
    for path, metered in {"/predict": ASKED, "/predict_batch": ASKED, "/explain": EXPLAINED}.items():
        described = {int(status) for status in paths[path]["post"]["responses"]}

        assert set(metered) - UNTOLD[contract.style.errors] <= described
        assert {NO_KEY.status, head.TOO_SLOW.status, head.TOO_LARGE.status, head.ENCODED.status} <= described


def test_a_key_may_be_given_and_need_not(contract):
    described = openapi(contract)

    assert described["components"]["securitySchemes"]["key"] == {"type": "http", "scheme": "bearer"}
    assert described["paths"]["/predict"]["post"]["security"] == [{}, {"key": []}]


def test_home_and_health_are_described_as_the_style_has_them(bundles):
    styled = {name: openapi(read_bundle(bundles[name]).contract, f"/{name}")["paths"] for name in bundles}

    assert styled["carvision"]["/carvision/"]["get"]["responses"]["307"]["headers"]["Location"] == {
        "schema": {"const": "/carvision/docs"}
    }
    for name, paths in styled.items():
        health = paths[f"/{name}/health"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert health["required"] == list(read_bundle(bundles[name]).contract.style.health.fields)


@pytest.mark.parametrize("text", ["1", " -1.5 ", "1_000", "1e5", "1_0.0_1e+1_0", ".5", "5.", "1.e3"])
def test_a_number_in_a_string_is_described_as_the_service_reads_it(text):
    assert re.search(_NUMERIC, text) and isinstance(float(text), float)


@pytest.mark.parametrize("text", ["", "_1", "1_", "1__0", "1._5", ".", "e5", "1e", "0x10", "1,5", "--1", "1 2"])
def test_what_is_no_number_in_a_string_is_described_as_none(text):
    assert not re.search(_NUMERIC, text)
    with pytest.raises(ValueError, match="could not convert"):
        float(text)


def test_the_example_keeps_to_the_schema(contract):
    schema = record_schema(contract)

    assert Draft202012Validator(schema).is_valid(schema["examples"][0])


def test_what_the_model_answers_keeps_to_the_schema(bundles):
    for name in NAMES:
        model = open_model(bundles[name], [].append)
        golden = [model.engine.read(row.record) for row in model.bundle.golden()]
        validator = Draft202012Validator(reply_schema(model.contract))
        for answer in model.engine.answers(golden, model.said("r")):
            validator.validate(answer)


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"Age": 40.0}, True),
        ({"Age": "40"}, True),
        ({"Tenure": None}, True),
        ({"extra": 1}, True),
        ({"CustomerId": 7}, True),
        ({"Age": 40.5}, False),
        ({"Age": 17}, False),
        ({"Age": None}, False),
        ({"Age": "forty"}, False),
        ({"Age": True}, False),
        ({"Geography": "Italy"}, False),
        ({"Balance": -1}, False),
    ],
)
def test_a_record_keeps_to_the_schema_exactly_when_the_service_takes_it(bundles, change, valid):
    model = open_model(bundles["bankchurn"], [].append)
    record = CUSTOMER | change
    try:
        model.reader.record(json.dumps(record).encode())
        taken = True
    except Exception:
        taken = False

    assert Draft202012Validator(record_schema(model.contract)).is_valid(record) is valid is taken


def test_refusals_keep_to_the_schema_of_errors(contract, bundles):
    from tests.serving.asking import Asked, Turns

    turns = Turns()
    asked = Asked(turns, open_model(bundles[contract.service], turns.append), contract.service)
    validator = Draft202012Validator(error_schema(contract.style))
    for body in ({}, b"{", {"text": 5, "features": [1], "Age": "x"}):
        answer = asked.ask("POST", "/predict", body)

        assert answer.status in (400, 422)
        validator.validate(answer.json())


@pytest.mark.parametrize("service", ["iris", "bankchurn", "sentiment"])
def test_the_openapi_document_is_valid_by_the_specification(three: Running, service: str):
    document = three.get(f"/{service}/openapi.json").json()

    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
