"""All routes files of a worker: their services, the thread that follows them, and the word that goes back."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from towpath.core.errors import TowpathError, UsageError
from towpath.core.routes import RoutesRefused
from towpath.serving import head
from towpath.serving.app import App
from towpath.serving.edge import Edge
from towpath.serving.options import Asked
from towpath.serving.recording import PredictionLog
from towpath.serving.routing.acknowledging import Acknowledging
from towpath.serving.routing.following import Follower
from towpath.serving.routing.loading import Pool
from towpath.serving.routing.routed import Routed
from towpath.serving.routing.table import Table
from towpath.serving.routing.watching import Watching
from towpath.serving.running import MARK, OPENING
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry

LOOK_SECONDS = 1.0  # that the routes' thread waits for the loop before it asks whether the worker has ended

Named = Callable[[str], Service]
"""A service of the worker, by its name."""


class Routing:
    """Routing(asked, ...).begin(make); .start(app, edge) when the worker listens; .drain() and .stop() at its end."""

    def __init__(
        self,
        asked: Asked,
        telemetry: Telemetry,
        log: PredictionLog | None,
        slot: str,
        quarantined: Callable[[], frozenset[str]],
    ):
        self._telemetry, self._limits, self._log = telemetry, asked.limits, log
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(self._loop.call_soon, asked.limits.warm_bytes, _mark)
        self.followers = [Follower(path, self._pool, partial(self._swap, path)) for path in asked.routes]
        self._routed: dict[Path, Routed] = {}
        self._quarantined = quarantined
        self._acknowledging = Acknowledging(asked.acknowledge, slot)
        self._watching = Watching(self.followers, self._pool, self._acknowledging, quarantined)
        self._ended = threading.Event()
        self._app: App | None = None
        self._edge: Edge | None = None
        self._names: list[str] = []

    def begin(self, make: Named, allow_unready: bool) -> list[Service]:
        """The services, each with its first table. Raises RoutesRefused, or UsageError where two are one service's."""
        tables: dict[Path, Table] = {}
        for follower in self.followers:
            follower.swap = partial(tables.__setitem__, follower.path)
            try:
                follower.begin(self._quarantined())
            except TowpathError:
                if not allow_unready:
                    raise
            follower.swap = partial(self._swap, follower.path)
        names = [follower.name for follower in self.followers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"two of the routes files are of {twice[0]}", hint="a worker follows one of each service")
        for follower in self.followers:
            self._route(follower, make(follower.name), tables.get(follower.path))
        return [self._routed[follower.path].service for follower in self.followers]

    async def start(self, app: App, edge: Edge) -> None:
        """Follow the files; what a swap changes of headers and names, the edge is told.

        When it returns, the worker may listen: no generation was passed over that others already act upon.
        """
        self._app, self._edge = app, edge
        self._names = [one.service.name for one in self._routed.values()]
        self._tell_edge()
        self._watching.start()
        while not self._watching.looked.is_set():
            await asyncio.sleep(0.001)  # the look may need this loop

    def drain(self) -> None:
        """Let nobody wait; but what is still asked is answered as the files say."""
        for routed in self._routed.values():
            routed.stop()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._edge:
            self._watching.stop()
        self._acknowledging.withdraw()

    def _tell_edge(self) -> None:
        if self._edge is None or self._app is None:
            return
        headers = frozenset[bytes]().union(*(one.table.headers for one in self._routed.values() if one.table))
        if not headers <= self._edge.kept or self._edge.kept - head.KEPT != headers - head.KEPT:
            self._edge.keep(headers)
        names = [one.service.name for one in self._routed.values()]
        if names != self._names:  # a file that could not be read at the start: now it says whose it is
            self._names = names
            self._edge.install(self._app.routes())

    def _route(self, follower: Follower, service: Service, table: Table | None) -> None:
        routed = Routed(service, follower, self._telemetry, self._loop, self._limits, self._log)
        self._routed[follower.path] = routed
        if table:
            routed.use(table)

    def _swap(self, path: Path, table: Table) -> None:
        """From the routes' thread: when this returns, the loop answers by the table."""
        done, errors = threading.Event(), list[Exception]()

        def swap() -> None:
            try:
                self._refuse_namesake(path, table)
                self._routed[path].use(table)
                self._tell_edge()
            except Exception as error:  # the door: the thread that waits for this is told
                errors.append(error)
            finally:
                done.set()

        self._loop.call_soon_threadsafe(swap)  # raises where the loop has ended
        while not done.wait(LOOK_SECONDS):
            if self._ended.is_set():
                return
        if errors:
            raise errors[0]

    def _refuse_namesake(self, path: Path, table: Table) -> None:
        """A file that could not be read at the start may turn out to be of a service that is here already."""
        others = [one for one in (self._app.services if self._app else ()) if one is not self._routed[path].service]
        name = table.routes.service
        if any(one.name == name for one in others):
            raise RoutesRefused("wrong_service", f"{path} is of {name}, which this worker serves already")


def _mark(digest: str) -> None:
    """A bundle that ends the process while it is opened is to blame for it."""
    lane = MARK.lane(OPENING)
    lane.enter(MARK.index(digest)) if digest else lane.leave()
