"""One serving process: opens and checks bundles, listens, serves until it is told to stop, drains."""

import asyncio
import contextlib
import math
import os
import re
import ssl
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from towpath.core.errors import TowpathError, UsageError
from towpath.serving import journal
from towpath.serving.app import App
from towpath.serving.connection import Connection
from towpath.serving.draining import Stop, drain
from towpath.serving.edge import Edge
from towpath.serving.lifeline import Lifeline, Orders
from towpath.serving.model import Model, open_model
from towpath.serving.options import Asked, read_options
from towpath.serving.ports import BACKLOG, join, listen
from towpath.serving.recording import PredictionLog
from towpath.serving.scrape import Scraped
from towpath.serving.service import QUARANTINED, Service
from towpath.serving.settling import settle_process
from towpath.serving.supervising.handed import Handed
from towpath.serving.telemetry import Telemetry, observe_process
from towpath.serving.tls import tls
from towpath.version import VERSION

if TYPE_CHECKING:
    from towpath.serving.routing.routing import Routing

LOG_SECONDS = 0.5  # for what the prediction log has not written yet
REPEAT_SECONDS = 1.0  # between two lines of the log that say the same
RETRY_SECONDS = 2.0  # between looks for a bundle that was not there at the start
PACKED = re.compile(r"[0-9a-f]{12}")  # a bundle's folder as it is packed, in the folder of its service


def run(
    bundles: Sequence[Path],
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    insecure: bool = False,
    allow_unready: bool = False,
    asked: Asked | None = None,
    handed: Handed | None = None,
) -> None:
    """Serve bundles until SIGTERM, SIGINT or SIGHUP; one at the root, several under their names. Returns when drained.

    Raises InfrastructureError (no bundle, port taken), VerificationRefused, FormatTooNew or UsageError; with
    allow_unready a bundle that cannot be opened is reported unready and looked for again.
    """
    serve_until_stopped(
        Worker([Path(path).absolute() for path in bundles], allow_unready, asked, handed), host, port, insecure
    )


def serve_until_stopped(worker: "Worker", host: str, port: int, insecure: bool) -> None:
    """In the fastest loop there is."""
    journal.tell_warnings()
    fast = _uvloop()
    try:
        with asyncio.Runner(loop_factory=fast.new_event_loop if fast else None) as runner:
            runner.run(worker.serve(host, port, insecure))
    finally:
        journal.flush()


class Worker:
    """The services of a worker, each at the place of its bundle, and the edge before them."""

    def __init__(
        self,
        paths: Sequence[Path],
        allow_unready: bool = False,
        asked: Asked | None = None,
        handed: Handed | None = None,
    ):
        self._paths, self._allow_unready = paths, allow_unready
        self._asked = asked or read_options({}, {}, {})
        self._handed = handed
        self._lifeline = Lifeline(handed) if handed else None
        self.quarantined = set(handed.quarantined) if handed else set[str]()
        self._services: Mapping[Path, Service] = {}
        self._routing: Routing | None = None
        self._log: PredictionLog | None = None
        self._telemetry = Telemetry()
        self._troubles: dict[Path, str] = {}
        observe_process(self._telemetry, time.monotonic())

    async def serve(self, host: str, port: int, insecure: bool = False) -> None:
        """Returns when it was asked to stop and has drained."""
        context = tls(self._asked.access)
        self._open_log()
        services = self._services = self._assemble()
        self.quarantine(self.quarantined)
        asked = self._asked
        served = [*services.values(), *self._open_routes(services)]
        app = App(served, self._telemetry, metrics_apart=asked.metrics_port is not None)
        edge = Edge(app.routes(), app.refuse, app.front.observe_unmatched(), asked.limits, asked.access)
        self._telemetry.reading("towpath_connections", "Open connections.", lambda: len(edge.connections))
        self._telemetry.reading(
            "towpath_abandoned_total",
            "Requests whose client left before the answer.",
            lambda: edge.abandoned,
        )
        handed = self._handed
        sockets = handed.sockets() if handed else listen(host, port, insecure or asked.access.protects)
        scraped = await self._open_scraped(app, host, insecure, context)
        edge.limits = settle_process(asked.limits)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(LoopFaults().tell)
        stop = Stop(loop)
        if self._lifeline:  # before anybody can ask: one worker's own figures would look as if counters began anew
            await self._lifeline.begin(self._orders(stop), self._telemetry.exposition)
            self._telemetry.tell = self._lifeline.ask_for_sum
        if self._routing:
            await self._routing.start(app, edge)
        patience = asked.limits.head_seconds if context else None
        servers = [
            await loop.create_server(
                partial(Connection, edge), sock=sock, backlog=BACKLOG, ssl=context, ssl_handshake_timeout=patience
            )
            for sock in sockets
        ]
        _tell_serving(sockets[0].getsockname(), insecure, app, scraped)
        if told := asked.access.open_to(sockets[0].getsockname()[0]):
            journal.tell("open_to_all", why=told, hint="--keys FILE asks for a key; docs/serving.md, Who may ask")
        tasks = [loop.create_task(edge.sweep()), loop.create_task(self.keep_trying(services, app, edge))]
        if self._lifeline:
            self._lifeline.ready()
        try:
            await stop.asked()
        finally:
            app.draining = True
            if self._routing:
                self._routing.drain()
            cut = await drain(edge, servers, stop.idle_seconds)
            if self._routing:
                self._routing.stop()
            if scraped:
                await scraped.close()
            for task in tasks:
                task.cancel()
            if self._log:
                self._log.close(LOG_SECONDS)
            journal.tell("stopped", pid=os.getpid(), cut_connections=cut)
            if self._lifeline:
                await self._lifeline.end()

    def quarantine(self, digests: Collection[str]) -> None:
        """Answer no more with these bundles, of which workers have died; what is not among them gets another chance."""
        self.quarantined = set(digests)
        for service in self._services.values():
            service.withdraw(QUARANTINED) if service.bundle in self.quarantined else service.bring_back()

    def _open_routes(self, bundled: Mapping[Path, Service]) -> list[Service]:
        """The services that follow routes files. Raises RoutesRefused or UsageError."""
        if not self._asked.routes:
            return []
        from towpath.serving.routing.routing import Routing

        slot = str(self._handed.slot) if self._handed else ""
        self._routing = Routing(self._asked, self._telemetry, self._log, slot, lambda: frozenset(self.quarantined))
        services = self._routing.begin(self._named, self._allow_unready)
        for name in {one.name for one in services} & {one.name for one in bundled.values()}:
            told = f"a bundle and a routes file are both of {name}"
            raise UsageError(told, hint="name one of them: a service comes from a bundle or from routes")
        return services

    def _named(self, name: str) -> Service:
        """A service without a model, at the root where it is the only one."""
        asked = self._asked
        prefix = "" if len(self._paths) + len(asked.routes) == 1 else f"/{name}"
        return Service(name, self._telemetry, prefix, asked.limits, self._log, asked.remember)

    def _orders(self, stop: Stop) -> Orders:
        """What the supervisor may ask for."""
        return {"drain": stop.ask, "stop": lambda _: stop.ask(), "quarantine": self.quarantine}

    def _open_log(self) -> None:
        """The prediction log, where one is asked for. Raises InfrastructureError."""
        if self._asked.log:
            self._log = PredictionLog(self._asked.log, self._asked.log_share, self._asked.limits.log_bytes)
            self._log.observe_with(self._telemetry)

    async def _open_scraped(
        self, app: App, host: str, insecure: bool, context: ssl.SSLContext | None
    ) -> Scraped | None:
        """The port for metrics alone, where one is asked for. Raises InfrastructureError where it is taken."""
        if self._asked.metrics_port is None:
            return None
        scraped, port = Scraped(app, self._asked.limits), self._asked.metrics_port
        sockets = join(host, port) if self._handed else listen(host, port, insecure or self._asked.access.protects)
        await scraped.open(sockets, context)
        return scraped

    async def keep_trying(self, services: Mapping[Path, Service], app: App, edge: Edge) -> None:
        """Look again for bundles that could not be opened, until all services have a model."""
        while waiting := {path: service for path, service in services.items() if not service.bundle}:
            await asyncio.sleep(RETRY_SECONDS)
            for path, service in waiting.items():
                try:
                    await self._try_again(path, service, app)
                    edge.install(app.routes())  # its name may be another than its folder's
                except Exception as error:  # the door: whatever it is, the next look may find it mended
                    self._tell_unready(path, error)

    async def _try_again(self, path: Path, service: Service, app: App) -> None:
        loop = asyncio.get_running_loop()
        model = await asyncio.to_thread(open_model, path, loop.call_soon)  # the other services go on meanwhile
        _refuse_second(model.contract.service, [other for other in app.services if other is not service])
        service.install(model)
        self.quarantine(self.quarantined)
        journal.tell("ready", service=service.name, bundle=model.bundle.id)

    def _assemble(self) -> dict[Path, Service]:
        """The services by the paths of their bundles. Raises UsageError where two bundles are of one service."""
        services: dict[Path, Service] = {}
        for path in self._paths:
            service = self._service(path)
            _refuse_second(service.name, services.values())
            services[path] = service
        return services

    def _service(self, path: Path) -> Service:
        """The service of a bundle; without a model where that may be missing."""
        model = self._open(path)
        service = self._named(model.contract.service if model else service_of(path))
        if model:
            service.install(model)
        return service

    def _open(self, path: Path) -> Model | None:
        try:
            return open_model(path, asyncio.get_running_loop().call_soon)
        except TowpathError as error:
            if not self._allow_unready:
                raise
            self._tell_unready(path, error)
            return None

    def _tell_unready(self, path: Path, error: Exception) -> None:
        """Once for each trouble, not at every look."""
        if self._troubles.get(path) == str(error):
            return
        self._troubles[path] = str(error)
        if isinstance(error, TowpathError):
            journal.tell("unready", bundle=str(path), problem=str(error), hint=error.hint)
        else:
            journal.tell("unready", bundle=str(path), problem="something unexpected", **journal.traced(error))


def service_of(path: Path) -> str:
    """What the service of a bundle is called that nobody can read yet: `.../churn/0f3a5b7c9d1e` is churn's."""
    return path.parent.name if PACKED.fullmatch(path.name) and path.parent.name else path.name


def _refuse_second(name: str, others: Iterable[Service]) -> None:
    if any(other.name == name for other in others):
        raise UsageError(f"two of the bundles are of {name}", hint="a worker serves one bundle of each service")


def _tell_serving(address: Any, insecure: bool, app: App, scraped: Scraped | None) -> None:
    bundles = {service.name: service.model.bundle.id for service in app.services if service.model}
    journal.tell(
        "serving",
        host=address[0],
        port=address[1],
        bundles=bundles,
        pid=os.getpid(),
        towpath=VERSION,
        insecure=insecure,
        **({"metrics_port": scraped.port} if scraped else {}),
    )


class LoopFaults:
    """What goes wrong outside of any request. Out of files asyncio says so for each that waits: once will do."""

    def __init__(self) -> None:
        self._refused_at = -math.inf

    def tell(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if context["message"].startswith("socket.accept()"):
            if loop.time() - self._refused_at < REPEAT_SECONDS:
                return
            self._refused_at = loop.time()
        journal.tell("loop_fault", message=context["message"], **(journal.traced(error) if error else {}))


def _uvloop() -> ModuleType | None:
    """uvloop where it is installed; asyncio's own loop reaches 84 % of it."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop
    return None
