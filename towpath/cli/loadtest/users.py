"""Users that ask a server: in a closed loop each asks again when it was answered, in an open loop requests are due."""

import asyncio
import contextlib
import signal
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from towpath.cli.loadtest.connection import Broken, Connection
from towpath.core.latency import Latencies
from towpath.core.load import Counted

UNREACHED_SECONDS = 0.1  # a user waits after a connection that did not come about, so that none of them spins
SWEEP_SECONDS = 0.1  # between looks for replies that are overdue
TIMER_SECONDS = 0.002  # by which a timer may ring late: that is no waiting of the request's
NOT_SENT = "not sent in time"


@dataclass(frozen=True)
class Wish:
    """How a server is to be asked.

    rate: requests a second that are due, whatever becomes of those before; 0: each user asks again once it was
    answered. requests: how many at most, 0: as many as the seconds hold. spawn: users that begin in a second.
    """

    users: int = 50
    seconds: float = 60.0
    rate: float = 0.0
    requests: int = 0
    spawn: float = 10.0
    timeout: float = 10.0


@dataclass(frozen=True)
class Address:
    """Where a server listens; with a context it is spoken to over TLS."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Outcome:
    """What was counted, whether it was broken off, and the share of one processor that the users themselves took."""

    counted: Counted
    interrupted: bool
    own_share: float


Tell = Callable[[float, Counted], None]
"""Told now and then the seconds since the beginning, and what was counted so far."""


def put_load(address: Address, requests: Sequence[bytes], wish: Wish, tell: Tell, every: float = 5.0) -> Outcome:
    """Ask until the wish is fulfilled or Ctrl-C is pressed; requests are whole, and sent in rotation.

    Latencies of an open loop count from when a request was due, so that one that had to wait for a slow one before it
    is as late as its caller would have found it (no coordinated omission).
    """
    fast = _uvloop()
    with asyncio.Runner(loop_factory=fast.new_event_loop if fast else None) as runner:
        return runner.run(Crowd(address, requests, wish).ask(tell, every))


class Crowd:
    """All users of a load test and what they count."""

    def __init__(self, address: Address, requests: Sequence[bytes], wish: Wish):
        self._wish, self._requests = wish, requests
        self._connections = [
            Connection(address.host, address.port, address.tls, wish.timeout) for _ in range(wish.users)
        ]
        self._counted = Counted(Latencies(), errors={})
        self._asked = 0
        self._began = self._until = self._last = 0.0
        self._over = asyncio.Event()

    async def ask(self, tell: Tell, every: float) -> Outcome:
        used = time.process_time()
        self._began = time.perf_counter()
        self._until = self._began + self._wish.seconds
        users = [asyncio.ensure_future(self._user(i, one)) for i, one in enumerate(self._connections)]
        helpers = [asyncio.ensure_future(self._sweep()), asyncio.ensure_future(self._tell(tell, every))]
        with _interruptible(users) as interrupted:
            await asyncio.gather(*users, return_exceptions=True)
        for task in (*users, *helpers):
            task.cancel()
        for one in self._connections:
            one.close()
        for user in users:
            if not user.cancelled() and (fault := user.exception()):
                raise fault
        self._conclude(bool(interrupted))
        own = (time.process_time() - used) / max(time.perf_counter() - self._began, 1e-9)
        return Outcome(self._counted, bool(interrupted), own)

    async def _user(self, number: int, connection: Connection) -> None:
        if self._wish.rate:
            return await self._serve_what_is_due(connection)
        before = number / self._wish.spawn
        if before >= self._wish.seconds or await self._is_over(before):
            return
        while self._goes_on():
            await self._one(connection, self._take(), time.perf_counter())

    async def _serve_what_is_due(self, connection: Connection) -> None:
        while self._goes_on():
            number = self._take()
            due = self._began + number / self._wish.rate
            if due >= self._until:
                self._asked -= 1  # nobody sends it
                return
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            if now >= self._until and now - due >= TIMER_SECONDS:
                self._count_error(NOT_SENT)
                return
            await self._one(connection, number, now if now - due < TIMER_SECONDS else due)

    async def _is_over(self, seconds: float) -> bool:
        """Whether all ends within so many seconds; waits for that or for them."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return not self._goes_on()

    def _goes_on(self) -> bool:
        enough = self._wish.requests and self._asked >= self._wish.requests
        if enough or time.perf_counter() >= self._until:
            self._over.set()
        return not self._over.is_set()

    def _take(self) -> int:
        self._asked += 1
        return self._asked - 1

    async def _one(self, connection: Connection, number: int, since: float) -> None:
        """One request, counted whatever becomes of it."""
        try:
            status = await connection.ask(self._requests[number % len(self._requests)])
        except Broken as broken:
            self._count_error(kind := str(broken))
            if kind == "timeout":
                self._counted.latencies.add(time.perf_counter() - since)
            elif kind in ("connection refused", "no connection"):
                await asyncio.sleep(UNREACHED_SECONDS)
            return
        now = time.perf_counter()
        if not 200 <= status < 300:
            return self._count_error(f"HTTP {status}")
        self._counted.latencies.add(now - since)
        self._counted.good += 1
        self._last = now
        if now > self._until:
            self._counted.late += 1

    def _count_error(self, kind: str) -> None:
        self._counted.errors[kind] = self._counted.errors.get(kind, 0) + 1

    def _conclude(self, interrupted: bool) -> None:
        """The seconds that throughput is counted over, and what was due and never sent."""
        now = time.perf_counter()
        ended = min(now, self._until)
        if self._wish.requests and self._asked >= self._wish.requests:
            ended = min(ended, self._last or ended)
        self._counted.seconds = ended - self._began
        if self._wish.rate and not interrupted:
            due = min(int(self._wish.rate * self._wish.seconds), self._wish.requests or self._asked + 10**12)
            if due > self._asked:
                self._counted.errors[NOT_SENT] = self._counted.errors.get(NOT_SENT, 0) + due - self._asked

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = time.perf_counter()
            for one in self._connections:
                one.expire(now)

    async def _tell(self, tell: Tell, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            tell(time.perf_counter() - self._began, self._counted)


@contextlib.contextmanager
def _interruptible(users: Sequence["asyncio.Future[None]"]) -> Iterator[list[bool]]:
    """Ctrl-C breaks the users off; the list that is given then is not empty."""
    loop, pressed = asyncio.get_running_loop(), list[bool]()

    def stop() -> None:
        pressed.append(True)
        for user in users:
            user.cancel()

    try:
        loop.add_signal_handler(signal.SIGINT, stop)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread: Ctrl-C loses the numbers
        yield pressed
        return
    try:
        yield pressed
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _uvloop() -> ModuleType | None:
    """uvloop where it is installed: its users ask twice as often."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop
    return None
