"""One service that follows a routes file, as the event loop sees it: who is chosen, who waits, what is copied."""

import secrets
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from towpath.core.routes import CODES, WHOLE, Mode
from towpath.core.traffic import spread
from towpath.engine.answers import Seen
from towpath.serving import head, journal
from towpath.serving.exchange import Exchange, Refusal, header_lines
from towpath.serving.limits import Limits
from towpath.serving.model import Model, Observe
from towpath.serving.recording import PredictionLog
from towpath.serving.routing.following import Follower
from towpath.serving.routing.revisions import Revisions
from towpath.serving.routing.shadowing import Shadowing
from towpath.serving.routing.table import Table
from towpath.serving.routing.waiting import Again, Waiting
from towpath.serving.service import QUARANTINED, Service
from towpath.serving.telemetry import Telemetry

MAINTENANCE, PAUSED = "maintenance", "paused"
MODES = ("live", PAUSED, MAINTENANCE)

_GENERATION = ("towpath_routes_generation", "The generation of the routes that are acted upon.")
_REFUSED = ("towpath_routes_refused_total", "Routes files refused, by why.")
_BEHIND = ("towpath_routes_behind", "Whether the routes file that is there is refused, so that an older one acts.")
_MODE = ("towpath_routes_mode", "1 for the mode that the service is in.")
_SWAPS = ("towpath_routes_swaps_total", "Generations that were swapped in.")
_SWAP_SECONDS = ("towpath_routes_swap_seconds", "Seconds of the last swap, with the bundles that it had to open.")
_HELD = ("towpath_paused_requests", "Requests that wait for a paused service.")
_SHARE = ("towpath_revision_share", "Share of the requests that a revision gets.")


class Routed:
    """Everything here runs in the loop; what the routes' thread knows is read, and only whole tables come from it."""

    def __init__(
        self,
        service: Service,
        follower: Follower,
        telemetry: Telemetry,
        loop: AbstractEventLoop,
        limits: Limits,
        log: PredictionLog | None,
    ):
        self.service, self.follower, self._telemetry = service, follower, telemetry
        self.table: Table | None = None
        # Somewhere else in each worker, else the first request to each of them would go to the newest revision.
        self._turns, self._copy_turns = (spread(secrets.randbelow(WHOLE)) for _ in range(2))
        self._waiting = Waiting(loop.call_later, limits.paused_requests, self._refuse_paused)
        self._shadowing = Shadowing(service.name, telemetry, loop.call_soon_threadsafe, log, limits.shadow_share)
        self._shares: list[dict[str, str]] = []
        self._told_as = ""
        self._revisions = Revisions(telemetry)
        service.facts = self.facts
        service.note = lambda model, outcome: self._revisions.note(model.revision, outcome)
        self._tell()

    def use(self, table: Table) -> None:
        """Answer by this table from the next request on."""
        if table.models:
            self.service.install(table.main or next(iter(table.models.values())), *table.models.values())
        if table.main is None:  # a header may still lead to one that answers
            self.service.withdraw(QUARANTINED)
        self._shadowing.use(table)
        for model in table.models.values():
            model.observe = self._observing(model, model.observe)
        self.table = table
        plain = table.only is not None and self._mode().name == "live"
        self.service.choose = None if plain else self.choose
        self._tell()
        self._tell_shares(table)
        if self._mode().name == PAUSED:
            self._waiting.stop_releasing()
        else:
            self._waiting.release()

    def choose(self, exchange: Exchange, again: Again) -> Model | None:
        """The model for a request; None where it was refused, or waits until `again` is called with it."""
        mode = self._mode()
        if mode.name == PAUSED:
            if not self._waiting.hold(exchange, partial(self._go_on, again), mode.wait_seconds):
                self._refuse_paused(exchange)
            return None
        if mode.name == MAINTENANCE:
            told = mode.message or f"{self.service.name} is being worked on"
            self._refuse(exchange, MAINTENANCE, told, mode)
            return None
        model = self.table.choose(exchange, self._turns) if self.table else None
        if model is None:
            self.service.refuse(exchange, QUARANTINED)
        return model

    def _go_on(self, again: Again, exchange: Exchange) -> None:
        """What its connection does with a request that comes by at once."""
        try:
            again(exchange)
        except Exception as error:  # the door
            journal.tell("handler_failed", request_id=exchange.request_id, path=exchange.path, **journal.traced(error))
            if not exchange.reply:
                self.service.refuse(exchange, head.BROKEN)

    def facts(self) -> dict[str, Any]:
        """What /ready tells beside whether it is ready."""
        refused = self.follower.refused
        told = {"generation": self.follower.generation, "refused": refused.reason if refused else None}
        environment = self.table.routes.environment if self.table else None
        return {"mode": self._mode().name, "environment": environment, "routes": told}

    def stop(self) -> None:
        """Nobody waits for a worker that ends."""
        self._waiting.hold_no_more()

    def _mode(self) -> Mode:
        return self.table.routes.mode if self.table else Mode()

    def _is(self, mode: str) -> float:
        return float(self._mode().name == mode)

    def _refuse_paused(self, exchange: Exchange) -> None:
        self._refuse(exchange, PAUSED, f"{self.service.name} is paused; ask again later", self._mode())

    def _refuse(self, exchange: Exchange, code: str, message: str, mode: Mode) -> None:
        self.service.count_error(code)
        self.service.refuse(
            exchange, Refusal(503, code, message, header_lines({"Retry-After": str(mode.retry_seconds)}))
        )

    def _observing(self, model: Model, observe: Observe) -> Observe:
        """Observed, counted as this revision's, and copied to the shadows: all after the reply has been written."""
        shadowing, turns = self._shadowing, self._copy_turns
        answered = self._revisions.of(self.service.name, model.revision).answered

        def observed(exchanges: Sequence[Exchange], records: Sequence[Struct], seen: Seen) -> None:
            observe(exchanges, records, seen)
            answered(exchanges)
            if shadowing.wanted:
                shadowing.offer(exchanges, model, records, turns)

        return observed

    def _tell(self) -> None:
        """The series of this service's routes, under the name that it has now."""
        name, follower = self.service.name, self.follower
        if name == self._told_as:
            return
        if self._told_as:
            self._forget(self._told_as)
        self._told_as = name
        tell: Callable[..., None] = self._telemetry.reading
        tell(*_GENERATION, lambda: follower.generation, service=name)
        tell(*_BEHIND, lambda: follower.refused is not None, service=name)
        tell(*_SWAPS, lambda: follower.swaps, service=name)
        tell(*_SWAP_SECONDS, lambda: follower.swap_seconds, service=name)
        tell(*_HELD, lambda: len(self._waiting), service=name)
        for code in CODES:
            tell(*_REFUSED, partial(follower.refusals.__getitem__, code), service=name, code=code)
        for mode in MODES:
            tell(*_MODE, partial(self._is, mode), service=name, mode=mode)
        for code in (PAUSED, MAINTENANCE):
            self.service.count_error(code, 0)

    def _forget(self, name: str) -> None:
        for metric, _ in (_GENERATION, _BEHIND, _SWAPS, _SWAP_SECONDS, _HELD):
            self._telemetry.forget(metric, service=name)
        for code in CODES:
            self._telemetry.forget(_REFUSED[0], service=name, code=code)
        for mode in MODES:
            self._telemetry.forget(_MODE[0], service=name, mode=mode)

    def _tell_shares(self, table: Table) -> None:
        """Only of the revisions that are in the routes now."""
        for labels in self._shares:
            self._telemetry.forget(_SHARE[0], **labels)
        routes = table.routes
        self._shares = []
        for one in routes.traffic:
            labels = {"service": self.service.name, "revision": routes.label(one.revision)}
            self._telemetry.reading(*_SHARE, partial(float, one.percent / 100), **labels)
            self._shares.append(labels)
