"""One service of a worker: the model it answers with now, its words for a refusal, its counters."""

import time
from collections.abc import Sequence
from typing import Any

from towpath.core.contract import Contract, Field
from towpath.core.faults import Fault
from towpath.core.replies import refuse_record, refuse_request
from towpath.core.style import Style
from towpath.engine.answers import Seen
from towpath.serving import head, journal
from towpath.serving.exchange import Exchange, Refusal, Route, header_lines
from towpath.serving.model import Model, encode
from towpath.serving.telemetry import Counter, Telemetry

NO_MODEL = Refusal(503, "no_model", "no model is loaded; the worker's log says why")
JSON = header_lines({"Content-Type": "application/json"})

_REJECTED = ("towpath_rejected_total", "Records refused, by the field at fault and the reason.")
_REQUESTS = ("towpath_requests_total", "Requests answered, by route and status.")
_DURATION = ("towpath_request_duration_seconds", "Seconds from the whole request to its reply, by route.")


class Service:
    """Until a model is installed it refuses in Towpath's own style; then in the contract's."""

    def __init__(self, name: str, telemetry: Telemetry, prefix: str = ""):
        self.name, self.prefix, self.telemetry = name, prefix, telemetry
        self.began = time.monotonic()
        self.model: Model | None = None
        self.style = Style()
        self._predicted: list[Counter] = []

    def install(self, model: Model) -> None:
        """Answer with this model from the next request on."""
        self._prepare_counters(model)
        self.name, self.style, self.model = model.contract.service, model.contract.style, model

    def reply(self, exchange: Exchange, body: Any, status: int = 200) -> None:
        """Answer with a value as JSON."""
        exchange.answer(status, encode(body), self.model.json if self.model else JSON)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        status, body = refuse_request(self.style, refusal.status, refusal.code, refusal.message, exchange.request_id)
        headers = self.model.json if self.model else JSON
        exchange.answer(status, encode(body), headers + refusal.headers)

    def refuse_faults(self, exchange: Exchange, faults: Sequence[Fault]) -> None:
        """Answer with all faults of a record, and count each."""
        for fault in faults:
            self._rejected(_field_at_fault(fault, self.model), fault.kind).add()
        status, body = refuse_record(self.style, faults, exchange.request_id)
        self.reply(exchange, body, status)

    def fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer 500 with the request's id and nothing of the error, which the log has."""
        journal.tell("prediction_failed", service=self.name, request_id=exchange.request_id, **journal.traced(error))
        if not exchange.reply:
            self.refuse(exchange, head.BROKEN)

    def count(self, model: Model, seen: Seen) -> None:
        """Count one prediction by its class."""
        self._predicted[model.engine.answerer.decide(seen.scores) if len(self._predicted) > 1 else 0].add()

    def metered(self, route: str, handle: Any, *statuses: int) -> Route:
        """A route whose answers are counted and timed; the statuses it is known to give exist from the start."""
        labels = {"service": self.name, "route": route}
        duration = self.telemetry.histogram(*_DURATION, **labels)
        counters = {status: self.telemetry.counter(*_REQUESTS, **labels, status=str(status)) for status in statuses}

        def observe(status: int, seconds: float) -> None:
            counter = counters.get(status)
            if counter is None:
                counter = counters[status] = self.telemetry.counter(*_REQUESTS, **labels, status=str(status))
            counter.value += 1.0
            duration.observe(seconds)

        return Route(handle, observe)

    def _prepare_counters(self, model: Model) -> None:
        contract, name = model.contract, model.contract.service
        about = "Predictions made, by class."
        classes = contract.task.classes or ("value",)
        self._predicted = [
            self.telemetry.counter("towpath_predictions_total", about, service=name, **{"class": one})
            for one in classes
        ]
        for field, reason in possible_faults(contract):
            self.telemetry.counter(*_REJECTED, service=name, field=field, reason=reason)
        told = {"service": name, "release": model.release, "bundle": model.bundle.id}
        self.telemetry.reading(
            "towpath_bundle_info", "The bundle that answers.", lambda: 1.0 if self.model is model else 0.0, **told
        )
        about = "Fields sent that the contract does not know."
        self.telemetry.reading("towpath_unknown_fields_total", about, lambda: model.reader.unknown_seen, service=name)

    def _rejected(self, field: str, reason: str) -> Counter:
        return self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason)


def possible_faults(contract: Contract) -> list[tuple[str, str]]:
    """Every (field, reason) that a record can be refused for; the field is empty where the whole is at fault."""
    whole = [("", reason) for reason in ("json", "object", "list", "missing", "too_few", "too_many")]
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
