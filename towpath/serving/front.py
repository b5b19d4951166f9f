"""What a worker says for itself: the pages above its services where it has several, and the paths that are nobody's."""

from collections.abc import Callable, Sequence
from typing import Any

from towpath.core.replies import refuse_request
from towpath.core.style import Style
from towpath.serving import head
from towpath.serving.access import NO_KEY, OTHER_HOST
from towpath.serving.exchange import Exchange, Refusal, Route, Routes
from towpath.serving.meter import PROBED, metered
from towpath.serving.model import encode
from towpath.serving.service import JSON, Service
from towpath.serving.status import METRICS, WHY_NOT
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

    def home(self, exchange: Exchange) -> None:
        """The services."""
        listed = [{"service": one.name, "path": one.prefix, "ready": one.model is not None} for one in self._services]
        self.reply(exchange, {"services": listed})

    def live(self, exchange: Exchange) -> None:
        self.reply(exchange, {"status": "alive"})

    def health(self, exchange: Exchange) -> None:
        """Whether all services have a model, and the worker stays."""
        missing = [service.name for service in self._services if service.model is None]
        if not missing and not self._draining():
            return self.reply(exchange, {"status": "healthy"})
        reason = f"{', '.join(missing)}: {WHY_NOT}" if missing else "the worker is shutting down"
        self.reply(exchange, {"status": "unhealthy", "reason": reason}, 503)

    def metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self._telemetry.exposition(), METRICS)

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
