"""Thousands of connections that ask nothing, or ask slowly: what they do to those that ask.

python bench/connections.py [--small] [--check] [--bundle PATH]      # 10,000 idle, 1,000 slow heads, 1,000 slow bodies
--check fails where one legitimate request fails, or their p99 is over 1.2 times what it is without the others.
That needs a quiet machine.
"""

import argparse
import asyncio
import resource
import sys
import time
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stress.client import Asking, Reply, percentile, singles
from bench.stress.worker import Worker, bankchurn, conclude, facts, serving

RESULTS = Path(__file__).resolve().parent / "results" / "connections.json"
FULL, SMALL = (10_000, 1_000, 1_000), (500, 50, 50)
ASKING = 8  # connections that ask, each as soon as it was answered
ROUNDS = 3
MOST_SLOWER = 1.2
NOISE_MS = 0.1  # below which two latencies are one
AT_ONCE = 200  # connections opened together: a burst waits in the backlog
DRIP_SECONDS = 1.0
ONCE = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"


class Silent(asyncio.Protocol):
    """A connection that says what it is told to, and is opened again where the worker hangs up."""

    def __init__(self) -> None:
        self.alive = False
        self.heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.alive = True

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a twentieth of the connections, and shorter")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Else idle ones are closed within the run.
    with serving(bankchurn(given.bundle), "--limit", "idle_seconds=600") as worker:
        measured = asyncio.run(measure(worker, *(SMALL if given.small else FULL), 1.0 if given.small else 5.0))
    print("CONNECTIONS " + " ".join(f"{name}={value}" for name, value in measured.items()))
    told = facts("connections.py") | measured
    return conclude(told, None if given.small else RESULTS, faults(measured), check=given.check)


async def measure(worker: Worker, idle: int, heads: int, bodies: int, seconds: float) -> dict[str, float]:
    """Rounds of asking alone, then of asking among all the others."""
    await ask(worker.port, seconds)  # warm
    before = [await ask(worker.port, seconds) for _ in range(ROUNDS)]
    resting = worker.resident_bytes()
    crowd = await connect(worker.port, idle)
    for one in crowd:  # one that never asked anything is closed after five seconds, however quiet it is
        one.transport.write(ONCE)
    await asyncio.sleep(1.0)
    first = (await ask(worker.port, 0.2))[0]
    slow = [asyncio.create_task(drip(worker.port, start, many)) for start, many in ((HEAD, heads), (BODY, bodies))]
    await asyncio.sleep(2.0)
    during = [await ask(worker.port, seconds) for _ in range(ROUNDS)]
    held = sum(one.alive for one in crowd)
    for task in slow:
        task.cancel()
    told = await asyncio.gather(*slow, return_exceptions=True)
    return {
        "idle": idle,
        "slow": heads + bodies,
        "idle_held": held,
        "p99_alone_ms": p99(before),
        "p99_among_ms": p99(during),
        "first_ms": round(1e3 * first.seconds, 2),
        "asked": sum(map(len, during)),
        "failed": sum(reply.status != 200 for round in (*before, *during) for reply in round),
        "drip_faults": sum(isinstance(one, Exception) and not isinstance(one, asyncio.CancelledError) for one in told),
        "idle_megabytes": round((worker.resident_bytes() - resting) / 1e6, 1),
    }


def p99(rounds: list[list[Reply]]) -> float:
    """The median of the rounds' p99, in milliseconds."""
    found = sorted(percentile([reply.seconds for reply in one], 0.99) for one in rounds)
    return round(1e3 * found[len(found) // 2], 3)


def faults(measured: dict[str, float]) -> list[str]:
    found = []
    allowed = max(MOST_SLOWER * measured["p99_alone_ms"], measured["p99_alone_ms"] + NOISE_MS)
    if measured["p99_among_ms"] > allowed:
        found.append(f"p99 is {measured['p99_among_ms']} ms among the others, allowed are {allowed:.3f}")
    if measured["failed"] or measured["idle_held"] < measured["idle"] or measured["drip_faults"]:
        found.append("a request failed, or a connection that should be held was not")
    return found


async def ask(port: int, seconds: float) -> list[Reply]:
    """Some connections that ask one after the other."""
    replies: list[Reply] = []
    source, until = cycle(singles()), time.perf_counter() + seconds

    def done(asking: Asking, reply: Reply) -> None:
        replies.append(reply)
        if asking.alive and time.perf_counter() < until:
            asking.ask(next(source))

    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(lambda: Asking(done), "127.0.0.1", port))[1] for _ in range(ASKING)]
    for asking in made:
        asking.ask(next(source))
    await asyncio.sleep(seconds + 0.2)
    for asking in made:
        asking.transport.abort()
    return replies


async def connect(port: int, many: int) -> list[Silent]:
    loop = asyncio.get_running_loop()
    made: list[Silent] = []
    for start in range(0, many, AT_ONCE):
        wanted = [loop.create_connection(Silent, "127.0.0.1", port) for _ in range(min(AT_ONCE, many - start))]
        made += [one for _, one in await asyncio.gather(*wanted)]
    return made


async def drip(port: int, start: bytes, many: int) -> None:
    """Connections that send a byte now and then, and begin anew when the worker has had enough of them."""
    made = await connect(port, many)
    for one in made:
        one.transport.write(start)
    while True:
        await asyncio.sleep(DRIP_SECONDS)
        gone = [one for one in made if not one.alive]
        assert all(b" 408 " in one.heard or not one.heard for one in gone), "a slow request is told 408"
        made = [one for one in made if one.alive]
        for one in made:
            one.transport.write(b"a")
        anew = await connect(port, len(gone))
        for one in anew:
            one.transport.write(start)
        made += anew


if __name__ == "__main__":
    sys.exit(main())
