"""Which endpoint answers which path: one service at the root, or several under their names."""

from collections.abc import Callable, Sequence
from functools import partial

from towpath.core.replies import refuse_request
from towpath.core.style import Style
from towpath.serving.docs import FILES, Docs
from towpath.serving.exchange import Exchange, Refusal, Route
from towpath.serving.inference import Inference
from towpath.serving.model import encode
from towpath.serving.predict import Predictions
from towpath.serving.service import JSON, Service
from towpath.serving.status import METRICS, WHY_NOT, Status
from towpath.serving.telemetry import Telemetry

Routes = dict[tuple[bytes, bytes], Route]
Handle = Callable[[Exchange], None]

ASKED, TOLD, PROBED = (200, 400, 422, 500, 503), (200,), (200, 503)
"""The statuses that routes are known to give, by their kind."""


class App:
    """The services of a worker, their routes, and the words of a refusal that no service has made."""

    def __init__(self, services: Sequence[Service], telemetry: Telemetry):
        self.services, self.telemetry = services, telemetry
        self.draining = False
        self._elsewhere = Service("", telemetry)
        for service in services:
            read = partial(_loaded, service)
            telemetry.reading("towpath_ready", "Whether a checked model is loaded.", read, service=service.name)

    def routes(self) -> Routes:
        table: Routes = {}
        for service in self.services:
            table |= self._service_routes(service)
        table |= self._inference_routes(b"", self.services)
        return table if len(self.services) == 1 else table | self._front_routes()

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse in the style of the service whose path it is, else in our own."""
        if service := self._service_of(exchange.path):
            return service.refuse(exchange, refusal)
        status, body = refuse_request(Style(), refusal.status, refusal.code, refusal.message, exchange.request_id)
        exchange.answer(status, encode(body), JSON + refusal.headers)

    def observe_elsewhere(self) -> Callable[[int, float], None]:
        """Counts what no route answers."""
        return self._elsewhere.metered("other", self._list, 400, 404, 405, 408, 411, 413).observe

    def _service_of(self, path: bytes) -> Service | None:
        if len(self.services) == 1:
            return self.services[0]
        first = path.split(b"/", 2)[1:2]
        return next((service for service in self.services if first == [service.name.encode()]), None)

    def _service_routes(self, service: Service) -> Routes:
        predictions, status, docs = Predictions(service), Status(service, lambda: self.draining), Docs(service)
        predict_batch = service.metered("/predict_batch", predictions.predict_batch, *ASKED)
        prefix = service.prefix.encode()
        table: Routes = {
            (b"GET", prefix + b"/live"): service.metered("/live", status.live, *TOLD),
            (b"GET", prefix + b"/health"): service.metered("/health", status.health, *PROBED),
            (b"GET", prefix + b"/ready"): service.metered("/ready", status.ready, *PROBED),
            (b"GET", prefix + b"/metrics"): service.metered("/metrics", status.metrics, *TOLD),
            (b"GET", prefix + b"/model_info"): service.metered("/model_info", status.model_info, *PROBED),
            (b"GET", prefix + b"/openapi.json"): service.metered("/openapi.json", docs.openapi, *PROBED),
            (b"POST", prefix + b"/predict"): service.metered("/predict", predictions.predict, *ASKED),
            (b"POST", prefix + b"/predict_batch"): predict_batch,
            (b"POST", prefix + b"/batch-predict"): predict_batch,
            (b"POST", prefix + b"/predict/batch"): predict_batch,
            (b"POST", prefix + b"/explain"): service.metered("/explain", predictions.explain, *ASKED),
        }
        home = service.metered("/", status.home, *TOLD)
        homes: Routes = {(b"GET", path): home for path in ({prefix, prefix + b"/"} if prefix else {b"/"})}
        page = service.metered("/docs", docs.page, *TOLD)
        pages: Routes = {(b"GET", prefix + path.encode()): page for path in FILES}
        return table | homes | pages | (self._inference_routes(prefix, [service]) if prefix else {})

    def _inference_routes(self, prefix: bytes, services: Sequence[Service]) -> Routes:
        inference, owner = Inference(services), services[0]
        told = {b"/v2": inference.server, b"/v2/health/live": inference.live, b"/v2/health/ready": inference.ready}
        table: Routes = {
            (b"GET", prefix + path): owner.metered(path.decode(), handle, *PROBED) for path, handle in told.items()
        }
        for service in services:
            path = prefix + b"/v2/models/" + service.name.encode()
            about, ready, infer = (
                partial(handle, service) for handle in (inference.model, inference.model_ready, inference.infer)
            )
            table[b"GET", path] = service.metered("/v2/models", about, *PROBED)
            table[b"GET", path + b"/ready"] = service.metered("/v2/models/ready", ready, *PROBED)
            table[b"POST", path + b"/infer"] = service.metered("/v2/models/infer", infer, *ASKED)
        return table

    def _front_routes(self) -> Routes:
        """The worker's own pages, where it serves several services."""
        front = {
            b"/": self._list,
            b"/live": self._live,
            b"/health": self._health,
            b"/ready": self._health,
            b"/metrics": self._metrics,
        }
        return {
            (b"GET", path): self._elsewhere.metered(path.decode(), handle, *PROBED) for path, handle in front.items()
        }

    def _list(self, exchange: Exchange) -> None:
        listed = [{"service": one.name, "path": one.prefix, "ready": one.model is not None} for one in self.services]
        exchange.answer(200, encode({"services": listed}), JSON)

    def _live(self, exchange: Exchange) -> None:
        exchange.answer(200, encode({"status": "alive"}), JSON)

    def _health(self, exchange: Exchange) -> None:
        missing = [service.name for service in self.services if service.model is None]
        if not missing and not self.draining:
            return exchange.answer(200, encode({"status": "healthy"}), JSON)
        reason = f"{', '.join(missing)}: {WHY_NOT}" if missing else "the worker is shutting down"
        exchange.answer(503, encode({"status": "unhealthy", "reason": reason}), JSON)

    def _metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self.telemetry.exposition(), METRICS)


def _loaded(service: Service) -> float:
    return 1.0 if service.model is not None else 0.0
