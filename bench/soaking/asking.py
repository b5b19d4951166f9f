"""The clients, a process of their own: python -m bench.soaking.asking FOLDER PORT KEPT ANEW, until its input ends.

So many keep their connection, so many open one for each request, and none asks twice. Each request leaves a record in
FOLDER/records, and FOLDER/asked has their number.
"""

import asyncio
import mmap
import re
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.soaking.questions import Questions, read_questions
from bench.soaking.records import LOST, RECORD, WRONG

LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
CLOSES = b"\r\nConnection: close\r\n"
MOST_TOLD = 20
PATIENCE_SECONDS = 10.0  # at the end, with answers that are still to come
PAUSE_SECONDS = 0.1  # after a connection that was refused


class Tally:
    """Checks each answer and keeps a record of it."""

    def __init__(self, folder: Path, questions: Questions):
        self._questions, self.requests = questions, questions.requests()
        self._indexes = {name: index for index, name in enumerate(questions.given)}
        self._numbers, self._told = count(), 0
        self._records, self._faults = (folder / "records").open("wb"), (folder / "faults").open("w")
        self._asked = shared_number(folder / "asked", new=True)
        self._count = 0
        self.stopping = False

    def next(self) -> int:
        return next(self._numbers) % len(self.requests)

    def answered(self, number: int, asked: float, port: int, head: bytes, body: bytes) -> None:
        now = time.monotonic()
        try:
            revision, fault = self._questions.check(number, head + b"\r\n", body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # no JSON, or another shape of it
            revision, fault = "", f"{type(error).__name__}: {error}: {body[:200]!r}"
        self._keep(asked, now, port, WRONG if fault else self._indexes[revision])
        if fault:
            self._tell(fault)

    def lost(self, asked: float, port: int) -> None:
        self._keep(asked, time.monotonic(), port, LOST)

    def failed(self, asked: float, port: int, fault: str) -> None:
        self._keep(asked, time.monotonic(), port, WRONG)
        self._tell(fault)

    def close(self) -> None:
        self._records.close()
        self._faults.close()

    def _keep(self, asked: float, now: float, port: int, outcome: int) -> None:
        self._records.write(RECORD.pack(asked, now, port, outcome))
        self._count += 1
        self._asked[:] = self._count.to_bytes(8, "little")

    def _tell(self, fault: str) -> None:
        self._told += 1
        if self._told <= MOST_TOLD:
            self._faults.write(fault.replace("\n", " ")[:1000] + "\n")


class Client(asyncio.Protocol):
    """One connection with one request at a time; `done` is told whether it can be used again."""

    def __init__(self, tally: Tally, done: "asyncio.Queue[bool]"):
        self._tally, self._done = tally, done
        self._heard, self._asked, self._number = b"", 0.0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.port: int = transport.get_extra_info("sockname")[1]

    def ask(self) -> None:
        self._number = self._tally.next()
        self._heard, self._asked = b"", time.monotonic()
        self.transport.write(self._tally.requests[self._number])

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, gap, body = self._heard.partition(b"\r\n\r\n")
        if not gap or not self._asked:
            return
        length = LENGTH.search(head + b"\r\n")
        if length and len(body) < int(length[1]):
            return
        asked, self._asked = self._asked, 0.0
        self._tally.answered(self._number, asked, self.port, head, body)
        self._done.put_nowait(bool(length) and CLOSES not in head + b"\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked:
            self._tally.lost(self._asked, self.port)
            self._asked = 0.0
            self._done.put_nowait(False)

    def give_up(self) -> None:
        """At the end: what was asked and not answered in time has failed."""
        if self._asked:
            self._tally.failed(self._asked, self.port, f"request {self._number} was not answered")
            self._asked = 0.0
        self.transport.abort()


class Crowd:
    """All clients of the process."""

    def __init__(self, tally: Tally, port: int):
        self._tally, self._port, self._clients = tally, port, set[Client]()

    async def ask_on(self, keep: bool) -> None:
        """One client, until it is told to stop; what it has asked then it hears first."""
        done: asyncio.Queue[bool] = asyncio.Queue()
        client: Client | None = None
        while not self._tally.stopping:
            if client is None or client.transport.is_closing():
                client = await self._connect(client, done)
                if client is None:
                    continue
            client.ask()
            if not await done.get() or not keep:
                client.transport.close()
        if client:
            client.transport.close()

    async def _connect(self, before: Client | None, done: "asyncio.Queue[bool]") -> Client | None:
        self._clients.discard(before)  # type: ignore[arg-type]
        began = time.monotonic()
        try:
            _, client = await asyncio.get_running_loop().create_connection(
                lambda: Client(self._tally, done), "127.0.0.1", self._port
            )
        except OSError as error:
            self._tally.failed(began, 0, f"no connection: {error}")
            await asyncio.sleep(PAUSE_SECONDS)
            return None
        self._clients.add(client)
        return client

    def give_up(self) -> None:
        for client in self._clients:
            client.give_up()


def shared_number(path: Path, *, new: bool = False) -> mmap.mmap:
    """Eight bytes that two processes see."""
    if new:
        path.write_bytes(bytes(8))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), 8)


async def ask_until_told(tally: Tally, port: int, kept: int, anew: int) -> None:
    crowd = Crowd(tally, port)
    clients = [asyncio.create_task(crowd.ask_on(one < kept)) for one in range(kept + anew)]
    await asyncio.to_thread(sys.stdin.read)
    tally.stopping = True
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*clients), PATIENCE_SECONDS)
    crowd.give_up()


def main(folder: str, port: str, kept: str, anew: str) -> int:
    tally = Tally(Path(folder), read_questions(Path(folder) / "questions.json"))
    try:
        asyncio.run(ask_until_told(tally, int(port), int(kept), int(anew)))
    finally:
        tally.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
