"""Endpoints asked without a socket: an exchange that keeps its reply, and callbacks that run when told."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from towpath.serving.app import App
from towpath.serving.exchange import Exchange, Head, Route
from towpath.serving.model import Model
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry


class Turns(list[Callable[[], None]]):
    """An event loop's call_soon, and the turns themselves."""

    def run(self) -> None:
        while self:
            self.pop(0)()


class Kept:
    """A wire that leads nowhere."""

    def settle(self) -> None: ...


@dataclass
class Answer:
    """A reply taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Asked:
    """An app that is asked: one service, with a model or without, or what is given."""

    def __init__(self, turns: Turns, model: Model | None, name: str = "bankchurn", app: App | None = None):
        self.turns = turns
        self.app = app or _alone(name, model)
        self.telemetry, self.service = self.app.telemetry, self.app.services[0]
        self.routes = self.app.routes()

    def ask(
        self,
        method: str,
        path: str,
        value: Any = None,
        request_id: str = "r-1",
        headers: Mapping[bytes, bytes] | None = None,
    ) -> Answer:
        exchange = self.begin(method, path, value, request_id, headers)
        self.turns.run()
        return self.ended(exchange)

    def begin(
        self,
        method: str,
        path: str,
        value: Any = None,
        request_id: str = "r-1",
        headers: Mapping[bytes, bytes] | None = None,
    ) -> Exchange:
        """Ask, and let no turn of the loop pass."""
        route = self.routes[method.encode(), path.encode()]
        head = Head(Route(route.handle, route.observe))
        head.method, head.path, head.headers = method.encode(), path.encode(), dict(headers or {})
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        exchange = Exchange(Kept(), head, request_id.encode(), body, keep_alive=True)
        route.handle(exchange)
        return exchange

    def ended(self, exchange: Exchange) -> Answer:
        return _taken_apart(exchange.reply)

    def metric(self, start: str) -> float:
        """The value of the one series that starts so."""
        found = self.metrics(start)
        assert len(found) == 1, found
        return next(iter(found.values()))

    def metrics(self, start: str) -> dict[str, float]:
        """The values of all series that start so."""
        lines = [line for line in self.telemetry.exposition().decode().splitlines() if line.startswith(start)]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def _alone(name: str, model: Model | None) -> App:
    telemetry = Telemetry()
    service = Service(name, telemetry)
    if model:
        service.install(model)
    return App([service], telemetry)


def _taken_apart(reply: bytes) -> Answer:
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split(" ")[1]), {name.lower(): value for name, value in headers.items()}, body)
