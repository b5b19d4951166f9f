"""A worker's end of the channel to its supervisor."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable

import pytest

from towpath.serving import lifeline as module
from towpath.serving.lifeline import Lifeline
from towpath.serving.running import MARK
from towpath.serving.supervising.handed import Handed
from towpath.serving.supervising.memory import Memory


class Supervisor:
    """The other end, and what the worker was asked to do."""

    def __init__(self) -> None:
        self.sock, theirs = socket.socketpair()
        self.sock.setblocking(False)
        self.memory = Memory()
        self.lifeline = Lifeline(Handed(0, os.getpid(), [], theirs.detach(), os.dup(self.memory.file)))
        self.obeyed: list[tuple[str, object]] = []

    async def begin(self) -> None:
        orders = {name: lambda said, name=name: self.obeyed.append((name, said)) for name in ("drain", "stop")}
        await self.lifeline.begin(orders | {"quarantine": self.fail}, lambda: b"mine\n")

    def fail(self, said: object) -> None:
        raise ZeroDivisionError

    async def heard(self, name: str) -> dict[str, object]:
        """The next message with that name."""
        loop, rest = asyncio.get_running_loop(), b""
        while True:
            rest += await asyncio.wait_for(loop.sock_recv(self.sock, 65536), 5)
            for line in rest.split(b"\n"):
                if line.endswith(b"}") and name in (message := json.loads(line)):
                    return message

    def say(self, **facts: object) -> None:
        self.sock.send(json.dumps(facts).encode() + b"\n")


def told(test: Callable[[Supervisor], Awaitable[None]]) -> None:
    async def begun() -> None:
        supervisor = Supervisor()
        await supervisor.begin()
        try:
            await test(supervisor)
        finally:
            supervisor.sock.close()
            await supervisor.lifeline.end()
            supervisor.memory.close()

    asyncio.run(begun())


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(module, "SUM_SECONDS", 0.05)


def test_ready_is_said_once_and_beats_follow_while_the_loop_turns():
    async def test(supervisor):
        supervisor.lifeline.ready()
        assert await supervisor.heard("ready") == {"ready": os.getpid()}
        assert await supervisor.heard("beat") and await supervisor.heard("beat")

    told(test)


def test_orders_are_followed_and_unknown_ones_left_alone(capfd):
    async def test(supervisor):
        supervisor.say(dance=1)
        supervisor.say(quarantine=["ab"])  # which fails here
        supervisor.say(drain=5.0)
        await asyncio.sleep(0.05)
        assert supervisor.obeyed == [("drain", 5.0)]

    told(test)


def test_without_a_supervisor_it_stops():
    async def test(supervisor):
        supervisor.sock.close()
        await asyncio.sleep(0.05)
        assert supervisor.obeyed == [("stop", None)]

    told(test)


def test_the_sum_is_asked_for_with_its_own_counts_and_passed_on():
    async def test(supervisor):
        given = []
        supervisor.lifeline.ask_for_sum(given.append)
        asked = await supervisor.heard("scrape")
        assert asked["text"] == "mine\n"
        supervisor.say(sum=asked["scrape"], text="ours\n")
        await asyncio.sleep(0.1)
        assert given == [b"ours\n"]

    told(test)


def test_a_supervisor_that_does_not_answer_gives_no_sum_rather_than_one_workers():
    async def test(supervisor):
        given = []
        supervisor.lifeline.ask_for_sum(given.append)
        await asyncio.sleep(0.1)
        assert given == [None]

    told(test)


def test_asked_what_it_counted_it_tells_and_at_its_end_it_does_so_unasked():
    async def test(supervisor):
        supervisor.say(tell=7)
        assert await supervisor.heard("told") == {"told": 7, "text": "mine\n"}
        await supervisor.lifeline.end()
        assert await supervisor.heard("last") == {"last": "mine\n"}

    told(test)


def test_what_its_model_runs_for_is_marked_where_the_supervisor_sees_it():
    async def test(supervisor):
        MARK.enter(MARK.index("cd" * 32))
        assert supervisor.memory.running() == "cd" * 32
        MARK.leave()

    told(test)
