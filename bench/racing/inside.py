"""One answer taken apart in process: the pieces that a worker is made of, each asked for itself, and all together."""

import asyncio
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import thread_time
from typing import Any

from tests.serving.asking import Kept, Turns
from towpath.serving.app import App
from towpath.serving.batching import Batcher
from towpath.serving.connection import Connection
from towpath.serving.edge import Edge
from towpath.serving.exchange import Exchange, Head, Route
from towpath.serving.model import encode, open_model
from towpath.serving.observing import Observer
from towpath.serving.recording import PredictionLog, Source
from towpath.serving.service import Service
from towpath.serving.telemetry import Telemetry

HEAD = (
    b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
REPLY, RUN = "put head and body together", "run the model (onnxruntime)"
Parts = dict[str, Callable[[], Any]]


class Collecting(asyncio.Transport):
    """A transport that keeps the last bytes it was given and is never slow."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written = data


class Inside:
    """A worker without a process, asked by so many connections in one turn of the loop.

    model_seconds: processor time in the model so far, as it runs among everything else.
    """

    def __init__(self, bundle: str, bodies: Sequence[bytes], together: int):
        self._turns, self._bodies, self._together = Turns(), bodies, together
        self._model, self.model_seconds = open_model(Path(bundle), self._turns.append), 0.0
        self._model.batcher = Batcher(self._timed, self._turns.append)
        telemetry = Telemetry()
        service = Service(self._model.contract.service, telemetry)
        service.install(self._model)
        self._observer = Observer(Telemetry(), service.name, self._model)
        app = App([service], telemetry)
        routes = app.routes()
        self._head = Head(routes[b"POST", b"/predict"])
        self._clients = _connected(Edge(routes, app.refuse, app.front.observe_unmatched()), together)
        self._asked = [HEAD % (len(body), body) for body in bodies]
        self._refuse_wrong()
        self._records = [self._model.reader.record(body) for body in bodies]
        self._rows = [self._model.prepare(record) for record in self._records]
        self._said = self._model.said()
        self._seen = [self._model.see(rows) for rows in self._turned(self._rows)]
        self._values = [value for seen in self._seen for value in self._model.engine.answerer.answers(seen, self._said)]
        self._replies = [encode(value) for value in self._values]
        self._answered = _connected(_constant(self._replies[0], self._model.json), together)
        self._loopback = _loopback()

    def parts(self) -> Parts:
        """What happens to a request that was read, in this order."""
        answers = self._model.engine.answerer.answers
        return {
            "decode and check the record (msgspec)": lambda: list(map(self._model.reader.quick, self._bodies)),
            "make it a row of numbers": lambda: list(map(self._model.prepare, self._records)),
            "wait for the turn, in a queue": self._queue,
            RUN: _measured_elsewhere,
            "make the answer of the scores": lambda: [answers(seen, self._said) for seen in self._seen],
            "encode it (msgspec)": lambda: list(map(encode, self._values)),
            REPLY: self._reply,
            "count and time the request": lambda: [self._head.route.observe(200, 0.0001) for _ in self._bodies],
            "count classes, features and scores": self._observe,
        }

    def beside(self) -> Parts:
        """What comes on top: one system call to read and one to write, and the prediction log where it is asked for.

        And the model by itself: in the whole, other work has taken the processor's caches from it.
        """
        return {
            "read from and write to the socket": self._send,
            "prediction log, of every answer": self._log,
            "run the model again and again": lambda: [self._model.see(rows) for rows in self._turned(self._rows)],
        }

    def edge(self) -> None:
        """All rows from bytes to bytes, but with a reply that is known already and that nobody counts."""
        self._feed(self._answered, Turns())

    def whole(self) -> None:
        """All rows from bytes to bytes."""
        self._feed(self._clients, self._turns)

    def close(self) -> None:
        for one in self._loopback:
            one.close()

    def _timed(self, rows: Sequence[Any]) -> Any:
        began = thread_time()
        seen = self._model.see(rows)
        self.model_seconds += thread_time() - began
        return seen

    def _refuse_wrong(self) -> None:
        """Raises RuntimeError where what is measured gives no answers."""
        self.whole()
        for _, transport in self._clients[: len(self._bodies)]:
            if not transport.written.startswith(b"HTTP/1.1 200 OK\r\n"):
                raise RuntimeError(f"answered with {transport.written!r}")

    def _turned(self, given: Sequence[Any]) -> list[Sequence[Any]]:
        """What arrives in each turn of the loop."""
        return [given[start : start + self._together] for start in range(0, len(given), self._together)]

    def _feed(self, clients: Sequence[tuple[Connection, Collecting]], turns: Turns) -> None:
        for asked in self._turned(self._asked):
            for (connection, _), data in zip(clients, asked, strict=False):
                connection.data_received(data)
            turns.run()

    def _queue(self) -> None:
        turns = Turns()
        batcher = Batcher(_unseen, turns.append)
        for rows in self._turned(self._rows):
            for row in rows:
                batcher.submit(row, None, _untold, 0.0)
            turns.run()

    def _reply(self) -> None:
        wire, head, headers = Kept(), Head(Route(_untold, _untold)), self._model.json
        for reply in self._replies:
            Exchange(wire, head, b"0123456789-1", b"", keep_alive=True).answer(200, reply, headers)

    def _observe(self) -> None:
        exchanges = [self._exchange(i) for i in range(self._together)]
        for records, seen in zip(self._turned(self._records), self._seen, strict=True):
            self._observer.observe(exchanges[: len(records)], records, seen)
        self._observer.fold()

    def _log(self) -> None:
        """With the thread that writes it."""
        source = Source(self._model)
        exchanges = [self._exchange(i) for i in range(self._together)]
        with tempfile.TemporaryDirectory() as folder:
            log = PredictionLog(Path(folder))
            for records, seen in zip(self._turned(self._records), self._seen, strict=True):
                log.put(source, exchanges[: len(records)], records, seen)
            log.close(10.0)

    def _exchange(self, number: int) -> Exchange:
        return Exchange(Kept(), self._head, b"0123456789-%x" % number, self._bodies[0])

    def _send(self) -> None:
        client, server = self._loopback
        for asked, reply in zip(self._asked, self._replies, strict=True):
            client.send(asked)
            server.recv(65_536)
            server.send(reply)
            client.recv(65_536)


def _connected(edge: Edge, count: int) -> list[tuple[Connection, Collecting]]:
    """Clients of an edge, and what each of them is sent."""
    found = []
    for _ in range(count):
        connection, transport = Connection(edge), Collecting()
        connection.connection_made(transport)
        found.append((connection, transport))
    return found


def _constant(reply: bytes, headers: bytes) -> Edge:
    """Answers every request alike."""
    route = Route(lambda exchange: exchange.answer(200, reply, headers), _untold)
    return Edge({(b"POST", b"/predict"): route}, _untold, _untold)


def _loopback() -> tuple[socket.socket, socket.socket]:
    """Both ends of a TCP connection to ourselves."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        return client, listening.accept()[0]


def _measured_elsewhere() -> None:
    """What the model takes is told by the whole: by itself it is faster than it ever is in a worker."""


def _unseen(rows: Sequence[Any]) -> Sequence[Any]:
    """Instead of a model."""
    return rows


def _untold(*given: object) -> None:
    """Who is told and does not care."""
