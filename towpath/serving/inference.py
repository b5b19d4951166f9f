"""The Open Inference Protocol v2 over HTTP: a record's fields come as tensors, and its answers go as tensors."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from towpath.core.answer import Constant, answer_schema
from towpath.core.contract import Contract, Field
from towpath.engine.answers import together
from towpath.serving import journal
from towpath.serving.exchange import Exchange
from towpath.serving.front import Front
from towpath.serving.model import Model, encode
from towpath.serving.reading import UNREADABLE, BreaksContract
from towpath.serving.service import BUSY, Service
from towpath.version import VERSION

Datatype = Literal[
    "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES"
]
NATIVE: dict[str, Datatype] = {
    "number": "FP64",
    "integer": "INT64",
    "boolean": "BOOL",
    "string": "BYTES",
    "array": "FP64",
    "object": "BYTES",
}


class Tensor(Struct, frozen=True):
    """Values of one name for n records: shape [n], [n, 1], or [n, k] for a vector; data nested or flat."""

    name: str
    shape: list[int]
    datatype: Datatype
    data: list[Any]


class Wanted(Struct, frozen=True):
    """An output that is asked for."""

    name: str


class InferRequest(Struct, frozen=True):
    """The body of an inference request."""

    inputs: list[Tensor]
    id: str | None = None
    outputs: list[Wanted] = field(default_factory=list)


class Wrong(Exception):
    """What is wrong with an inference request."""


class Inference:
    """The endpoints under /v2; owner says what is said about the server: a service alone, or the worker for several."""

    def __init__(self, services: Sequence[Service], owner: Service | Front):
        self._services, self._owner = services, owner

    def server(self, exchange: Exchange) -> None:
        self._owner.reply(exchange, {"name": "towpath", "version": VERSION, "extensions": []})

    def live(self, exchange: Exchange) -> None:
        self._owner.reply(exchange, {"live": True})

    def ready(self, exchange: Exchange) -> None:
        ready = all(service.model for service in self._services)
        self._owner.reply(exchange, {"ready": ready}, 200 if ready else 503)

    def model_ready(self, service: Service, exchange: Exchange) -> None:
        ready = service.model is not None
        service.reply(exchange, {"name": service.name, "ready": ready}, 200 if ready else 503)

    def model(self, service: Service, exchange: Exchange) -> None:
        """The model's inputs and outputs."""
        if service.model is None:
            return _refuse(exchange, service, 503, "no model is loaded")
        service.reply(exchange, metadata(service.model))

    def infer(self, service: Service, exchange: Exchange) -> None:
        """Tensors in, tensors out; the rows take turns like a batch's."""
        model = service.model
        if service.choose is not None:
            model = service.choose(exchange, partial(self.infer, service))
            if model is None:
                return None
        if model is None:
            service.count_error(service.missing.code)
            return _refuse(exchange, service, 503, service.missing.message)
        if model.batcher.is_busy(batch=True):
            return service.refuse(exchange, BUSY, model)
        try:
            request = msgspec.json.decode(exchange.body, type=InferRequest)
            outputs = _wanted(model.contract, request.outputs)
            records = [model.reader.plain(one) for one in records_of(model.contract, request.inputs)]
        except UNREADABLE as error:
            return _reject(exchange, service, model, "json", f"the body is no inference request: {error}")
        except Wrong as wrong:
            return _reject(exchange, service, model, "tensor", str(wrong))
        except BreaksContract as broken:
            service.count_faults(broken.faults, model)
            service.note(model, "refused")
            told = "; ".join(f"{fault.where()} {fault.reason}" for fault in broken.faults)
            return _refuse(exchange, service, 400, told, model)
        work = partial(model.answers, said=model.said(exchange.request_id))
        done = partial(self._answer, exchange, service, model, records, request, outputs)
        model.batcher.submit_batch(records, work, done)

    def _answer(
        self,
        exchange: Exchange,
        service: Service,
        model: Model,
        records: Sequence[Struct],
        request: InferRequest,
        outputs: Sequence[str],
        outcome: Any,
    ) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            answers = [answer for _, some in outcome for answer in some]
            told = {"model_name": service.name, "model_version": model.release, "id": request.id or exchange.request_id}
            body = encode(told | {"outputs": [_output(model.contract, name, answers) for name in outputs]})
            exchange.answer(200, body, model.json)
            model.observe((exchange,), records, together([seen for seen, _ in outcome]))
        except Exception as error:  # the door
            _fail(exchange, service, model, error)


def metadata(model: Model) -> dict[str, Any]:
    inputs = [
        _about(one.name, NATIVE["array" if one.type == "vector" else one.type], _width(one))
        for one in model.contract.features
    ]
    outputs = [_about(entry.name, *_native(model.contract, entry.name)) for entry in model.contract.answer]
    return {
        "name": model.contract.service,
        "versions": [model.release],
        "platform": "towpath",
        "inputs": inputs,
        "outputs": outputs,
    }


def records_of(contract: Contract, inputs: Sequence[Tensor]) -> list[dict[str, Any]]:
    """The records that tensors hold, one for each position of their first dimension. Raises Wrong."""
    given = {tensor.name: _rows(tensor) for tensor in inputs}
    sizes = {len(rows) for rows in given.values()}
    if len(sizes) != 1:
        raise Wrong(
            "all inputs need the same first dimension, and there must be one" if given else "there are no inputs"
        )
    count = sizes.pop()
    if not 1 <= count <= contract.style.batch.max:
        raise Wrong(f"the first dimension should be 1 to {contract.style.batch.max}, not {count}")
    columns = {one.name: _column(one, given) for one in contract.record}
    return [{name: rows[i] for name, rows in columns.items() if rows is not None} for i in range(count)]


def _column(one: Field, given: dict[str, list[Any]]) -> list[Any] | None:
    """The values of a field for all records; those of a vector also from one tensor for each of its positions."""
    if one.type == "vector" and one.name not in given and all(name in given for name in one.names):
        return [list(values) for values in zip(*(given[name] for name in one.names), strict=True)]
    return given.get(one.name)


def _rows(tensor: Tensor) -> list[Any]:
    """One value a record, or one list where the second dimension is larger than 1. Raises Wrong."""
    flat = _flat(tensor.data)
    if (
        not tensor.shape
        or len(tensor.shape) > 2
        or tensor.shape[0] < 0
        or any(size < 1 for size in tensor.shape[1:])
        or math.prod(tensor.shape) != len(flat)
    ):
        raise Wrong(f"input {tensor.name} has {len(flat)} values, which is not its shape {tensor.shape}")
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    return flat if width == 1 else [flat[i : i + width] for i in range(0, len(flat), width)]


def _flat(data: list[Any]) -> list[Any]:
    return [value for part in data for value in (part if isinstance(part, list) else [part])]


def _output(contract: Contract, name: str, answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    datatype, width = _native(contract, name)
    values = [answer[name] for answer in answers]
    if width > 1:
        return {
            "name": name,
            "shape": [len(values), width],
            "datatype": datatype,
            "data": [value for row in values for value in row],
        }
    told = [msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value for value in values]
    return {"name": name, "shape": [len(told)], "datatype": datatype, "data": told}


def _native(contract: Contract, name: str) -> tuple[Datatype, int]:
    """The datatype and width of an answer's tensor; what is no tensor goes as JSON in BYTES."""
    item = next(entry.item for entry in contract.answer if entry.name == name)
    if isinstance(item, Constant):
        kinds: dict[type, Datatype] = {bool: "BOOL", int: "INT64", float: "FP64"}
        return kinds.get(type(item.value), "BYTES"), 1
    schema = answer_schema(item, contract.task.classes)
    return NATIVE[schema["type"]], schema.get("maxItems", 1)


def _wanted(contract: Contract, outputs: Sequence[Wanted]) -> list[str]:
    known = [entry.name for entry in contract.answer]
    if unknown := [wanted.name for wanted in outputs if wanted.name not in known]:
        raise Wrong(f"there is no output {unknown[0]!r}; there are {', '.join(known)}")
    return [wanted.name for wanted in outputs] or known


def _about(name: str, datatype: Datatype, width: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1, width] if width > 1 else [-1]}


def _width(one: Field) -> int:
    return len(one.names) or 1


def _reject(exchange: Exchange, service: Service, model: Model, reason: str, message: str) -> None:
    service.count_rejected("", reason)
    _refuse(exchange, service, 400, message, model)


def _refuse(exchange: Exchange, service: Service, status: int, message: str, model: Model | None = None) -> None:
    service.reply(exchange, {"error": message}, status, model)


def _fail(exchange: Exchange, service: Service, model: Model, error: Exception) -> None:
    journal.tell("inference_failed", service=service.name, request_id=exchange.request_id, **journal.traced(error))
    service.count_failure(model, error)
    if not exchange.reply:
        message = f"the request could not be answered; its id in the log is {exchange.request_id}"
        exchange.answer(500, encode({"error": message}), model.json)
