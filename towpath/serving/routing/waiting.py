"""Requests that came while a service is paused: they wait in their order, so many of them and so long, and no more."""

from collections.abc import Callable
from typing import Protocol

from towpath.serving.exchange import Exchange

MOST_BYTES = 64 << 20  # of bodies that wait; a thousand requests of a mebibyte would be a gigabyte
AT_ONCE = 64  # that go on in one turn of the loop, so that new ones need not wait for all of them

Again = Callable[[Exchange], None]


class Timer(Protocol):
    """What call_later of a loop gives."""

    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


class Waiting:
    """Waiting(loop.call_later, most=1000, give_up=refuse); hold(exchange, again, seconds) ... release()"""

    def __init__(self, call_later: CallLater, most: int, give_up: Again):
        self._call_later, self._most, self._give_up = call_later, most, give_up
        self._held: dict[int, tuple[Exchange, Again, Timer]] = {}
        self._bytes = self._next = 0
        self._releasing = False

    def __len__(self) -> int:
        return len(self._held)

    def hold(self, exchange: Exchange, again: Again, seconds: float) -> bool:
        """Keep a request until release, at most so long; whether there was room for it."""
        if len(self._held) >= self._most or self._bytes + len(exchange.body) > MOST_BYTES:
            return False
        number, self._next = self._next, self._next + 1
        self._bytes += len(exchange.body)
        self._held[number] = (exchange, again, self._call_later(seconds, lambda: self._expire(number)))
        return True

    def release(self) -> None:
        """Answer what waits, eldest first, some in every turn."""
        if not self._releasing and self._held:
            self._releasing = True
            self._call_later(0, self._release_some)

    def hold_no_more(self) -> None:
        """Give up all that waits, and hold nothing from now on."""
        self._most = 0
        for number in list(self._held):
            self._expire(number)

    def stop_releasing(self) -> None:
        """It is paused again: what waits still waits on."""
        self._releasing = False

    def _release_some(self) -> None:
        for number in list(self._held)[:AT_ONCE]:
            if not self._releasing:
                return
            exchange, again = self._take(number)
            again(exchange)
        if self._held and self._releasing:
            self._call_later(0, self._release_some)
        else:
            self._releasing = False

    def _expire(self, number: int) -> None:
        if number in self._held:
            exchange, _ = self._take(number)
            self._give_up(exchange)

    def _take(self, number: int) -> tuple[Exchange, Again]:
        exchange, again, timer = self._held.pop(number)
        timer.cancel()
        self._bytes -= len(exchange.body)
        return exchange, again
