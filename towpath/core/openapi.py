"""The OpenAPI 3.1 description of a service, made from its contract alone."""

from typing import Any

from towpath.core.answer import Answers, Constant, answer_schema
from towpath.core.contract import Contract, Field, example_record
from towpath.core.style import Endpoints, Message, Redirect, Style

Schema = dict[str, Any]

_KEYWORDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_DIGITS = "[0-9](_?[0-9])*"  # as Python reads them
_NUMERIC = rf"^\s*[+-]?({_DIGITS}(\.({_DIGITS})?)?|\.{_DIGITS})([eE][+-]?{_DIGITS})?\s*$"
_TEXT: Schema = {"type": "string"}
_BATCH_PATHS = ("/predict_batch", "/batch-predict", "/predict/batch")


def openapi(contract: Contract, prefix: str = "", version: str = "0") -> dict[str, Any]:
    """The description of a service that is served under a prefix: "" or "/bankchurn"."""
    paths = _prediction_paths(contract) | _status_paths(contract, prefix)
    return {
        "openapi": "3.1.0",
        "info": {"title": contract.title or contract.service, "description": contract.description, "version": version},
        "paths": {prefix + path: operations for path, operations in paths.items()},
        "components": {"schemas": _schemas(contract), "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
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
    if style.errors == "fastapi":
        place = {"type": "array", "items": {"type": ["string", "integer"]}}
        fault = _object({"type": _TEXT, "loc": place, "msg": _TEXT})
        return _object({"detail": {"anyOf": [{"type": "array", "items": fault}, _TEXT]}, "request_id": _TEXT})
    if style.errors == "flask":
        return _texts("error", "request_id")
    faults = {"type": "array", "items": _texts("path", "reason")}
    return _object({"error": _object({"code": _TEXT, "message": _TEXT, "faults": faults, "request_id": _TEXT})})


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
    output = _object({"of": _TEXT, "base": number, "raw": number, "contributions": parts})
    return _object({"space": {"const": "score"}, "outputs": {"type": "array", "items": output}, "release": _TEXT})


def _prediction_paths(contract: Contract) -> Schema:
    batch = {path: _post(contract, "Batch", "BatchAnswer", "Predict for many records", path) for path in _BATCH_PATHS}
    single = _post(contract, "Record", "Answer", "Predict for one record", "/predict")
    explain = _post(contract, "Record", "Explanation", "What each field adds to the score of one record", "/explain")
    return {"/predict": single, **batch, "/explain": explain}


def _post(contract: Contract, takes: str, gives: str, summary: str, path: str) -> Schema:
    return {
        "post": {
            "summary": summary,
            "operationId": _operation(path),
            "security": [{}, {"key": []}],  # a worker may ask for a key; the contract does not know
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(takes)}}},
            "responses": {"200": _reply("The answer", gives), **_refusals(contract.style, path)},
        }
    }


def _refusals(style: Style, path: str) -> Schema:
    """What a POST can be answered instead, by status."""
    broken = "400" if style.errors == "flask" else "422"
    what = "The body is not JSON, or the request" if style.errors == "towpath" else "The request"
    words = {
        "400": f"{what} is not well-formed",
        "401": "This worker needs a key",
        "408": "The request did not arrive in time",
        "411": "The request says nothing of its length",
        "413": "The body is too large",
        "415": "The body has a Content-Encoding",
        "500": "The prediction failed; the request id is in the log",
        **({"501": "The model was packed without contributions"} if path == "/explain" else {}),
        "503": "No model is loaded, or more is asked than can be answered in time",
        broken: "The record breaks the contract; every fault is told",
    }
    return {status: _reply(words[status], "Error") for status in sorted(words)}


def _status_paths(contract: Contract, prefix: str) -> Schema:
    """What can be asked without a record."""
    ready = _object({"ready": {"type": "boolean"}}, reason=_TEXT)
    told = {
        "/live": _get("/live", "Whether the process turns", _object({"status": {"const": "alive"}})),
        "/health": _get("/health", "Whether a checked model is loaded", _health_schema(contract.style), sick=True),
        "/ready": _get("/ready", "Whether requests should be sent here", ready, sick=True),
        "/model_info": _get("/model_info", "The model, its evaluation and its data", _info_schema(), error=True),
        "/metrics": _metrics(),
    }
    return {"/": _home(contract.style, prefix)} | {path: {"get": operation} for path, operation in told.items()}


def _get(path: str, summary: str, schema: Schema, sick: bool = False, error: bool = False) -> Schema:
    """An operation that is answered in JSON; sick, where 503 says the same as 200 and why, error where it refuses."""
    replies: Schema = {"200": {"description": summary, "content": _json(schema)}}
    if sick or error:
        replies["503"] = {"description": "No model is loaded", "content": _json(_ref("Error") if error else schema)}
    return {"summary": summary, "operationId": _operation(path), "responses": replies}


def _metrics() -> Schema:
    summary = "Counters and histograms in Prometheus' text format"
    replies = {
        "200": {"description": summary, "content": {"text/plain": {"schema": _TEXT}}},
        "404": _reply("They are told on a port of their own", "Error"),
    }
    return {"summary": summary, "operationId": "metrics", "responses": replies}


def _home(style: Style, prefix: str) -> Schema:
    """As the style says."""
    summary = "What this is"
    match style.home:
        case Redirect(to=to):
            location = {"schema": {"const": prefix + to}}
            replies: Schema = {"307": {"description": f"It is at {prefix + to}", "headers": {"Location": location}}}
        case Message(also=also):
            replies = {"200": {"description": summary, "content": _json(_texts("message", *also))}}
        case Endpoints():
            endpoints = {"type": "object", "additionalProperties": _TEXT}
            schema = _object({"service": _TEXT, "version": _TEXT, "endpoints": endpoints})
            replies = {"200": {"description": summary, "content": _json(schema)}}
        case None:
            replies = {"200": {"description": summary, "content": _json(_texts("service", "version", "docs"))}}
    return {"get": {"summary": summary, "operationId": "home", "responses": replies}}


def _health_schema(style: Style) -> Schema:
    known: Schema = {
        "status": _TEXT,
        "model_loaded": {"type": "boolean"},
        "uptime_seconds": {"type": "number", "minimum": 0},
        "version": _TEXT,
    }
    return _object({name: known[name] for name in style.health.fields}, reason=_TEXT)


def _info_schema() -> Schema:
    listed: Schema = {"type": "array", "items": {"type": "object"}}
    return _object(
        {
            **_texts("service", "title", "description", "release", "bundle")["properties"],
            "model_metadata": {"type": "object"},
            "features_expected": listed,
            "answers": {"type": "array", "items": _TEXT},
        }
    )


def _operation(path: str) -> str:
    return path.strip("/").replace("/", ".").replace("-", "_") or "home"


def _reply(words: str, schema: str) -> Schema:
    return {"description": words, "content": _json(_ref(schema))}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _texts(*names: str) -> Schema:
    return _object(dict.fromkeys(names, _TEXT))


def _object(properties: Schema, **optional: Schema) -> Schema:
    return {"type": "object", "properties": properties | optional, "required": list(properties)}
