"""One service of a worker: the model it answers with now, its words for a refusal, its counters."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from towpath.core.contract import Contract, Field
from towpath.core.faults import Fault
from towpath.core.replies import refuse_record, refuse_request
from towpath.core.style import Style
from towpath.engine.answers import Seen
from towpath.serving import head, journal
from towpath.serving.exchange import Exchange, Refusal, Route, header_lines
from towpath.serving.meter import metered
from towpath.serving.model import Model, encode
from towpath.serving.telemetry import Counter, Telemetry

NO_MODEL = Refusal(503, "no_model", "no model is loaded; the worker's log says why")
JSON = header_lines({"Content-Type": "application/json"})

_REJECTED = ("towpath_rejected_total", "Records refused, by the field at fault and the reason.")
_PREDICTED = ("towpath_predictions_total", "Predictions made, by class.")
_READY = ("towpath_ready", "Whether a checked model is loaded.")
_BUNDLE = ("towpath_bundle_info", "The bundle that answers.")
_UNKNOWN = ("towpath_unknown_fields_total", "Fields sent that the contract does not know.")


class Service:
    """Until a model is installed it refuses in Towpath's own style; then in the contract's."""

    def __init__(self, name: str, telemetry: Telemetry, prefix: str = ""):
        self.name, self.prefix, self.telemetry = name, prefix, telemetry
        self.began = time.monotonic()
        self.model: Model | None = None
        self.style = Style()
        self._predicted: dict[str, Counter] = {}
        self._unknown_before = 0  # fields that models before this one met
        self._tell_ready()

    def install(self, model: Model) -> None:
        """Answer with this model from the next request on. A first one also says what the service is called."""
        self._call(model.contract.service)
        self._prepare_series(model)
        self._unknown_before = self._unknown() - model.reader.unknown_seen
        self.style, self.model = model.contract.style, model

    def reply(self, exchange: Exchange, body: Any, status: int = 200) -> None:
        """Answer with a value as JSON."""
        exchange.answer(status, encode(body), self.model.json if self.model else JSON)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        status, body = refuse_request(self.style, refusal.status, refusal.code, refusal.message, exchange.request_id)
        headers = self.model.json if self.model else JSON
        exchange.answer(status, encode(body), headers + refusal.headers)

    def refuse_faults(self, exchange: Exchange, faults: Sequence[Fault]) -> None:
        """Answer with all faults of a record, and count each."""
        self.count_faults(faults)
        status, body = refuse_record(self.style, faults, exchange.request_id)
        self.reply(exchange, body, status)

    def fail(self, exchange: Exchange, model: Model, error: Exception) -> None:
        """Answer 500 with the request's id and nothing of the error, which the log has."""
        journal.tell("prediction_failed", service=self.name, request_id=exchange.request_id, **journal.traced(error))
        if not exchange.reply:
            broken, style = head.BROKEN, model.contract.style
            status, body = refuse_request(style, broken.status, broken.code, broken.message, exchange.request_id)
            exchange.answer(status, encode(body), model.json)

    def count(self, model: Model, seen: Seen) -> None:
        """Count one prediction by its class; of the model that made it, which need not be the one of now."""
        self._predicted[model.class_of(seen)].add()

    def count_faults(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self.count_rejected(_field_at_fault(fault, self.model), fault.kind)

    def count_rejected(self, field: str, reason: str) -> None:
        self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason).add()

    def metered(self, route: str, handle: Callable[[Exchange], None], *statuses: int) -> Route:
        """A route whose answers are counted and timed as this service's."""
        return metered(self.telemetry, self.name, route, handle, *statuses)

    def _call(self, name: str) -> None:
        if name != self.name:
            self.telemetry.forget(_READY[0], service=self.name)
            self.name, self.prefix = name, f"/{name}" if self.prefix else ""
            self._tell_ready()

    def _tell_ready(self) -> None:
        self.telemetry.reading(*_READY, lambda: float(self.model is not None), service=self.name)

    def _answers(self, identity: bytes) -> float:
        return float(self.model is not None and self.model.identity == identity)

    def _unknown(self) -> int:
        return self._unknown_before + (self.model.reader.unknown_seen if self.model else 0)

    def _prepare_series(self, model: Model) -> None:
        for one in model.classes:
            self._predicted[one] = self.telemetry.counter(*_PREDICTED, service=self.name, **{"class": one})
        for field, reason in possible_faults(model.contract):
            self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason)
        # By its identity, so that no series keeps a model alive that answers no more.
        answers, bundle = partial(self._answers, model.identity), model.bundle.id
        self.telemetry.reading(*_BUNDLE, answers, service=self.name, release=model.release, bundle=bundle)
        self.telemetry.reading(*_UNKNOWN, self._unknown, service=self.name)


def possible_faults(contract: Contract) -> list[tuple[str, str]]:
    """Every (field, reason) that a record can be refused for; the field is empty where the whole is at fault."""
    whole = [("", reason) for reason in ("json", "object", "list", "missing", "too_few", "too_many", "tensor")]
    strict = [("", "unknown")] if contract.strict else []
    return (
        whole
        + strict
        + [(field.name, reason) for field in contract.record for reason in _reasons(field, contract.style)]
    )


def _reasons(field: Field, style: Style) -> list[str]:
    missing = ["missing"] if field.required else []
    if field.choices:
        return [*missing, "choice", "string"]
    if field.role == "id":
        return [*missing, "string"]
    if field.type == "boolean":
        return [*missing, "boolean"]
    if field.type == "string":
        limits = {"length": field.max_length, "blank": field.min_length or field.pattern, "pattern": field.pattern}
        return [*missing, "string", *(reason for reason, limit in limits.items() if limit is not None)]
    kind = ["integer", "fraction"] if field.type == "integer" else ["number"]
    shape = ["list", "length"] if field.type == "vector" else []
    return [*missing, *shape, *kind, "finite", *(["numeric"] if style.numeric_strings else []), *field.bounds()]


def _field_at_fault(fault: Fault, model: Model | None) -> str:
    """A name of the contract, never one that a client made up: labels must stay few."""
    known = {field.name for field in model.contract.record} if model else set()
    return next((part for part in reversed(fault.path) if part in known), "")
