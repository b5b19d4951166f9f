"""What is sent: lines of a file, or records made from a schema, valid and different from each other."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from towpath.bundle.read import read_bundle
from towpath.cli.loadtest.bodies import MADE, from_bundle, from_file, from_schema
from towpath.core.errors import InfrastructureError, UsageError
from towpath.core.openapi import openapi

# As pydantic describes a model to FastAPI.
PYDANTIC = {
    "components": {
        "schemas": {
            "Item": {
                "type": "object",
                "properties": {
                    "age": {"type": "integer", "exclusiveMinimum": 17, "maximum": 20},
                    "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                    "income": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]},
                    "kind": {"$ref": "#/components/schemas/Kind"},
                    "tags": {
                        "type": "array",
                        "items": {"type": "string", "minLength": 2, "maxLength": 5},
                        "minItems": 2,
                    },
                    "code": {"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["ABC"]},
                    "fixed": {"const": 7},
                    "yes": {"type": "boolean"},
                },
                "required": ["age"],
            },
            "Kind": {"type": "string", "enum": ["new", "used"]},
        }
    }
}


def test_records_for_any_description_fit_it_and_differ():
    bodies = from_schema({"$ref": "#/components/schemas/Item"}, PYDANTIC)

    valid = Draft202012Validator({"$ref": "#/components/schemas/Item"} | PYDANTIC)
    assert all(valid.is_valid(json.loads(body)) for body in bodies)
    assert len(set(bodies)) == len(bodies) == MADE
    assert bodies == from_schema({"$ref": "#/components/schemas/Item"}, PYDANTIC), "the same ones every time"


def test_a_schema_that_refers_to_itself_ends():
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}

    assert from_schema({"$ref": "#/components/schemas/Node"}, {"components": {"schemas": {"Node": node}}})


@pytest.mark.parametrize("name", ["iris", "bankchurn", "sentiment", "carvision", "telecom"])
@pytest.mark.parametrize("kind", ["Record", "Batch"])
def test_records_and_batches_for_our_services_fit_their_descriptions(bundles: dict[str, Path], name: str, kind: str):
    described = openapi(read_bundle(bundles[name]).contract)
    schema = {"$ref": f"#/components/schemas/{kind}"}
    bodies = from_schema(schema, described)

    valid = Draft202012Validator(schema | {"components": described["components"]})
    assert [error.message for body in bodies for error in valid.iter_errors(json.loads(body))] == []
    assert len(set(bodies)) > 100


def test_a_bundle_gives_its_golden_records(bundles: dict[str, Path]):
    service, bodies = from_bundle(bundles["bankchurn"])

    assert service == "bankchurn"
    assert len(set(bodies)) > 60
    assert all("CreditScore" in json.loads(body) for body in bodies)


def test_a_file_has_a_value_a_line_or_is_one_as_a_whole(tmp_path: Path):
    lines, whole = tmp_path / "lines.jsonl", tmp_path / "sample_request.json"
    lines.write_text('{"text": "great"}\n\n{"text": "awful"}\n')
    whole.write_text(json.dumps({"text": "great"}, indent=2))

    assert from_file(str(lines)) == [b'{"text": "great"}', b'{"text": "awful"}']
    assert [json.loads(body) for body in from_file(str(whole))] == [{"text": "great"}]


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "is empty"), ("\n \n", "is empty"), ('{"text": "great"}\n{"text": \n', "line 2 is not JSON")],
)
def test_a_broken_file_is_told_by_its_line(tmp_path: Path, content: str, says: str):
    (tmp_path / "bodies").write_text(content)

    with pytest.raises(UsageError, match=says):
        from_file(str(tmp_path / "bodies"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InfrastructureError, match="No such file"):
        from_file(str(tmp_path / "none"))
