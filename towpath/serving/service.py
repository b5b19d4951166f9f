"""One service of a worker: the model it answers with now, its words for a refusal, its counters."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from towpath.core.contract import Contract, Field
from towpath.core.faults import Fault
from towpath.core.replies import refuse_record, refuse_request
from towpath.core.style import Style
from towpath.engine.answers import Seen
from towpath.serving import head, journal
from towpath.serving.exchange import Exchange, Refusal, Route, header_lines
from towpath.serving.limits import DEFAULT, Limits
from towpath.serving.meter import metered
from towpath.serving.model import Model, Observe, encode
from towpath.serving.observing import Observer
from towpath.serving.recording import PredictionLog, Source
from towpath.serving.telemetry import Telemetry

RETRY_SECONDS = 1  # what waits now is answered by then; clients that all come back at once are refused once more
NO_MODEL = Refusal(503, "no_model", "no model is loaded; the worker's log says why")
BUSY = Refusal(
    503, "busy", "more is asked than this worker can answer in time", header_lines({"Retry-After": str(RETRY_SECONDS)})
)
FAILED, NOT_FINITE = "failed", "not_finite"  # errors of a model, beside the refusals' codes
OBSERVED = 4  # bundles of a service whose sketches are told: as many as may answer beside each other, and the last
JSON = header_lines({"Content-Type": "application/json"})

_REJECTED = ("towpath_rejected_total", "Records refused, by the field at fault and the reason.")
_ERRORS = ("towpath_errors_total", "Requests that could have been answered and were not, by what was in the way.")
_RUN_ROWS = ("towpath_model_run_rows", "Rows that went through the model together.")
_RUN_SECONDS = ("towpath_model_run_seconds", "Seconds of a run of the model, with the answers to its rows.")
_READY = ("towpath_ready", "Whether a checked model is loaded.")
_BUNDLE = ("towpath_bundle_info", "The bundle that answers.")
_UNKNOWN = ("towpath_unknown_fields_total", "Fields sent that the contract does not know.")


class Service:
    """Until a model is installed it refuses in Towpath's own style; then in the contract's."""

    def __init__(
        self,
        name: str,
        telemetry: Telemetry,
        prefix: str = "",
        limits: Limits = DEFAULT,
        log: PredictionLog | None = None,
    ):
        self.name, self.prefix, self.telemetry = name, prefix, telemetry
        self.began = time.monotonic()
        self.model: Model | None = None
        self.style = Style()
        self._observers: dict[str, Observer] = {}
        self._limits, self._log = limits, log
        self._unknown_before = 0  # fields that models before this one met
        self._tell_ready()
        for kind in (NO_MODEL.code, BUSY.code, FAILED, NOT_FINITE):
            self.count_error(kind, 0)

    def install(self, model: Model) -> None:
        """Answer with this model from the next request on. A first one also says what the service is called."""
        self._call(model.contract.service)
        self._prepare_series(model)
        self._unknown_before = self._unknown() - model.reader.unknown_seen
        self.style, self.model = model.contract.style, model

    def is_busy(self, model: Model, batch: bool = False) -> bool:
        """Whether more waits for the model before a record, or a batch, than it will answer in time."""
        return model.batcher.wait_seconds(batch) > self._limits.queue_seconds

    def reply(self, exchange: Exchange, body: Any, status: int = 200) -> None:
        """Answer with a value as JSON."""
        exchange.answer(status, encode(body), self.model.json if self.model else JSON)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        if refusal in (NO_MODEL, BUSY):
            self.count_error(refusal.code)
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
        self.count_error(NOT_FINITE if isinstance(error, FloatingPointError) else FAILED)
        if not exchange.reply:
            broken, style = head.BROKEN, model.contract.style
            status, body = refuse_request(style, broken.status, broken.code, broken.message, exchange.request_id)
            exchange.answer(status, encode(body), model.json)

    def count_faults(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self.count_rejected(_field_at_fault(fault, self.model), fault.kind)

    def count_rejected(self, field: str, reason: str) -> None:
        self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason).add()

    def count_error(self, kind: str, times: int = 1) -> None:
        self.telemetry.counter(*_ERRORS, service=self.name, kind=kind).add(times)

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
        self._observe_with(model)
        for field, reason in possible_faults(model.contract):
            self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason)
        # By its identity, so that no series keeps a model alive that answers no more.
        answers, labels = partial(self._answers, model.identity), {"release": model.release, "bundle": model.short_id}
        self.telemetry.reading(*_BUNDLE, answers, service=self.name, **labels, digest=model.bundle.id)
        self.telemetry.reading(*_UNKNOWN, self._unknown, service=self.name)

    def _observe_with(self, model: Model) -> None:
        """The same bundle counts on where it comes back; those that answered longest ago are told no more."""
        observer = self._observers.pop(model.short_id, None) or Observer(self.telemetry, self.name, model)
        self._observers[model.short_id] = observer
        model.observe = _both(observer, self._log, Source(model)) if self._log else observer.observe
        rows = self.telemetry.sizes(*_RUN_ROWS, service=self.name)
        durations = self.telemetry.histogram(*_RUN_SECONDS, service=self.name)

        def ran(count: int, seconds: float) -> None:
            rows.observe(count)
            durations.observe(seconds)

        model.batcher.ran = ran
        while len(self._observers) > OBSERVED:
            eldest = self._observers.pop(next(iter(self._observers)))
            eldest.fold()
            eldest.forget(self.telemetry)
        self.telemetry.before_telling[self.name] = self._fold

    def _fold(self) -> None:
        for observer in self._observers.values():
            observer.fold()


def _both(observer: Observer, log: PredictionLog, source: Source) -> Observe:
    """Counted and logged."""

    def observe(exchange: Exchange, records: Sequence[Struct], seen: Sequence[Seen]) -> None:
        observer.observe(exchange, records, seen)
        log.put(source, exchange, records, seen)

    return observe


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
