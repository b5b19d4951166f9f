"""Follows one routes file: looks, reads, opens what is new, swaps; whatever is wrong with it, what was live stays."""

import math
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from towpath.bundle.routes import Look, kept_routes, look_at, newest_kept, read_content, read_routes
from towpath.core.errors import TowpathError
from towpath.core.routes import CODES, Routes, RoutesRefused, answering, shadowing
from towpath.core.routes_file import decode, refuse_step
from towpath.serving import journal
from towpath.serving.routing.loading import Pool
from towpath.serving.routing.table import Table

RETRY_SECONDS = 2.0  # between tries of a file that is refused: its bundle may be on its way
SETTLED_SECONDS = 0.1  # of looking the same, after which it is the same; clocks of file systems tick in 4 ms
QUIET_SECONDS = 60.0  # in which one trouble is told once
MOST_TOLD = 100  # troubles that are remembered, in the hands of who writes a thousand different ones

QUARANTINED = "quarantined"  # a code of ours alone: no writer could know
LATER = (QUARANTINED, "lower_generation", "changed_generation")  # better than not to start: it says what it waits for

Swap = Callable[[Table], None]
"""Makes the worker act upon a table, and returns when it does."""


class Follower:
    """Follower(path, pool, swap).look(), again and again, from one thread; what it says can be read from any."""

    def __init__(self, path: Path, pool: Pool, swap: Swap, clock: Callable[[], float] = time.monotonic):
        self.path, self._pool, self.swap, self._clock = path, pool, swap, clock
        self.table: Table | None = None
        self.refused: RoutesRefused | None = None
        self.since = 0.0  # when the generation was swapped in, in seconds since 1970
        self.refusals = dict.fromkeys(CODES, 0)
        self.swap_seconds = 0.0  # of the last swap, from the look that saw it
        self.swaps = 0
        self._look: Look | None = None
        self._touched = -math.inf  # when it was last seen to look otherwise
        self._content = b""
        self._without: frozenset[str] = frozenset()
        self._tried = -math.inf
        self._told: dict[tuple[str, str], float] = {}

    @property
    def name(self) -> str:
        """What the service is called; until a file was read, as the file is: `bankchurn.routes.json`."""
        return self.table.routes.service if self.table else self.path.name.partition(".")[0]

    @property
    def generation(self) -> int:
        """What is acted upon; 0 before the first."""
        return self.table.routes.generation if self.table else 0

    def begin(self, without: Collection[str] = ()) -> None:
        """The first table: from the file, if need be without its shadows, else from the newest generation kept.

        Raises RoutesRefused where none can; why the file was refused is told in either case.
        """
        self._without = frozenset(without)
        self._look, self._touched = look_at(self.path), self._clock()
        self._tried = self._touched
        try:
            self._read()
        except RoutesRefused as error:
            reads = self._reads_without_shadows()
            self._refuse(error)
            if not reads:
                self._go_back(error)

    def _reads_without_shadows(self) -> bool:
        """Nobody hears what a shadow answers: none decides whether there is a service, nor by which routes."""
        try:
            self._read(shadows=False)
        except RoutesRefused:
            return False
        return True

    def _go_back(self, refused: RoutesRefused) -> None:
        """Act upon the newest generation kept beside the file that can be; raises what the file is refused for."""
        ours = self.table.routes.name if self.table else None
        for routes, shadows in product(kept_routes(self.path), (True, False)):
            if ours and routes.name != ours:
                continue
            with suppress(RoutesRefused):
                self._refuse_nobody(routes)
                self._act_upon(routes, shadows)
                journal.tell("routes_kept", routes=str(self.path), generation=routes.generation)
                return
        if refused.reason not in LATER:
            raise refused
        self._act_upon(self.table.routes if self.table else read_routes(self.path))

    def look(self, without: Collection[str] = ()) -> bool:
        """Look once, and act upon what is new; whether another table is acted upon now."""
        now, look, before = self._clock(), look_at(self.path), self.table
        if without != self._without:
            self._guarded(self._leave_out, frozenset(without))
        again = look != self._look or (self.refused is not None and now - self._tried > RETRY_SECONDS)
        if look != self._look:
            self._look, self._touched = look, now
        if again:
            self._tried = now
        # One that was touched a moment ago may be touched again within the same tick of the clock that tells.
        if again or now - self._touched <= SETTLED_SECONDS:
            self._guarded(self._read, again)
        return self.table is not before

    def warm(self) -> None:
        """Open what is listed for a return and fits into memory."""
        if self.table:
            self._pool.warm(self.table.routes, self.path.parent, self._without)

    def _guarded(self, step: Callable[..., None], *given: Any) -> None:
        try:
            step(*given)
        except RoutesRefused as error:
            self._refuse(error)
        except Exception as error:  # the door: whatever a file or a bundle brings, the worker goes on
            told = f"{self.path} cannot be acted upon: {type(error).__name__}"
            journal.tell("routes_failed", routes=str(self.path), **journal.traced(error))
            self._refuse(RoutesRefused("unexpected", told, hint="the worker's log has where it arose"))

    def _read(self, again: bool = True, shadows: bool = True) -> None:
        """Act upon what is in the file, if it is not what was there before; that only where it is tried again."""
        before, self._content = self._content, b""  # what is put back after it was away is looked at
        self._content = content = read_content(self.path)
        if content == before and not again:
            return
        routes = decode(content, str(self.path))
        if acted_upon := self.table.routes if self.table else newest_kept(self.path, routes):
            refuse_step(acted_upon, routes, str(self.path))
        self._refuse_nobody(routes)
        self._act_upon(routes, shadows)
        self._accept()

    def _refuse_nobody(self, routes: Routes) -> None:
        """Refuse routes of which nothing may answer: what was live before them may."""
        if not _allowed(routes, answering(routes), self._without):
            told = f"{self.path} has generation {routes.generation}, all of whose bundles are quarantined"
            raise RoutesRefused(QUARANTINED, told, hint="workers have died of them; go back, or upgrade to lift it")

    def _leave_out(self, without: frozenset[str]) -> None:
        """Bundles that must not answer any more, or may again; whatever the file says by now.

        Where nothing is left it goes back, as a worker does that starts now: both should answer alike.
        """
        self._without = without
        if self.table is None:
            return
        try:
            self._refuse_nobody(self.table.routes)
        except RoutesRefused as error:
            self._refuse(error)
            self._go_back(error)
        else:
            self._act_upon(self.table.routes)

    def _act_upon(self, routes: Routes, shadows: bool = True) -> None:
        if self.table and routes == self.table.routes and not self._is_wrong(self.table):
            return
        began = time.perf_counter()
        table = self._pool.table(routes, self.path.parent, self._without, shadows)
        self.swap(table)
        self._pool.hold(table)
        self.table, self.since, self.swaps = table, time.time(), self.swaps + 1
        self.swap_seconds = time.perf_counter() - began
        self._tell_swap(routes)

    def _is_wrong(self, table: Table) -> bool:
        """Whether it asks what should be left out, or leaves out what may be asked."""
        routes = table.routes
        return any(
            {one.bundle.id for one in models.values()} != _allowed(routes, numbers, self._without)
            for models, numbers in ((table.models, answering(routes)), (table.shadows, shadowing(routes)))
        )

    def _accept(self) -> None:
        if self.refused:
            journal.tell("routes_mended", routes=str(self.path), generation=self.generation)
        self.refused = None

    def _tell_swap(self, routes: Routes) -> None:
        journal.tell(
            "routes",
            service=routes.service,
            environment=routes.environment,
            generation=routes.generation,
            mode=routes.mode.name,
            traffic={routes.label(one.revision): one.percent for one in routes.traffic if one.percent},
            seconds=round(self.swap_seconds, 4),
        )

    def _refuse(self, error: RoutesRefused) -> None:
        known = self.refused
        if known is None or (known.reason, str(known)) != (error.reason, str(error)):
            self.refusals[error.reason] += 1
            self._tell(error)
        self.refused = error

    def _tell(self, error: TowpathError) -> None:
        """One trouble once a minute, however often the file changes."""
        now, trouble = self._clock(), (getattr(error, "reason", error.code), str(error))
        if now - self._told.get(trouble, -math.inf) < QUIET_SECONDS:
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[trouble] = now
        journal.tell(
            "routes_refused",
            routes=str(self.path),
            code=trouble[0],
            problem=str(error)[:1000],
            hint=error.hint,
            generation=self.generation,
        )


def _allowed(routes: Routes, numbers: set[int], without: frozenset[str]) -> set[str]:
    """The bundles of these revisions that may be asked."""
    return {one.digest for one in routes.revisions if one.number in numbers} - without
