"""What can be asked without a record: GET / /live /health /ready /model_info /metrics."""

import time
from collections.abc import Callable
from typing import Any

from towpath.core import manifest
from towpath.core.contract import Field
from towpath.core.style import Endpoints, Message, Redirect
from towpath.serving.exchange import Exchange, header_lines
from towpath.serving.model import Model
from towpath.serving.service import NO_MODEL, Service
from towpath.serving.telemetry import CONTENT_TYPE, Telemetry

METRICS = header_lines({"Content-Type": CONTENT_TYPE})


class Status:
    """The endpoints that tell about a service; draining says whether the worker is on its way out."""

    def __init__(self, service: Service, draining: Callable[[], bool]):
        self._service, self._draining = service, draining

    def home(self, exchange: Exchange) -> None:
        """As the style says; without one, the name and the endpoints."""
        service = self._service
        match service.style.home:
            case Redirect(to=to):
                headers = service.model.identity if service.model else b""
                exchange.answer(307, b"", headers + header_lines({"Location": service.prefix + to}))
            case Message(text=text, also=also):
                asked = {
                    "version": self._version(),
                    "docs": f"{service.prefix}/docs",
                    "health": f"{service.prefix}/health",
                }
                service.reply(exchange, {"message": text} | {name: asked[name] for name in also})
            case Endpoints(service=name, endpoints=listed):
                service.reply(exchange, {"service": name, "version": self._version(), "endpoints": dict(listed)})
            case None:
                service.reply(
                    exchange, {"service": service.name, "version": self._version(), "docs": f"{service.prefix}/docs"}
                )

    def live(self, exchange: Exchange) -> None:
        self._service.reply(exchange, {"status": "alive"})

    def health(self, exchange: Exchange) -> None:
        """200 with a loaded, golden-checked model, 503 otherwise, in the words of the style."""
        asked, loaded = self._service.style.health, self._service.model is not None
        bad = "degraded" if "model_loaded" in asked.fields else "unhealthy"
        told = {
            "status": asked.word if loaded else bad,
            "model_loaded": loaded,
            "uptime_seconds": round(time.monotonic() - self._service.began, 3),
            "version": self._version(),
        }
        shown = {name: told[name] for name in asked.fields}
        reason = {} if loaded else {"reason": self._service.missing.message}
        self._service.reply(exchange, shown | reason, 200 if loaded else 503)

    def ready(self, exchange: Exchange) -> None:
        """Whether requests should be sent here: a model is loaded and the worker stays."""
        service, leaving = self._service, "the worker is shutting down" if self._draining() else ""
        reason = service.missing.message if service.model is None else leaving
        self._service.reply(
            exchange,
            {"ready": not reason} | ({"reason": reason} if reason else {}) | service.facts(),
            503 if reason else 200,
        )

    def model_info(self, exchange: Exchange) -> None:
        if self._service.model is None:
            return self._service.refuse(exchange, NO_MODEL)
        self._service.reply(exchange, model_info(self._service.model))

    def metrics(self, exchange: Exchange) -> None:
        tell_metrics(exchange, self._service.telemetry, self._service.model.identity if self._service.model else b"")

    def _version(self) -> str:
        return self._service.model.release if self._service.model else "none"


def tell_metrics(exchange: Exchange, telemetry: Telemetry, identity: bytes = b"") -> None:
    """The series of this worker, of all workers together where a supervisor adds them up."""

    def answer(text: bytes | None) -> None:
        if text is None:  # figures of one worker alone would look as if all counters had begun anew
            return exchange.answer(503, b"the supervisor does not answer\n", METRICS)
        exchange.answer(200, text, METRICS + identity)

    telemetry.tell(answer)


def model_info(model: Model) -> dict[str, Any]:
    """The contract, the evaluation and the data of a model, as its bundle has them."""
    contract, evaluation, data = model.contract, model.bundle.evaluation(), model.bundle.data()
    return {
        "service": contract.service,
        "title": contract.title,
        "description": contract.description,
        "release": model.release,
        "bundle": model.bundle.id,
        **({"revision": model.revision} if model.revision else {}),
        "model_loaded": True,
        "model_metadata": {
            "task": contract.task.kind,
            "target": contract.task.target,
            "classes": list(contract.task.classes),
            "settings": model.engine.settings,
            "metrics": {
                metric.name: {"value": metric.value, "low": metric.low, "high": metric.high}
                for metric in evaluation.metrics
            },
            "parity": evaluation.parity,
            "data": {"origin": data.origin, "rows": data.rows, "sources": data.sources},
            "card": model.bundle.files[manifest.CARD].decode(),
        },
        "features_expected": [_told_of(field) for field in contract.features],
        "answers": [entry.name for entry in contract.answer],
        "batch": {"field": contract.style.batch.field, "max": contract.style.batch.max},
        "strict": contract.strict,
    }


def _told_of(field: Field) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "nullable": field.nullable,
    }
    limits = (
        field.bounds()
        | ({"choices": field.choices} if field.choices else {})
        | ({"names": field.names} if field.names else {})
    )
    return told | limits
