"""Endpoints asked without a socket: an exchange that keeps its reply, and callbacks that run when told."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from towpath.serving.app import App
from towpath.serving.exchange import Exchange, Route
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
    """The app of one service, with a model or without."""

    def __init__(self, turns: Turns, model: Model | None, name: str = "bankchurn"):
        self.turns = turns
        self.telemetry = Telemetry()
        self.service = Service(name, self.telemetry)
        if model:
            self.service.install(model)
        self.app = App([self.service], self.telemetry)
        self.routes = self.app.routes()

    def ask(self, method: str, path: str, value: Any = None, request_id: str = "r-1") -> Answer:
        route = self.routes[method.encode(), path.encode()]
        exchange = Exchange(Kept(), Route(route.handle, route.observe), request_id.encode())
        exchange.method, exchange.path, exchange.keep_alive = method.encode(), path.encode(), True
        exchange.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        route.handle(exchange)
        self.turns.run()
        return _taken_apart(exchange.reply)

    def metric(self, start: str) -> float:
        """The value of the one series that starts so."""
        lines = [line for line in self.telemetry.exposition().decode().splitlines() if line.startswith(start)]
        assert len(lines) == 1, lines
        return float(lines[0].rpartition(" ")[2])


def _taken_apart(reply: bytes) -> Answer:
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split(" ")[1]), {name.lower(): value for name, value in headers.items()}, body)
