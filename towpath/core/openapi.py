"""The OpenAPI 3.1 description of a service, made from its contract alone."""

from typing import Any

from towpath.core.answer import Answers, Constant, answer_schema
from towpath.core.contract import Contract, Field, example_record
from towpath.core.style import Style

Schema = dict[str, Any]

_KEYWORDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_NUMERIC = r"^\s*[+-]?[0-9_.]+([eE][+-]?[0-9]+)?\s*$"
_BATCH_PATHS = ("/predict_batch", "/batch-predict", "/predict/batch")


def openapi(contract: Contract, prefix: str = "", version: str = "0") -> dict[str, Any]:
    """The description of a service that is served under a prefix: "" or "/bankchurn"."""
    paths = _prediction_paths(contract) | _status_paths(contract)
    return {
        "openapi": "3.1.0",
        "info": {"title": contract.title or contract.service, "description": contract.description, "version": version},
        "paths": {prefix + path: operations for path, operations in paths.items()},
        "components": {"schemas": _schemas(contract)},
    }


def record_schema(contract: Contract) -> Schema:
    """The JSON Schema of one record: it holds for every record that the service accepts."""
    schema: Schema = {
        "type": "object",
        "properties": {field.name: _field_schema(field, contract.style) for field in contract.record},
        "required": [field.name for field in contract.record if field.required],
        "examples": [example_record(contract)],
    }
    return schema | ({"additionalProperties": False} if contract.strict else {})


def reply_schema(contract: Contract) -> Schema:
    """The JSON Schema of one reply."""
    properties = {entry.name: answer_schema(entry.item, contract.task.classes) for entry in contract.answer}
    return {"type": "object", "properties": properties, "required": list(properties)}


def error_schema(style: Style) -> Schema:
    """The JSON Schema of every refusal, in the shape of the style."""
    text: Schema = {"type": "string"}
    if style.errors == "fastapi":
        place = {"type": "array", "items": {"type": ["string", "integer"]}}
        fault = _object({"type": text, "loc": place, "msg": text})
        return _object({"detail": {"anyOf": [{"type": "array", "items": fault}, text]}, "request_id": text})
    if style.errors == "flask":
        return _object({"error": text, "request_id": text})
    faults = {"type": "array", "items": _object({"path": text, "reason": text})}
    return _object({"error": _object({"code": text, "message": text, "faults": faults, "request_id": text})})


def _schemas(contract: Contract) -> Schema:
    batch = contract.style.batch
    records = {"type": "array", "items": _ref("Record"), "minItems": 1, "maxItems": batch.max}
    replies = {entry.name: _batch_schema(entry.item) for entry in batch.reply}
    return {
        "Record": record_schema(contract),
        "Answer": reply_schema(contract),
        "Batch": _object({batch.field: records}),
        "BatchAnswer": _object(replies),
        "Explanation": _explanation_schema(),
        "Error": error_schema(contract.style),
    }


def _field_schema(field: Field, style: Style) -> Schema:
    about: Schema = {"description": field.description} if field.description else {}
    if not field.required:
        about["default"] = field.default
    schema = about | _value_schema(field, style)
    if not field.nullable:
        return schema
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    kinds = schema["type"]
    return schema | {"type": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}


def _value_schema(field: Field, style: Style) -> Schema:
    if field.choices:
        return {"enum": list(field.choices)}
    if field.role == "id":
        return {"type": ["integer", "string"] if field.type == "integer" else "string"}
    if field.type == "vector":
        size = len(field.names)
        number = _number_schema(field, "number", style)
        return {"type": "array", "items": number, "minItems": size, "maxItems": size, "title": ", ".join(field.names)}
    if field.type == "string":
        limits = {"minLength": field.min_length, "maxLength": field.max_length, "pattern": field.pattern}
        return {"type": "string"} | {keyword: limit for keyword, limit in limits.items() if limit is not None}
    return {"type": "boolean"} if field.type == "boolean" else _number_schema(field, field.type, style)


def _number_schema(field: Field, kind: str, style: Style) -> Schema:
    bounds = {_KEYWORDS[keyword]: limit for keyword, limit in field.bounds().items()}
    if not style.numeric_strings:
        return {"type": kind} | bounds
    return {"type": [kind, "string"], "pattern": _NUMERIC} | bounds


def _batch_schema(item: Any) -> Schema:
    if isinstance(item, Answers):
        return {"type": "array", "items": _ref("Answer")}
    return {"const": item.value} if isinstance(item, Constant) else answer_schema(item, ())


def _explanation_schema() -> Schema:
    number: Schema = {"type": "number"}
    parts = {"type": "object", "additionalProperties": number}
    output = _object({"of": {"type": "string"}, "base": number, "raw": number, "contributions": parts})
    return _object(
        {"space": {"const": "score"}, "outputs": {"type": "array", "items": output}, "release": {"type": "string"}}
    )


def _prediction_paths(contract: Contract) -> Schema:
    batch = {path: _post(contract, "Batch", "BatchAnswer", "Predict for many records", path) for path in _BATCH_PATHS}
    single = _post(contract, "Record", "Answer", "Predict for one record", "/predict")
    explain = _post(contract, "Record", "Explanation", "What each field adds to the score of one record", "/explain")
    return {"/predict": single, **batch, "/explain": explain}


def _post(contract: Contract, takes: str, gives: str, summary: str, path: str) -> Schema:
    broken = {"fastapi": "422", "flask": "400", "towpath": "422"}[contract.style.errors]
    refusals = {status: _reply(words, "Error") for status, words in _refusals(contract.style, broken).items()}
    body = {"required": True, "content": {"application/json": {"schema": _ref(takes)}}}
    replies = {"200": _reply("The answer", gives), **refusals}
    return {"post": {"summary": summary, "operationId": _operation(path), "requestBody": body, "responses": replies}}


def _refusals(style: Style, broken: str) -> dict[str, str]:
    what = "The body is not JSON, or the request" if style.errors == "towpath" else "The request"
    malformed = {} if broken == "400" else {"400": f"{what} is not well-formed"}
    return {
        **malformed,
        broken: "The record breaks the contract; every fault is told",
        "413": "The body is too large",
        "500": "The prediction failed; the request id is in the log",
        "503": "No model is loaded",
    }


def _status_paths(contract: Contract) -> Schema:
    """What can be asked without a record."""
    told = {
        "/": "What this is",
        "/live": "Whether the process turns",
        "/health": "Whether a checked model is loaded",
        "/ready": "Whether requests should be sent here",
        "/model_info": "The model, its evaluation and its data",
        "/metrics": "Counters and histograms in Prometheus' text format",
    }
    return {path: {"get": _get(path, summary)} for path, summary in told.items()}


def _get(path: str, summary: str) -> Schema:
    kind = "text/plain" if path == "/metrics" else "application/json"
    replies: Schema = {"200": {"description": summary, "content": {kind: {"schema": {}}}}}
    if path in ("/health", "/ready", "/model_info"):
        replies["503"] = {"description": "No model is loaded", "content": {"application/json": {"schema": {}}}}
    return {"summary": summary, "operationId": _operation(path), "responses": replies}


def _operation(path: str) -> str:
    return path.strip("/").replace("/", ".").replace("-", "_") or "home"


def _reply(words: str, schema: str) -> Schema:
    return {"description": words, "content": {"application/json": {"schema": _ref(schema)}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}
