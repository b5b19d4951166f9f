"""One serving process: opens and checks bundles, listens, serves until it is told to stop, drains."""

import asyncio
import contextlib
import gc
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from towpath.core.errors import TowpathError, UsageError
from towpath.serving import journal
from towpath.serving.app import App
from towpath.serving.edge import Edge
from towpath.serving.limits import DEFAULT, Limits
from towpath.serving.model import Model, open_model
from towpath.serving.ports import listen
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry, observe_process
from towpath.version import VERSION

GRACE_SECONDS = 8.0  # for requests under way; Docker and Cloud Run kill ten seconds after they ask
RETRY_SECONDS = 2.0  # between looks for a bundle that was not there at the start
OPEN_FILES = 20_000  # two for each of the edge's connections


def run(
    bundles: Sequence[Path],
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    insecure: bool = False,
    allow_unready: bool = False,
) -> None:
    """Serve bundles until SIGTERM or SIGINT; one at the root, several under their names. Returns when drained.

    Raises InfrastructureError (no bundle, port taken), VerificationRefused, FormatTooNew or UsageError; with
    allow_unready a bundle that cannot be opened is reported unready and looked for again.
    """
    fast = _uvloop()
    with asyncio.Runner(loop_factory=fast.new_event_loop if fast else None) as runner:
        runner.run(Worker([Path(path).absolute() for path in bundles], allow_unready).serve(host, port, insecure))


class Worker:
    """The bundles of a worker and the edge before them."""

    def __init__(self, paths: Sequence[Path], allow_unready: bool = False, limits: Limits = DEFAULT):
        self._paths, self._allow_unready, self._limits = paths, allow_unready, limits
        self._models: dict[Path, Model] = {}
        self._troubles: dict[Path, str] = {}
        self._began = time.monotonic()

    async def serve(self, host: str, port: int, insecure: bool = False) -> None:
        for path in self._paths:
            self._open(path)
        app = self._assemble()
        edge = Edge(app.routes(), app.refuse, app.observe_elsewhere(), self._limits)
        app.telemetry.reading("towpath_connections", "Open connections.", lambda: len(edge.connections))
        sockets = listen(host, port, insecure)
        _settle_process()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_tell_loop_fault)
        servers = [await loop.create_server(edge.connect, sock=sock) for sock in sockets]
        self._tell_serving(sockets[0].getsockname(), insecure)
        tasks = [loop.create_task(edge.sweep()), loop.create_task(self._keep_trying(edge))]
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
            journal.tell("stopped", pid=os.getpid(), cut_connections=cut)

    def _open(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._models[path] = open_model(path, loop.call_soon)
        except TowpathError as error:
            if not self._allow_unready:
                raise
            if self._troubles.get(path) != str(error):  # told once, not at every look
                self._troubles[path] = str(error)
                journal.tell("unready", bundle=str(path), problem=str(error), hint=error.hint)

    def _assemble(self) -> App:
        """Services for all paths. Raises UsageError where two bundles are of one service."""
        telemetry = Telemetry()
        observe_process(telemetry, self._began)
        services = [self._service(path, telemetry) for path in self._paths]
        names = [service.name for service in services]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(f"two of the bundles are of {twice}", hint="a worker serves one bundle of each service")
        return App(services, telemetry)

    def _service(self, path: Path, telemetry: Telemetry) -> Service:
        model = self._models.get(path)
        name = model.contract.service if model else path.name
        service = Service(name, telemetry, f"/{name}" if len(self._paths) > 1 else "")
        if model:
            service.install(model)
        return service

    async def _keep_trying(self, edge: Edge) -> None:
        """Look again for bundles that could not be opened, until all are served."""
        while len(self._models) < len(self._paths):
            await asyncio.sleep(RETRY_SECONDS)
            before = len(self._models)
            for path in self._paths:
                if path not in self._models:
                    self._open(path)
            if len(self._models) > before:
                app = self._assemble()
                edge.refuse = app.refuse
                edge.install(app.routes())
                journal.tell("ready", services=[service.name for service in app.services])

    def _tell_serving(self, address: Any, insecure: bool) -> None:
        bundles = {model.contract.service: model.bundle.id for model in self._models.values()}
        journal.tell(
            "serving",
            host=address[0],
            port=address[1],
            bundles=bundles,
            pid=os.getpid(),
            towpath=VERSION,
            insecure=insecure,
        )


def _settle_process() -> None:
    """What is loaded stays, so the collector need not look at it again; and room for all the edge's connections."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no limits, some systems forbid
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_FILES)), hard))


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
