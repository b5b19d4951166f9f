"""What a worker says for itself: the pages above its services where it has several, and the paths that are nobody's."""

from collections.abc import Callable, Sequence
from typing import Any

from towpath.core.replies import refuse_request
from towpath.core.style import Style
from towpath.serving import head
from towpath.serving.access import NO_KEY, OTHER_HOST
from towpath.serving.exchange import Exchange, Refusal, Route, Routes
from towpath.serving.meter import PROBED, TOLD, metered
from towpath.serving.model import encode
from towpath.serving.service import JSON, Service
from towpath.serving.status import tell_metrics
from towpath.serving.telemetry import Telemetry

UNMATCHED = tuple(sorted({refusal.status for refusal in (*head.REFUSALS, NO_KEY, OTHER_HOST)}))
"""The statuses of requests that no route answers."""


class Front:
    """No release stands in its headers: it speaks for all services or for none."""

    def __init__(self, services: Sequence[Service], telemetry: Telemetry, draining: Callable[[], bool]):
        self._services, self._telemetry, self._draining = services, telemetry, draining

    def routes(self) -> Routes:
        pages = {
            b"/": self.home,
            b"/live": self.live,
            b"/health": self.health,
            b"/ready": self.health,
            b"/metrics": self.metrics,
        }
        return {(b"GET", path): self.metered(path.decode(), handle, *PROBED) for path, handle in pages.items()}

    def scraped(self) -> Routes:
        """What a port for metrics alone answers; the second, since something has to look after that port too."""
        pages = {b"/metrics": self.metrics, b"/live": self.live}
        return {(b"GET", path): self.metered(path.decode(), handle, *TOLD) for path, handle in pages.items()}

    def home(self, exchange: Exchange) -> None:
        """The services."""
        listed = [{"service": one.name, "path": one.prefix, "ready": one.model is not None} for one in self._services]
        self.reply(exchange, {"services": listed})

    def live(self, exchange: Exchange) -> None:
        self.reply(exchange, {"status": "alive"})

    def health(self, exchange: Exchange) -> None:
        """Whether all services have a model, and the worker stays."""
        missing = [f"{service.name}: {service.missing.message}" for service in self._services if service.model is None]
        if not missing and not self._draining():
            return self.reply(exchange, {"status": "healthy"})
        reason = "; ".join(missing) or "the worker is shutting down"
        self.reply(exchange, {"status": "unhealthy", "reason": reason}, 503)

    def metrics(self, exchange: Exchange) -> None:
        tell_metrics(exchange, self._telemetry)

    def reply(self, exchange: Exchange, body: Any, status: int = 200) -> None:
        """Answer with a value as JSON."""
        exchange.answer(status, encode(body), JSON)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """In Towpath's own style."""
        status, body = refuse_request(Style(), refusal.status, refusal.code, refusal.message, exchange.request_id)
        exchange.answer(status, encode(body), JSON + refusal.headers)

    def metered(self, route: str, handle: Callable[[Exchange], None], *statuses: int) -> Route:
        return metered(self._telemetry, "", route, handle, *statuses)

    def observe_unmatched(self) -> Callable[[int, float], None]:
        """Counts what no route answers."""
        return self.metered("other", self.home, *UNMATCHED).observe
