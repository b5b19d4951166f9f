"""Clients that never come to an end: what a worker that stops must neither wait for nor be held by."""

import asyncio
from collections.abc import Sequence

from bench.stress.client import post

DRIP_SECONDS = 0.2
PIPELINED = 1_000  # far more than buffers hold of the answers, which take the worker next to nothing
LARGE = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
IDLE = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_HEAD = b"POST /predict HTTP/1.1\r\nHost: local"
HALF_BODY = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
SLOW_BODY = post("/predict", b" " * 100_000)[:-100_000]


class Stuck(asyncio.Protocol):
    """Says what it is told to, and hears nothing where it is deaf."""

    def __init__(self, deaf: bool):
        self._deaf = deaf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        if self._deaf:
            self.transport.pause_reading()


class Crowd:
    """Stuck clients of every kind, until let_go."""

    def __init__(self, silent: Sequence[Stuck], dripping: Stuck):
        self._all = [*silent, dripping]
        self._task = asyncio.create_task(_drip(dripping))

    def let_go(self) -> None:
        self._task.cancel()
        for one in self._all:
            one.transport.abort()


async def hold(port: int) -> Crowd:
    """One that is idle, one that never asked, two that stopped in the middle, one that reads no answer, one so slow."""
    silent = [await _open(port, said) for said in (IDLE, b"", HALF_HEAD, HALF_BODY)]
    silent.append(await _open(port, LARGE * PIPELINED, deaf=True))
    return Crowd(silent, await _open(port, SLOW_BODY))


async def _open(port: int, said: bytes, deaf: bool = False) -> Stuck:
    _, one = await asyncio.get_running_loop().create_connection(lambda: Stuck(deaf), "127.0.0.1", port)
    one.transport.write(said)
    return one


async def _drip(one: Stuck) -> None:
    while not one.transport.is_closing():
        one.transport.write(b" ")
        await asyncio.sleep(DRIP_SECONDS)
