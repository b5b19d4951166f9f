"""One serving process: opens and checks bundles, listens, serves until it is told to stop, drains."""

import asyncio
import contextlib
import gc
import os
import re
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from towpath.core.errors import TowpathError, UsageError
from towpath.serving import journal
from towpath.serving.access import tls
from towpath.serving.app import App
from towpath.serving.connection import Connection
from towpath.serving.edge import Edge
from towpath.serving.model import Model, open_model
from towpath.serving.options import Asked, read_options
from towpath.serving.ports import BACKLOG, listen
from towpath.serving.recording import PredictionLog
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry, observe_process
from towpath.version import VERSION

GRACE_SECONDS = 8.0  # for requests under way; Docker and Cloud Run kill ten seconds after they ask
LOG_SECONDS = 1.0  # for what the prediction log has not written yet
RETRY_SECONDS = 2.0  # between looks for a bundle that was not there at the start
PACKED = re.compile(r"[0-9a-f]{12}")  # a bundle's folder as it is packed, in the folder of its service
OTHER_FILES = 4_000  # that a worker has open beside one for each of its connections: some that are being refused


def run(
    bundles: Sequence[Path],
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    insecure: bool = False,
    allow_unready: bool = False,
    asked: Asked | None = None,
) -> None:
    """Serve bundles until SIGTERM or SIGINT; one at the root, several under their names. Returns when drained.

    Raises InfrastructureError (no bundle, port taken), VerificationRefused, FormatTooNew or UsageError; with
    allow_unready a bundle that cannot be opened is reported unready and looked for again.
    """
    fast = _uvloop()
    worker = Worker([Path(path).absolute() for path in bundles], allow_unready, asked)
    try:
        with asyncio.Runner(loop_factory=fast.new_event_loop if fast else None) as runner:
            runner.run(worker.serve(host, port, insecure))
    finally:
        journal.flush()


class Worker:
    """The services of a worker, each at the place of its bundle, and the edge before them."""

    def __init__(self, paths: Sequence[Path], allow_unready: bool = False, asked: Asked | None = None):
        self._paths, self._allow_unready = paths, allow_unready
        self._asked = asked or read_options({}, {}, {})
        self._log: PredictionLog | None = None
        self._telemetry = Telemetry()
        self._troubles: dict[Path, str] = {}
        observe_process(self._telemetry, time.monotonic())

    async def serve(self, host: str, port: int, insecure: bool = False) -> None:
        """Returns when it was asked to stop and has drained."""
        context = tls(self._asked.access)
        self._open_log()
        services = self._assemble()
        app = App(list(services.values()), self._telemetry)
        asked = self._asked
        edge = Edge(app.routes(), app.refuse, app.front.observe_unmatched(), asked.limits, asked.access)
        self._telemetry.reading("towpath_connections", "Open connections.", lambda: len(edge.connections))
        self._telemetry.reading(
            "towpath_abandoned_total",
            "Requests whose client left before the answer.",
            lambda: edge.abandoned,
        )
        sockets = listen(host, port, insecure or asked.access.protects)
        _settle_process(asked.limits.connections + OTHER_FILES)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_tell_loop_fault)
        patience = asked.limits.head_seconds if context else None
        servers = [
            await loop.create_server(
                partial(Connection, edge), sock=sock, backlog=BACKLOG, ssl=context, ssl_handshake_timeout=patience
            )
            for sock in sockets
        ]
        _tell_serving(sockets[0].getsockname(), insecure, app)
        tasks = [loop.create_task(edge.sweep()), loop.create_task(self.keep_trying(services, app, edge))]
        stopped = _stopped(loop)
        try:
            await stopped.wait()
        finally:
            for server in servers:
                server.close()
            app.draining = True
            cut = await edge.drain(GRACE_SECONDS)
            for task in tasks:
                task.cancel()
            if self._log:
                self._log.close(LOG_SECONDS)
            journal.tell("stopped", pid=os.getpid(), cut_connections=cut)

    def _open_log(self) -> None:
        """The prediction log, where one is asked for. Raises InfrastructureError."""
        if self._asked.log:
            self._log = PredictionLog(self._asked.log, self._asked.log_share, self._asked.limits.log_bytes)
            self._log.observe_with(self._telemetry)

    async def keep_trying(self, services: Mapping[Path, Service], app: App, edge: Edge) -> None:
        """Look again for bundles that could not be opened, until all services have a model."""
        while waiting := {path: service for path, service in services.items() if service.model is None}:
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
        name = model.contract.service if model else service_of(path)
        service = Service(
            name, self._telemetry, f"/{name}" if len(self._paths) > 1 else "", self._asked.limits, self._log
        )
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


def _tell_serving(address: Any, insecure: bool, app: App) -> None:
    bundles = {service.name: service.model.bundle.id for service in app.services if service.model}
    journal.tell(
        "serving",
        host=address[0],
        port=address[1],
        bundles=bundles,
        pid=os.getpid(),
        towpath=VERSION,
        insecure=insecure,
    )


def _settle_process(files: int) -> None:
    """What is loaded stays, so the collector need not look at it again; and room for all the edge's connections."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no limits, some systems forbid
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, files)), hard))


def _stopped(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """Set when the process is asked to stop."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    return stopped


def _tell_loop_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    journal.tell("loop_fault", message=context["message"], **(journal.traced(error) if error else {}))


def _uvloop() -> ModuleType | None:
    """uvloop where it is installed; asyncio's own loop reaches 84 % of it."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop
    return None
