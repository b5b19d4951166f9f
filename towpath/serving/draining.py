"""How a worker ends: it is asked to, answers what is under way, and is gone in time whatever its clients do."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from time import monotonic

from towpath.serving.edge import Edge

GRACE_SECONDS = 6.0  # for requests under way; with log and journal seven, and whoever asked is promised eight
IDLE_SECONDS = 0.25  # of these for connections without a request: many ask once more, and are told to come anew
ACCEPT_SHARE = 0.1  # of that time, in which who waits in the socket's queue is still let in
HEARD = 3  # looks at all sockets before any is closed: one lets a client in, the next reads what it sent
END_SECONDS = 7.8  # after which the system ends a process that did not get there itself
ENDINGS = ("SIGTERM", "SIGINT", "SIGHUP")


class Stop:
    """Asked for once, however often; `idle_seconds` is how long connections without a request may stay."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._event = asyncio.Event()
        self.idle_seconds = IDLE_SECONDS
        for number in (getattr(signal, name) for name in ENDINGS if hasattr(signal, name)):
            try:
                loop.add_signal_handler(number, self.ask)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.ask))

    def ask(self, idle_seconds: float = IDLE_SECONDS) -> None:
        if not self._event.is_set():
            self.idle_seconds = idle_seconds
            self._event.set()

    async def asked(self) -> None:
        """Returns when it is; from then on the system counts too."""
        await self._event.wait()
        with contextlib.suppress(AttributeError):  # not Windows
            signal.setitimer(signal.ITIMER_REAL, END_SECONDS)


async def drain(edge: Edge, servers: Sequence[asyncio.AbstractServer], idle_seconds: float) -> int:
    """Answer all that comes with `Connection: close`, then close; how many had to be cut after the grace.

    To close a connection that has no request would lose the one which its client is just sending.
    """
    began = monotonic()
    edge.draining = True
    await asyncio.sleep(ACCEPT_SHARE * idle_seconds)
    await _hear()
    for server in servers:
        server.close()
    while edge.connections and monotonic() < began + min(idle_seconds, GRACE_SECONDS):
        await asyncio.sleep(0.01)
    await _hear()
    return await edge.drain(max(0.0, began + GRACE_SECONDS - monotonic()))


async def _hear() -> None:
    """Take in what has arrived: a loop that is late wakes whoever sleeps before it looks at its sockets."""
    for _ in range(HEARD):
        await asyncio.sleep(0.001)
