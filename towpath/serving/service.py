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
from towpath.serving.remembering import Remembered
from towpath.serving.telemetry import Counter, Telemetry

RETRY_SECONDS = 1  # what waits now is answered by then; clients that all come back at once are refused once more
NO_MODEL = Refusal(503, "no_model", "no model is loaded; the worker's log says why")
QUARANTINED = Refusal(503, "quarantined", "workers have died of this bundle; it is answered no more")
BUSY = Refusal(
    503, "busy", "more is asked than this worker can answer in time", header_lines({"Retry-After": str(RETRY_SECONDS)})
)
FAILED, NOT_FINITE = "failed", "not_finite"  # errors of a model, beside the refusals' codes
OBSERVED = 4  # bundles of a service whose sketches are told: as many as may answer beside each other, and the last
TOLD_BUNDLES = 16
JSON = header_lines({"Content-Type": "application/json"})

Choose = Callable[[Exchange, Callable[[Exchange], None]], Model | None]
"""Who answers a request; None where it is refused already, or waits and is handed to the second argument later."""

_REJECTED = ("towpath_rejected_total", "Records refused, by the field at fault and the reason.")
_ERRORS = ("towpath_errors_total", "Requests that could have been answered and were not, by what was in the way.")
_RUN_ROWS = ("towpath_model_run_rows", "Rows that went through the model together.")
_RUN_SECONDS = ("towpath_model_run_seconds", "Seconds of a run of the model, with the answers to its rows.")
_STAGES = ("towpath_stage_seconds_total", "Seconds that requests spent, by stage: waiting for the model, and in it.")
_READY = ("towpath_ready", "Whether a checked model is loaded.")
_QUARANTINED = ("towpath_quarantined", "Whether the bundle is answered no more, because workers have died of it.")
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
        remember: int = 0,
    ):
        self.name, self.prefix, self.telemetry = name, prefix, telemetry
        self.began = time.monotonic()
        self.model: Model | None = None  # that answers, or speaks for those that answer
        self.choose: Choose | None = None  # where there is anything to choose: else it is the model
        self.note: Callable[[Model, str], None] = lambda model, outcome: None  # how requests went, by model
        self.facts: Callable[[], dict[str, Any]] = dict  # that /ready tells, too
        self._live: tuple[Model, ...] = ()
        self.missing = NO_MODEL  # what is told while there is none
        self._withdrawn: Model | None = None
        self.style = Style()
        self._observers: dict[str, Observer] = {}
        self._limits, self._log, self._remember = limits, log, remember
        self._rejected: dict[tuple[str, str], Counter] = {}
        self._bundles: dict[bytes, dict[str, str]] = {}  # the labels of those that are told, by their models' identity
        self._unknown_before = 0  # fields that models before this one met
        self._tell_ready()
        for kind in (NO_MODEL.code, QUARANTINED.code, BUSY.code, FAILED, NOT_FINITE):
            self.count_error(kind, 0)

    def install(self, model: Model, *beside: Model) -> None:
        """Answer with this model from the next request on, and with those beside it where choose says so.

        A first one also says what the service is called.
        """
        self._call(model.contract.service)
        live = tuple({id(one): one for one in (*beside, model)}.values())
        for one in live:
            self._prepare_series(one)
        unknown, self._live = self._unknown(), live
        self._unknown_before += unknown - self._unknown()
        self.style, self.model = model.contract.style, model
        self.missing, self._withdrawn = NO_MODEL, None

    @property
    def bundle(self) -> str:
        """The id of the bundle that answers, or would; "" where none was ever loaded."""
        model = self.model or self._withdrawn
        return model.bundle.id if model else ""

    def withdraw(self, why: Refusal) -> None:
        """Answer with this refusal until the model is brought back or another installed."""
        if self.model:
            self.model, self._withdrawn = None, self.model
        self.missing = why

    def bring_back(self) -> None:
        """Answer again with the model that was withdrawn, if one was."""
        if self._withdrawn:
            self.model, self._withdrawn = self._withdrawn, None
        self.missing = NO_MODEL

    def reply(self, exchange: Exchange, body: Any, status: int = 200, model: Model | None = None) -> None:
        """Answer with a value as JSON, in the name of the model that was chosen."""
        model = model or self.model
        exchange.answer(status, encode(body), model.json if model else JSON)

    def refuse(self, exchange: Exchange, refusal: Refusal, model: Model | None = None) -> None:
        if refusal is NO_MODEL:
            refusal = self.missing
        if refusal in (NO_MODEL, QUARANTINED, BUSY):
            self.count_error(refusal.code)
        if refusal is BUSY and model:
            self.note(model, "busy")
        model = model or self.model
        style = model.contract.style if model else self.style
        status, body = refuse_request(style, refusal.status, refusal.code, refusal.message, exchange.request_id)
        exchange.answer(status, encode(body), (model.json if model else JSON) + refusal.headers)

    def refuse_faults(self, exchange: Exchange, faults: Sequence[Fault], model: Model) -> None:
        """Answer with all faults of a record that this model does not read, and count each."""
        self.count_faults(faults, model)
        self.note(model, "refused")
        status, body = refuse_record(model.contract.style, faults, exchange.request_id)
        self.reply(exchange, body, status, model)

    def fail(self, exchange: Exchange, model: Model, error: Exception) -> None:
        """Answer 500 with the request's id and nothing of the error, which the log has."""
        journal.tell("prediction_failed", service=self.name, request_id=exchange.request_id, **journal.traced(error))
        self.count_failure(model, error)
        if not exchange.reply:
            broken, style = head.BROKEN, model.contract.style
            status, body = refuse_request(style, broken.status, broken.code, broken.message, exchange.request_id)
            exchange.answer(status, encode(body), model.json)

    def count_faults(self, faults: Sequence[Fault], model: Model) -> None:
        for fault in faults:
            self.count_rejected(_field_at_fault(fault, model), fault.kind)

    def count_rejected(self, field: str, reason: str, times: int = 1) -> None:
        counter = self._rejected.get((field, reason))
        if counter is None:
            counter = self.telemetry.counter(*_REJECTED, service=self.name, field=field, reason=reason)
            self._rejected[field, reason] = counter
        counter.value += times

    def count_failure(self, model: Model, error: Exception) -> None:
        self.count_error(NOT_FINITE if isinstance(error, FloatingPointError) else FAILED)
        self.note(model, "failed")

    def count_error(self, kind: str, times: int = 1) -> None:
        self.telemetry.counter(*_ERRORS, service=self.name, kind=kind).add(times)

    def metered(self, route: str, handle: Callable[[Exchange], None], *statuses: int) -> Route:
        """A route whose answers are counted and timed as this service's."""
        return metered(self.telemetry, self.name, route, handle, *statuses)

    def _call(self, name: str) -> None:
        if name != self.name:
            self.telemetry.forget(_READY[0], service=self.name)
            self.telemetry.forget(_QUARANTINED[0], service=self.name)
            self._rejected.clear()
            self.name, self.prefix = name, f"/{name}" if self.prefix else ""
            self._tell_ready()

    def _tell_ready(self) -> None:
        self.telemetry.reading(*_READY, lambda: float(self.model is not None), service=self.name)
        self.telemetry.reading(*_QUARANTINED, lambda: float(self.missing is QUARANTINED), service=self.name)

    def _answers(self, identity: bytes) -> float:
        return float(self.model is not None and any(one.identity == identity for one in self._live))

    def _unknown(self) -> int:
        return self._unknown_before + sum(one.reader.unknown_seen for one in self._live)

    def _prepare_series(self, model: Model) -> None:
        self._observe_with(model)
        for field, reason in possible_faults(model.contract):
            self.count_rejected(field, reason, 0)
        self._tell_bundle(model)
        self.telemetry.reading(*_UNKNOWN, self._unknown, service=self.name)

    def _tell_bundle(self, model: Model) -> None:
        """Of the bundles that answered last, so that a worker which lives long does not tell of hundreds."""
        labels = {"release": model.release, "bundle": model.short_id, "digest": model.bundle.id}
        self._bundles.pop(model.identity, None)
        self._bundles[model.identity] = {"service": self.name, **labels}
        # By its identity, so that no series keeps a model alive that answers no more.
        self.telemetry.reading(*_BUNDLE, partial(self._answers, model.identity), service=self.name, **labels)
        while len(self._bundles) > TOLD_BUNDLES:
            gone = self._bundles.pop(next(iter(self._bundles)))
            if gone not in self._bundles.values():  # another revision of the same bundle
                self.telemetry.forget(_BUNDLE[0], **gone)

    def _observe_with(self, model: Model) -> None:
        """The same bundle counts on where it comes back; those that answered longest ago are told no more."""
        observer = self._observers.pop(model.short_id, None) or Observer(self.telemetry, self.name, model)
        self._observers[model.short_id] = observer
        observe = observer.observing(model)
        model.observe = _both(observe, self._log, Source(model)) if self._log else observe
        rows = self.telemetry.sizes(*_RUN_ROWS, service=self.name)
        durations = self.telemetry.histogram(*_RUN_SECONDS, service=self.name)

        waiting, modelling = (
            self.telemetry.counter(*_STAGES, service=self.name, stage=stage) for stage in ("wait", "model")
        )

        def ran(count: int, seconds: float) -> None:
            rows.observe(count)
            durations.observe(seconds)

        def staged(waited: float, modelled: float) -> None:
            waiting.value += waited
            modelling.value += modelled

        model.batcher.ran, model.batcher.staged = ran, staged
        model.batcher.patience_seconds = self._limits.queue_seconds
        if self._remember and not model.remembered:
            model.remembered = Remembered(self._remember, self.telemetry, self.name)
        while len(self._observers) > OBSERVED:
            eldest = self._observers.pop(next(iter(self._observers)))
            eldest.fold()
            eldest.forget(self.telemetry)
        self.telemetry.before_telling[self.name] = self._fold

    def _fold(self) -> None:
        for observer in self._observers.values():
            observer.fold()


def _both(observe: Observe, log: PredictionLog, source: Source) -> Observe:
    """Counted and logged."""

    def both(exchanges: Sequence[Exchange], records: Sequence[Struct], seen: Seen) -> None:
        observe(exchanges, records, seen)
        log.put(source, exchanges, records, seen)

    return both


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


def _field_at_fault(fault: Fault, model: Model) -> str:
    """A name of the contract, never one that a client made up: labels must stay few."""
    return next((part for part in reversed(fault.path) if part in model.reader.names), "")
