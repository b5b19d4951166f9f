"""A worker's end of the channel to its supervisor: beats while the loop turns, orders, the end when nobody is there."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from towpath.serving import journal
from towpath.serving.running import MARK
from towpath.serving.supervising.channel import Lines, read, written
from towpath.serving.supervising.handed import Handed
from towpath.serving.telemetry import Told

BEAT_SECONDS = 0.5
SUM_SECONDS = 1.0  # that a scrape waits for the sum over all workers; the supervisor answers within a tenth
END_SECONDS = 0.2  # for the last words on the way to the supervisor
TO_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl

Orders = Mapping[str, Callable[[Any], None]]
"""What the supervisor may ask for, by name, with what it says of it."""


def tie_to_supervisor() -> None:
    """Be asked to stop when the supervisor dies, even before the loop turns; the channel tells it everywhere else."""
    with contextlib.suppress(ImportError, OSError, AttributeError):  # not Linux
        import ctypes

        ctypes.CDLL(None).prctl(TO_DIE_WITH_PARENT, signal.SIGTERM)


class Lifeline(asyncio.Protocol):
    """Lifeline(handed); await lifeline.begin(orders, exposition); lifeline.ready(); ...; await lifeline.end()"""

    def __init__(self, handed: Handed):
        MARK.share(handed.memory)
        self._sock = socket.socket(fileno=handed.channel)
        self._lines, self._numbers = Lines(), count(1)
        self._asked: dict[int, Told] = {}
        self._transport: asyncio.Transport | None = None

    async def begin(self, orders: Orders, exposition: Callable[[], bytes]) -> None:
        """Listen to orders. One of them, `stop`, also comes when the supervisor is gone."""
        self._exposition = exposition
        self._orders: Orders = {"tell": self._tell, "sum": self._pass_on, **orders}
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        self._transport, _ = await self._loop.create_unix_connection(lambda: self, sock=self._sock)

    def ready(self) -> None:
        """All is open and listening. From now on a silence means that this process hangs."""
        self._say(ready=os.getpid())
        self._beat()

    def ask_for_sum(self, told: Told) -> None:
        """The exposition of all workers together."""
        number = next(self._numbers)
        self._asked[number] = told
        self._say(scrape=number, text=self._exposition().decode())
        self._loop.call_later(SUM_SECONDS, self._answer, number, None)

    async def end(self) -> None:
        """Say what was counted, once and for all, and hang up."""
        self._say(last=self._exposition().decode())
        if self._transport:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), END_SECONDS)

    # what the event loop tells

    def data_received(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            for message in read(line):
                for name in self._orders.keys() & message.keys():
                    self._obey(name, message if name == "sum" else message[name])

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._closed.set()
        self._orders["stop"](None)

    # its own steps

    def _obey(self, name: str, said: Any) -> None:
        try:
            self._orders[name](said)
        except Exception as error:  # the door: an order that cannot be followed must not look like a lost supervisor
            journal.tell("order_failed", order=name, **journal.traced(error))

    def _beat(self) -> None:
        if self._transport:
            self._say(beat=os.getpid())
            self._loop.call_later(BEAT_SECONDS, self._beat)

    def _tell(self, number: int) -> None:
        self._say(told=number, text=self._exposition().decode())

    def _pass_on(self, message: Mapping[str, Any]) -> None:
        self._answer(message["sum"], message["text"].encode())

    def _answer(self, number: int, text: bytes | None) -> None:
        if told := self._asked.pop(number, None):
            told(text)

    def _say(self, **facts: Any) -> None:
        if self._transport:
            self._transport.write(written(facts))
