"""A small HTTP server of a test's own, that answers as it is told: late, wrongly, in pieces, or not at all."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = Callable[["Asked"], bytes | Awaitable[bytes]]
"""A whole reply to a request; an empty one closes the connection without any."""


@dataclass(frozen=True)
class Asked:
    """One request: the how-manieth POST of its server it is, from 1 on."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    number: int


@dataclass
class Server:
    """Where it listens, and the bodies it was sent."""

    port: int
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def reply(body: bytes = b"{}", status: int = 200, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def answering(answer: Answer, described: Any = None) -> Iterator[Server]:
    """`with answering(lambda asked: reply(status=503)) as server: ...`; it describes itself where that is given."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    server, stop = Server(0), asyncio.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(talk, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        listening.close()
        talking = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            while (asked := await hear(reader, server)) and (said := await answered(asked)):
                writer.write(said)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answered(asked: Asked) -> bytes:
        if asked.method == "GET":
            known = described is not None and asked.path == "/openapi.json"
            return reply(json.dumps(described).encode()) if known else reply(status=404)
        said = answer(asked)
        return said if isinstance(said, bytes) else await said

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


async def hear(reader: asyncio.StreamReader, server: Server) -> Asked | None:
    begun = await reader.readexactly(4)
    if begun not in (b"POST", b"GET "):
        return None
    head = begun + await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    if method == "POST":
        server.bodies.append(body)
    return Asked(method, path, headers, body, len(server.bodies))
