"""Three times as much as a worker can do: what it still answers, what it refuses, and how soon all is well again.

python bench/overload.py [--small] [--check] [--bundle PATH]
--check fails where fewer than 80 % of the peak are answered in time, a refusal is none of ours, or it takes over 5 s.
That needs a quiet machine.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.stress.client import Asking, Reply, batches, percentile
from bench.stress.worker import bankchurn, conclude, facts, serving

RESULTS = Path(__file__).resolve().parent / "results" / "overload.json"
ROWS = 100  # in a request: one that costs the server far more than the client, so that three times as much can be sent
CROWD = 8  # connections that find the peak
POOL = 1_000  # connections that bring the overload; one that waits for its reply asks nothing meanwhile
FACTOR = 3.0
CALM = 0.5  # share of the peak before and after
IN_TIME_SECONDS = 1.0
LEAST_GOODPUT, MOST_RECOVERY_SECONDS = 0.8, 5.0
WELL = 2.0  # times the latency before, within which it is well again
WINDOW_SECONDS = 0.5


@dataclass
class Heard:
    """The replies of a phase, each with the time at which it came."""

    began: float = field(default_factory=time.perf_counter)
    replies: list[tuple[float, Reply]] = field(default_factory=list)
    unsent: int = 0

    def add(self, reply: Reply) -> None:
        self.replies.append((time.perf_counter() - self.began, reply))

    def count(self, status: int) -> int:
        return sum(reply.status == status for _, reply in self.replies)

    def good(self) -> list[float]:
        """Seconds of the answers that came in time."""
        return [one.seconds for _, one in self.replies if one.status == 200 and one.seconds <= IN_TIME_SECONDS]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="shorter")
    parser.add_argument("--check", action="store_true", help="fail where a promise is not kept")
    parser.add_argument("--bundle", default="", help="a packed bankchurn, else one is trained")
    given = parser.parse_args()
    with serving(bankchurn(given.bundle)) as worker:
        measured = asyncio.run(measure(worker.port, 3.0 if given.small else 15.0))
    print("OVERLOAD " + " ".join(f"{name}={value}" for name, value in measured.items()))
    told = facts("overload.py") | measured
    return conclude(told, None if given.small else RESULTS, faults(measured), check=given.check)


async def measure(port: int, seconds: float) -> dict[str, float]:
    """Peak, calm, overload, and calm again."""
    requests = batches(ROWS)
    await closed_loop(port, requests, 1.0)  # warm
    peak = len((await closed_loop(port, requests, seconds)).good()) / seconds
    before = await open_loop(port, requests, CALM * peak, seconds, CROWD * 4)
    heard = await open_loop(port, requests, FACTOR * peak, seconds, POOL)
    after = await open_loop(port, requests, CALM * peak, max(seconds, MOST_RECOVERY_SECONDS + 2), CROWD * 4)
    baseline = percentile(before.good(), 0.99)
    refused = [reply for _, reply in heard.replies if reply.status == 503]
    return {
        "peak_per_second": round(peak, 1),
        "offered_per_second": round((len(heard.replies) + heard.unsent) / seconds, 1),
        "goodput": round(len(heard.good()) / seconds / peak, 3),
        "refused": len(refused),
        "told_when": sum(b"\r\nRetry-After: " in reply.head for reply in refused),
        "others": len(heard.replies) - heard.count(200) - len(refused),
        "unsent": heard.unsent,
        "p99_before_ms": round(1e3 * baseline, 1),
        "p99_accepted_ms": round(1e3 * percentile(heard.good(), 0.99), 1),
        "recovered_seconds": recovery(after, baseline),
    }


def recovery(after: Heard, baseline: float) -> float:
    """The end of the last window that was not well, in seconds from the end of the overload."""
    last = 0.0
    for at, reply in after.replies:
        if reply.status != 200 or reply.seconds > max(WELL * baseline, 0.05):
            last = max(last, (at // WINDOW_SECONDS + 1) * WINDOW_SECONDS)
    return last


def faults(measured: dict[str, float]) -> list[str]:
    found = []
    if measured["goodput"] < LEAST_GOODPUT:
        found.append(f"goodput is {measured['goodput']} of the peak, promised are {LEAST_GOODPUT}")
    if measured["others"] or measured["told_when"] != measured["refused"] or not measured["refused"]:
        found.append("what is too much should be refused with 503 and Retry-After, and with nothing else")
    if measured["recovered_seconds"] > MOST_RECOVERY_SECONDS:
        found.append(f"it was well again after {measured['recovered_seconds']} s, promised are {MOST_RECOVERY_SECONDS}")
    return found


async def closed_loop(port: int, requests: list[bytes], seconds: float) -> Heard:
    """A few connections, each of which asks as soon as it was answered."""
    heard, source, until = Heard(), cycle(requests), time.perf_counter() + seconds

    def done(asking: Asking, reply: Reply) -> None:
        heard.add(reply)
        if time.perf_counter() < until and asking.alive:
            asking.ask(next(source))

    crowd = [await connect(port, done) for _ in range(CROWD)]
    heard.began = time.perf_counter()
    for asking in crowd:
        asking.ask(next(source))
    await asyncio.sleep(seconds + 0.5)
    for asking in crowd:
        asking.transport.abort()
    return heard


async def open_loop(port: int, requests: list[bytes], rate: float, seconds: float, pool: int) -> Heard:
    """So many requests a second, whatever becomes of them; where no connection is free, one is not sent."""
    heard, source, free = Heard(), cycle(requests), []

    def done(asking: Asking, reply: Reply) -> None:
        if not ended:
            heard.add(reply)
        if asking.alive:
            free.append(asking)

    ended = False
    crowd = [await connect(port, done) for _ in range(pool)]
    free.extend(crowd)
    heard.began, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - heard.began) < seconds:
        while sent < elapsed * rate:
            sent += 1
            if free:
                free.pop().ask(next(source))
            else:
                heard.unsent += 1
        await asyncio.sleep(0.001)
    ended = True
    for asking in crowd:
        asking.transport.abort()
    return heard


async def connect(port: int, done) -> Asking:
    _, asking = await asyncio.get_running_loop().create_connection(lambda: Asking(done), "127.0.0.1", port)
    return asking


if __name__ == "__main__":
    sys.exit(main())
