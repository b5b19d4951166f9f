"""Which endpoint answers which path: one service at the root, or several under their names."""

from collections.abc import Sequence
from functools import partial

from towpath.serving import head
from towpath.serving.access import NO_KEY, OTHER_HOST
from towpath.serving.docs import FILES, Docs
from towpath.serving.exchange import Exchange, Refusal, Routes
from towpath.serving.front import Front
from towpath.serving.inference import Inference
from towpath.serving.meter import ASKED, EXPLAINED, PROBED, TOLD
from towpath.serving.predict import Predictions
from towpath.serving.service import Service
from towpath.serving.status import Status
from towpath.serving.telemetry import Telemetry

_REFUSED = ("towpath_refused_total", "Requests refused before any endpoint saw them, by why.")


class App:
    """The services of a worker and their routes: one for the life of a process, since counters must not begin anew."""

    def __init__(self, services: Sequence[Service], telemetry: Telemetry, metrics_apart: bool = False):
        self.services, self.telemetry = services, telemetry
        self._metrics_apart = metrics_apart  # on a port of their own
        self.draining = False
        for refusal in (*head.REFUSALS, NO_KEY, OTHER_HOST):
            self._refused(refusal.code, 0)
        self.front = Front(services, telemetry, lambda: self.draining)

    def routes(self) -> Routes:
        """As the services are called now; a model that is installed into its service needs no other routes."""
        table = self._routes()
        return {key: table[key] for key in table if not (self._metrics_apart and key[1].endswith(b"/metrics"))}

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        """Refuse in the style of the service whose path it is, else in our own."""
        self._refused(refusal.code)
        (self._service_of(exchange.path) or self.front).refuse(exchange, refusal)

    def _routes(self) -> Routes:
        table: Routes = {}
        for service in self.services:
            table |= self._service_routes(service)
        if len(self.services) == 1:
            return table | self._inference_routes(b"", self.services, self.services[0])
        return table | self._inference_routes(b"", self.services, self.front) | self.front.routes()

    def _refused(self, code: str, times: int = 1) -> None:
        self.telemetry.counter(*_REFUSED, code=code).add(times)

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
            (b"POST", prefix + b"/explain"): service.metered("/explain", predictions.explain, *EXPLAINED),
        }
        home = service.metered("/", status.home, *TOLD)
        homes: Routes = {(b"GET", path): home for path in ({prefix, prefix + b"/"} if prefix else {b"/"})}
        page = service.metered("/docs", docs.page, *TOLD)
        pages: Routes = {(b"GET", prefix + path.encode()): page for path in FILES}
        return table | homes | pages | (self._inference_routes(prefix, [service], service) if prefix else {})

    def _inference_routes(self, prefix: bytes, services: Sequence[Service], owner: Service | Front) -> Routes:
        inference = Inference(services, owner)
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
